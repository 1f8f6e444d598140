// Max, Min, Sum and Mean of any number of inputs, and Clip.
#include <limits>
#include <optional>

#include "broadcast.h"
#include "elementwise.h"

namespace sklort {
namespace {

template <Arithmetic operation, bool averaged>
class Variadic final : public Op {
 public:
  DType result(int, std::span<const DType> inputs) const override {
    DType dtype = inputs[0];
    for (const DType one : inputs) dtype = promote(dtype, one);
    return dtype;
  }

  void run(Call& call) const override {
    DType dtype = call.tensor(0).dtype;
    Shape shape = call.tensor(0).shape;
    for (int i = 0; i < call.inputs(); ++i) {
      const Tensor& one = call.tensor(i);
      require_number(one.dtype);
      dtype = promote(dtype, one.dtype);
      shape = broadcast(shape, one.shape);
    }
    if (dtype == DType::boolean) fail("arithmetic on bool is not defined");
    if (averaged) require_floating(dtype);
    if (call.inputs() == 1) {
      call.set(0, call.value(0));
      return;
    }
    const DType working = working_type(dtype);
    const BinaryLoops loops = arithmetic_loops(operation, working);
    produce(call, 0, dtype, shape, [&](const Tensor& out) {
      // Two partial results in turn, as a loop's operands may not overlap; the last step writes the output.
      Tensor total = in_type(call, call.tensor(0), working);
      const int last = call.inputs() - 1;
      Tensor spare[2];
      for (int i = 1; i <= last; ++i) {
        const Tensor operand = in_type(call, call.tensor(i), working);
        const Shape partial = broadcast(total.shape, operand.shape);
        Tensor target = out;
        if (i != last) {
          Tensor& scratch = spare[i % 2];
          if (scratch.data == nullptr) scratch = scratch_tensor(call, working, shape);
          target = Tensor{working, partial, scratch.data, {}};
        }
        run_binary(total, operand, target, loops, cheap_grain, call.threads());
        total = target;
      }
      if (averaged) {
        with_float(working, [&]<class T>(T) {
          const auto number = static_cast<T>(call.inputs());
          map_elements<T, T>(out, out, cheap_grain, call.threads(), [number](T sum) noexcept { return sum / number; });
        });
      }
    });
  }
};

// A bound, or nothing: from an attribute up to opset 10, from an input later.
class Clip final : public Op {
 public:
  explicit Clip(const Node& node) : old_(node.version < 11) {
    if (old_ && node.has("min")) low_ = node.number("min", 0);
    if (old_ && node.has("max")) high_ = node.number("max", 0);
  }

  DType result(int, std::span<const DType> inputs) const override {
    DType dtype = inputs[0];
    // An omitted bound looks like one whose type is not known.
    for (const DType one : inputs) dtype = old_ ? dtype : promote(dtype, one);
    return dtype;
  }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    DType dtype = data.dtype;
    require_number(dtype);
    for (int i = 1; !old_ && i < 3; ++i) {
      if (!call.has(i)) continue;
      if (call.tensor(i).count() != 1) fail("a bound must be one number, got ", call.tensor(i).count());
      require_number(call.tensor(i).dtype);
      dtype = promote(dtype, call.tensor(i).dtype);
    }
    const DType working = working_type(dtype);
    const Tensor in = in_type(call, data, working);
    produce(call, 0, dtype, data.shape, [&](const Tensor& out) {
      with_arithmetic(working, [&]<class T>(T) {
        const auto low = bound<T>(call, 1, low_);
        const auto high = bound<T>(call, 2, high_);
        // As NumPy: the lower bound first, so that the upper one wins when they cross. NaN stays.
        if (low && high) {
          map_elements<T, T>(in, out, cheap_grain, call.threads(), [a = *low, b = *high](T x) noexcept {
            const T raised = MaximumOf::apply(x, a);
            return MinimumOf::apply(raised, b);
          });
        } else if (low) {
          map_elements<T, T>(in, out, cheap_grain, call.threads(), [a = *low](T x) noexcept { return MaximumOf::apply(x, a); });
        } else if (high) {
          map_elements<T, T>(in, out, cheap_grain, call.threads(), [b = *high](T x) noexcept { return MinimumOf::apply(x, b); });
        } else {
          map_elements<T, T>(in, out, cheap_grain, call.threads(), [](T x) noexcept { return x; });
        }
      });
    });
  }

 private:
  template <class T>
  std::optional<T> bound(Call& call, int input, const std::optional<double>& attribute) const {
    if (old_) return attribute ? std::optional(convert_number<T>(*attribute)) : std::nullopt;
    if (!call.has(input)) return std::nullopt;
    return *in_type(call, call.tensor(input), dtype_of<T>::value).template as<T>();
  }

  bool old_;
  std::optional<double> low_;
  std::optional<double> high_;
};

const Registration maximum{"", "Max", 1, any_version, make<Variadic<Arithmetic::maximum, false>>};
const Registration minimum{"", "Min", 1, any_version, make<Variadic<Arithmetic::minimum, false>>};
const Registration sum{"", "Sum", 1, any_version, make<Variadic<Arithmetic::add, false>>};
const Registration mean{"", "Mean", 1, any_version, make<Variadic<Arithmetic::add, true>>};
const Registration clip{"", "Clip", 1, any_version, make<Clip>};

}  // namespace
}  // namespace sklort
