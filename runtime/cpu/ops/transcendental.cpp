// Exponential, logarithm and what is made of them. Exp, Sigmoid and Tanh have loops of our own (simd_math.h), the others are the
// mathematical library's.
#include <cmath>

#include "elementwise.h"

namespace sklort {
namespace {

// `Function` maps a T to a T and is made from the node.
template <class Function>
class Mapped final : public Op {
 public:
  explicit Mapped(const Node& node) : function_(node) {}

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    require_floating(data.dtype);
    const Tensor in = in_type(call, data, working_type(data.dtype));
    produce(call, 0, data.dtype, data.shape, [&](const Tensor& out) {
      with_float(in.dtype, [&]<class T>(T) { map_elements<T, T>(in, out, costly_grain, call.threads(), function_); });
    });
  }

 private:
  Function function_;
};

template <Simple function>
class Vectorised final : public Op {
 public:
  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    require_floating(data.dtype);
    const Tensor in = in_type(call, data, working_type(data.dtype));
    produce(call, 0, data.dtype, data.shape,
            [&](const Tensor& out) { run_unary(in, out, simple_loop(function, in.dtype), costly_grain, call.threads()); });
  }
};

struct Plain {
  Plain() = default;
  explicit Plain(const Node&) {}
};

struct LogOf : Plain {
  using Plain::Plain;
  template <class T>
  T operator()(T x) const noexcept {
    return std::log(x);
  }
};

struct ErfOf : Plain {
  using Plain::Plain;
  template <class T>
  T operator()(T x) const noexcept {
    return std::erf(x);
  }
};

struct SinOf : Plain {
  using Plain::Plain;
  template <class T>
  T operator()(T x) const noexcept {
    return std::sin(x);
  }
};

struct CosOf : Plain {
  using Plain::Plain;
  template <class T>
  T operator()(T x) const noexcept {
    return std::cos(x);
  }
};

struct SoftplusOf : Plain {
  using Plain::Plain;
  template <class T>
  T operator()(T x) const noexcept {
    return (x > T{} ? x : x != x ? x : T{}) + std::log1p(std::exp(-std::fabs(x)));
  }
};

struct EluOf {
  explicit EluOf(const Node& node) : alpha(node.number("alpha", 1.0)) {}
  double alpha;
  template <class T>
  T operator()(T x) const noexcept {
    return x >= T{} ? x : static_cast<T>(alpha) * std::expm1(x);
  }
};

const Registration exponential{"", "Exp", 1, any_version, make<Vectorised<Simple::exp>>};
const Registration sigmoid{"", "Sigmoid", 1, any_version, make<Vectorised<Simple::sigmoid>>};
const Registration logarithm{"", "Log", 1, any_version, make<Mapped<LogOf>>};
const Registration erf{"", "Erf", 9, any_version, make<Mapped<ErfOf>>};
const Registration tanh{"", "Tanh", 1, any_version, make<Vectorised<Simple::tanh>>};
const Registration sin{"", "Sin", 7, any_version, make<Mapped<SinOf>>};
const Registration cos{"", "Cos", 7, any_version, make<Mapped<CosOf>>};
const Registration softplus{"", "Softplus", 1, any_version, make<Mapped<SoftplusOf>>};
const Registration elu{"", "Elu", 1, any_version, make<Mapped<EluOf>>};

}  // namespace
}  // namespace sklort
