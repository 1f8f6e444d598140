// Functions of one number that need no more than a few instructions.
#include <cmath>
#include <type_traits>

#include "elementwise.h"

namespace sklort {
namespace {

// Floats go to a hot loop; `integers` says whether the operator takes integers, and `other` is what it does to them.
template <Simple function, bool integers, class Other>
class Unary final : public Op {
 public:
  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int threads = call.threads();
    if (!is_floating(data.dtype)) {
      if constexpr (integers) {
        require_number(data.dtype);
        const Tensor& out = call.allocate(0, data.dtype, data.shape);
        with_arithmetic(data.dtype,
                        [&]<class T>(T) { map_elements<T, T>(data, out, cheap_grain, threads, Other::template apply<T>); });
        return;
      } else {
        require_floating(data.dtype);
      }
    }
    const Tensor in = in_type(call, data, working_type(data.dtype));
    produce(call, 0, data.dtype, data.shape,
            [&](const Tensor& out) { run_unary(in, out, simple_loop(function, in.dtype), cheap_grain, threads); });
  }
};

struct Nothing {};

struct AbsoluteOf {
  template <class T>
  static T apply(T x) noexcept {
    return x < T{} ? SubtractOf::apply(T{}, x) : x;
  }
};

struct NegativeOf {
  template <class T>
  static T apply(T x) noexcept {
    return SubtractOf::apply(T{}, x);
  }
};

struct ReluOf {
  template <class T>
  static T apply(T x) noexcept {
    return x > T{} ? x : T{};
  }
};

class Sign final : public Op {
 public:
  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const Tensor in = in_type(call, data, working_type(data.dtype));
    produce(call, 0, data.dtype, data.shape, [&](const Tensor& out) {
      with_arithmetic(in.dtype, [&]<class T>(T) {
        map_elements<T, T>(in, out, cheap_grain, call.threads(), [](T x) noexcept {
          if constexpr (std::is_floating_point_v<T>) {
            if (x != x) return x;
          }
          return static_cast<T>(static_cast<int>(x > T{}) - static_cast<int>(x < T{}));
        });
      });
    });
  }
};

class LeakyRelu final : public Op {
 public:
  explicit LeakyRelu(const Node& node) : alpha_(node.number("alpha", static_cast<double>(0.01F))) {}

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    require_floating(data.dtype);
    const Tensor in = in_type(call, data, working_type(data.dtype));
    produce(call, 0, data.dtype, data.shape, [&](const Tensor& out) {
      with_float(in.dtype, [&]<class T>(T) {
        map_elements<T, T>(in, out, cheap_grain, call.threads(),
                           [alpha = static_cast<T>(alpha_)](T x) noexcept { return x >= T{} ? x : alpha * x; });
      });
    });
  }

 private:
  double alpha_;
};

const Registration absolute{"", "Abs", 1, any_version, make<Unary<Simple::absolute, true, AbsoluteOf>>};
const Registration negative{"", "Neg", 1, any_version, make<Unary<Simple::negative, true, NegativeOf>>};
const Registration relu{"", "Relu", 1, any_version, make<Unary<Simple::relu, true, ReluOf>>};
const Registration root{"", "Sqrt", 1, any_version, make<Unary<Simple::root, false, Nothing>>};
const Registration reciprocal{"", "Reciprocal", 1, any_version, make<Unary<Simple::reciprocal, false, Nothing>>};
const Registration floor{"", "Floor", 1, any_version, make<Unary<Simple::floor, false, Nothing>>};
const Registration ceil{"", "Ceil", 1, any_version, make<Unary<Simple::ceil, false, Nothing>>};
const Registration round{"", "Round", 11, any_version, make<Unary<Simple::round, false, Nothing>>};
const Registration sign{"", "Sign", 9, any_version, make<Sign>};
const Registration leaky_relu{"", "LeakyRelu", 1, any_version, make<LeakyRelu>};

}  // namespace
}  // namespace sklort
