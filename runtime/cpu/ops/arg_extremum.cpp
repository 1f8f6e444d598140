// ArgMax and ArgMin: of equals the first, or the last where the node says so; NaN wins, as in NumPy.
#include <algorithm>

#include "axes.h"
#include "elementwise.h"
#include "strided.h"

namespace sklort {
namespace {

template <bool largest, bool last, class T>
std::int64_t place(const T* row, std::int64_t count) noexcept {
  std::int64_t index = 0;
  for (std::int64_t i = 1; i < count; ++i) {
    const T x = row[i];
    const T best = row[index];  // read again, so that only the index depends on the comparison: a conditional move, no jump
    bool better = false;
    if constexpr (last) {
      better = (largest ? x >= best : x <= best) | (x != x);
    } else {
      // Not worse, or one of them is NaN; unless the best one is.
      better = !(largest ? x <= best : x >= best) & (best == best);
    }
    index = better ? i : index;
  }
  return index;
}

template <bool largest>
class ArgExtremum final : public Op {
 public:
  explicit ArgExtremum(const Node& node)
      : axis_(node.integer("axis", 0)),
        keep_(node.integer("keepdims", 1) != 0),
        last_(node.integer("select_last_index", 0) != 0) {}

  DType result(int, std::span<const DType>) const override { return DType::int64; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int rank = data.shape.rank();
    const int axis = normal_axis(axis_, rank);
    const std::int64_t dim = data.shape[axis];
    Shape shape;
    for (int other = 0; other < rank; ++other) {
      if (other != axis) shape.push(data.shape[other]);
      if (other == axis && keep_) shape.push(1);
    }
    const std::int64_t rows = shape.count();
    if (dim == 0 && rows != 0) fail("axis ", axis, " of shape ", print(data.shape), " is empty");
    const Tensor working = in_type(call, data, working_type(data.dtype));
    Tensor in = working;
    if (data.shape.count(axis + 1, rank) > 1) {
      const AxisLast turn(axis, rank);
      in = scratch_tensor(call, working.dtype, permuted(data.shape, turn.forth()));
      permute(working, turn.forth(), in.data, call.threads());
    }
    auto* out = call.allocate(0, DType::int64, shape).template as<std::int64_t>();
    if (rows == 0) return;
    with_arithmetic(in.dtype, [&]<class T>(T) {
      const T* from = in.as<T>();
      parallel(rows, std::max<std::int64_t>(1, cheap_grain / dim), call.threads(),
               [&](std::int64_t first, std::int64_t end) noexcept {
                 for (std::int64_t row = first; row < end; ++row) {
                   out[row] = last_ ? place<largest, true>(from + row * dim, dim) : place<largest, false>(from + row * dim, dim);
                 }
               });
    });
  }

 private:
  std::int64_t axis_;
  bool keep_;
  bool last_;
};

const Registration arg_max{"", "ArgMax", 1, any_version, make<ArgExtremum<true>>};
const Registration arg_min{"", "ArgMin", 1, any_version, make<ArgExtremum<false>>};

}  // namespace
}  // namespace sklort
