// CumSum: added in the element type from the first to the last, as NumPy's cumsum does.
#include <algorithm>

#include "axes.h"
#include "elementwise.h"

namespace sklort {
namespace {

class CumSum final : public Op {
 public:
  explicit CumSum(const Node& node) : exclusive_(node.integer("exclusive", 0) != 0), reverse_(node.integer("reverse", 0) != 0) {}

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int axis = normal_axis(one_integer(call.tensor(1), "the axis"), data.shape.rank());
    const std::int64_t dim = data.shape[axis];
    const std::int64_t inner = data.shape.count(axis + 1, data.shape.rank());
    const std::int64_t lines = data.shape.count(0, axis);
    const Tensor in = in_type(call, data, working_type(data.dtype));
    produce(call, 0, data.dtype, data.shape, [&](Tensor& out) {
      if (out.count() == 0) return;
      with_arithmetic(in.dtype, [&]<class T>(T) {
        parallel(lines, std::max<std::int64_t>(1, cheap_grain / (dim * inner)), call.threads(),
                 [&](std::int64_t first, std::int64_t last) noexcept {
                   for (std::int64_t line = first; line < last; ++line) {
                     add_up(in.as<T>() + line * dim * inner, out.as<T>() + line * dim * inner, dim, inner);
                   }
                 });
      });
    });
  }

 private:
  template <class T>
  void add_up(const T* from, T* to, std::int64_t dim, std::int64_t inner) const noexcept {
    const std::int64_t step = reverse_ ? -inner : inner;
    if (reverse_) {
      from += (dim - 1) * inner;
      to += (dim - 1) * inner;
    }
    for (std::int64_t i = 0; i < inner; ++i) to[i] = exclusive_ ? T{} : from[i];
    for (std::int64_t k = 1; k < dim; ++k, from += step, to += step) {
      const T* next = exclusive_ ? from : from + step;
      for (std::int64_t i = 0; i < inner; ++i) to[step + i] = AddOf::apply(to[i], next[i]);
    }
  }

  bool exclusive_;
  bool reverse_;
};

const Registration cumsum{"", "CumSum", 11, any_version, make<CumSum>};

}  // namespace
}  // namespace sklort
