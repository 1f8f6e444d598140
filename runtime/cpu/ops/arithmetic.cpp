// Add, Sub, Mul, Div, Mod and Pow, with NumPy's broadcasting.
#include <cmath>
#include <limits>

#include "broadcast.h"
#include "elementwise.h"

namespace sklort {
namespace {

bool is_integer(DType dtype) noexcept { return is_number(dtype) && !is_floating(dtype); }

void refuse_zeros(const Tensor& divisor) {
  with_number(divisor.dtype, [&]<class T>(T) {
    for (const T value : divisor.span<T>()) {
      if (value == T{}) fail("integer division by zero");
    }
  });
}

struct QuotientOf {
  template <class T>
  static T apply(T a, T b) noexcept {
    if constexpr (std::is_signed_v<T>) {
      if (b == T{-1}) return SubtractOf::apply(T{}, a);  // the smallest number stays, where the processor would trap
    }
    return static_cast<T>(a / b);
  }
};

template <Arithmetic operation>
class Binaries final : public Op {
 public:
  explicit Binaries(const Node& node) : alignment_(node) {}

  DType result(int, std::span<const DType> inputs) const override { return promote(inputs[0], inputs[1]); }

  void run(Call& call) const override {
    const Tensor& first = call.tensor(0);
    const Tensor second = alignment_.align(first, call.tensor(1));
    const DType dtype = promote(first.dtype, second.dtype);
    require_number(first.dtype);
    require_number(second.dtype);
    if (dtype == DType::boolean) fail("arithmetic on bool is not defined");
    const Shape shape = broadcast(first.shape, second.shape);
    const DType working = working_type(dtype);
    const Tensor a = in_type(call, first, working);
    const Tensor b = in_type(call, second, working);
    BinaryLoops loops;
    if (operation == Arithmetic::divide && is_integer(dtype)) {
      if (shape.count() != 0) refuse_zeros(b);
      loops = with_arithmetic(dtype, []<class T>(T) { return Binary<T, T, QuotientOf>::loops; });
    } else {
      loops = arithmetic_loops(operation, working);
    }
    produce(call, 0, dtype, shape, [&](Tensor& out) { run_binary(a, b, out, loops, cheap_grain, call.threads()); });
  }

 private:
  Alignment alignment_;
};

// The remainder with the sign of the divisor, as Python has it.
struct ModuloOf {
  template <class T>
  static T apply(T a, T b) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      const T rest = std::fmod(a, b);
      if (std::isnan(rest)) return rest;
      if (rest == T{}) return std::copysign(rest, b);
      return (rest < T{}) != (b < T{}) ? rest + b : rest;
    } else if constexpr (std::is_signed_v<T>) {
      if (b == T{-1}) return T{};
      const T rest = static_cast<T>(a % b);
      return rest != T{} && (rest < T{}) != (b < T{}) ? static_cast<T>(rest + b) : rest;
    } else {
      return static_cast<T>(a % b);
    }
  }
};

// The remainder with the sign of the dividend, as C has it.
struct RemainderOf {
  template <class T>
  static T apply(T a, T b) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      return std::fmod(a, b);
    } else {
      if constexpr (std::is_signed_v<T>) {
        if (b == T{-1}) return T{};
      }
      return static_cast<T>(a % b);
    }
  }
};

class Mod final : public Op {
 public:
  explicit Mod(const Node& node) : as_in_c_(node.integer("fmod", 0) != 0) {}

  DType result(int, std::span<const DType> inputs) const override { return promote(inputs[0], inputs[1]); }

  void run(Call& call) const override {
    const Tensor& first = call.tensor(0);
    const Tensor& second = call.tensor(1);
    const DType dtype = promote(first.dtype, second.dtype);
    const DType working = working_type(dtype);
    const Shape shape = broadcast(first.shape, second.shape);
    const Tensor a = in_type(call, first, working);
    const Tensor b = in_type(call, second, working);
    if (is_integer(dtype) && shape.count() != 0) refuse_zeros(b);
    const BinaryLoops loops = with_arithmetic(
        working, [&]<class T>(T) { return as_in_c_ ? Binary<T, T, RemainderOf>::loops : Binary<T, T, ModuloOf>::loops; });
    produce(call, 0, dtype, shape, [&](Tensor& out) { run_binary(a, b, out, loops, costly_grain, call.threads()); });
  }

 private:
  bool as_in_c_;
};

struct PowerOf {
  template <class T>
  static T apply(T a, T b) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      return std::pow(a, b);
    } else {
      if constexpr (std::is_signed_v<T>) {
        // Truncated towards zero; a zero base has been refused.
        if (b < T{}) return a == T{1} ? T{1} : a == T{-1} ? static_cast<T>(b % 2 == 0 ? 1 : -1) : T{};
      }
      T power = 1;
      for (T square = a; b != T{}; b = static_cast<T>(b / 2), square = MultiplyOf::apply(square, square)) {
        if (b % 2 != 0) power = MultiplyOf::apply(power, square);
      }
      return power;
    }
  }
};

class Pow final : public Op {
 public:
  explicit Pow(const Node& node) : alignment_(node) {}

  // The base decides the type of the result, whatever the exponent's is.
  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& base = call.tensor(0);
    const Tensor exponent = alignment_.align(base, call.tensor(1));
    require_number(base.dtype);
    require_number(exponent.dtype);
    const Shape shape = broadcast(base.shape, exponent.shape);
    const DType working = working_type(promote(base.dtype, exponent.dtype));
    const Tensor a = in_type(call, base, working);
    const Tensor b = in_type(call, exponent, working);
    if (shape.count() != 0) refuse_negative_powers_of_zero(a, b);
    const BinaryLoops loops = with_arithmetic(working, []<class T>(T) { return Binary<T, T, PowerOf>::loops; });
    const auto fill = [&](const Tensor& out) {
      // NumPy squares where the exponent is two; so does everyone who must agree with it to the last bit.
      if (b.count() == 1 && is_floating(working) && is_two(b)) {
        run_binary(a, a, Tensor{out.dtype, a.shape, out.data, {}}, arithmetic_loops(Arithmetic::multiply, working), cheap_grain,
                   call.threads());
      } else {
        run_binary(a, b, out, loops, costly_grain, call.threads());
      }
    };
    if (working == base.dtype) {
      fill(call.allocate(0, base.dtype, shape));
    } else {
      const Tensor wide = scratch_tensor(call, working, shape);
      fill(wide);
      convert_numbers(wide, call.allocate(0, base.dtype, shape), call.threads());
    }
  }

 private:
  static bool is_two(const Tensor& exponent) noexcept {
    return exponent.dtype == DType::float32 ? *exponent.as<float>() == 2.0F : *exponent.as<double>() == 2.0;
  }

  static void refuse_negative_powers_of_zero(const Tensor& base, const Tensor& exponent) {
    with_number(base.dtype, [&]<class T>(T) {
      if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
        bool zero = false;
        bool negative = false;
        for (const T value : base.span<T>()) zero |= value == T{};
        for (const T value : exponent.span<T>()) negative |= value < T{};
        if (zero && negative) fail("zero to a negative power is not an integer");
      }
    });
  }

  Alignment alignment_;
};

const Registration add{"", "Add", 1, any_version, make<Binaries<Arithmetic::add>>};
const Registration subtract{"", "Sub", 1, any_version, make<Binaries<Arithmetic::subtract>>};
const Registration multiply{"", "Mul", 1, any_version, make<Binaries<Arithmetic::multiply>>};
const Registration divide{"", "Div", 1, any_version, make<Binaries<Arithmetic::divide>>};
const Registration mod{"", "Mod", 10, any_version, make<Mod>};
const Registration pow{"", "Pow", 1, any_version, make<Pow>};

}  // namespace
}  // namespace sklort
