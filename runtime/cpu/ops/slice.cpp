// Slice: attributes in version 1, inputs later; any steps. A slice that lies in one piece shares the input's memory.
#include <algorithm>

#include "axes.h"
#include "elementwise.h"
#include "strided.h"

namespace sklort {
namespace {

struct Range {
  std::int64_t first;
  std::int64_t count;
};

// As Python's slice(start, end, step).indices(dim), whatever the extremes, with one difference that ONNX makes: going backwards,
// a start before the first element means the first element.
Range indices(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t dim) {
  if (step == 0) fail("a step is 0");
  if (dim == 0) return {0, 0};
  if (start < 0) start += dim;
  if (end < 0) end += dim;
  if (step > 0) {
    start = std::clamp<std::int64_t>(start, 0, dim);
    end = std::clamp<std::int64_t>(end, 0, dim);
    return {start, start < end ? (end - start - 1) / step + 1 : 0};
  }
  start = std::clamp<std::int64_t>(start, 0, dim - 1);
  end = std::clamp<std::int64_t>(end, -1, dim - 1);
  const auto distance = static_cast<std::uint64_t>(start - end);
  const std::uint64_t back = 0 - static_cast<std::uint64_t>(step);
  return {start, start > end ? static_cast<std::int64_t>((distance - 1) / back) + 1 : 0};
}

class Slice final : public Op {
 public:
  explicit Slice(const Node& node)
      : starts_(node, 1, "starts"), ends_(node, 2, "ends"), axes_(node, 3, "axes"), steps_(node, 4, "steps") {}

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int rank = data.shape.rank();
    const Shape starts = starts_.list(call);
    const Shape ends = ends_.list(call);
    const bool has_axes = axes_.given(call);
    const bool has_steps = steps_.given(call);
    const Shape axes = has_axes ? axes_.list(call) : Shape{};
    const Shape steps = has_steps ? steps_.list(call) : Shape{};
    if (ends.rank() != starts.rank() || (has_axes && axes.rank() != starts.rank()) ||
        (has_steps && steps.rank() != starts.rank())) {
      fail("starts, ends, axes and steps must have the same length; they are ", print(starts), ", ", print(ends), ", ",
           print(axes), " and ", print(steps));
    }
    if (starts.rank() > rank) fail("cannot slice ", starts.rank(), " axes of a tensor of rank ", rank);
    auto strides = strides_of(data.shape);
    Shape shape = data.shape;
    std::int64_t offset = 0;
    std::uint32_t seen = 0;
    for (int i = 0; i < starts.rank(); ++i) {
      const int axis = normal_axis(has_axes ? axes[i] : i, rank);
      if ((seen >> axis & 1U) != 0) fail("axis ", axis, " is named twice");
      seen |= 1U << axis;
      const std::int64_t step = has_steps ? steps[i] : 1;
      const Range range = indices(starts[i], ends[i], step, data.shape[axis]);
      std::int64_t& stride = strides[static_cast<std::size_t>(axis)];
      shape[axis] = range.count;
      offset += range.count > 0 ? range.first * stride : 0;
      stride = range.count > 1 ? stride * step : stride;
    }
    if (shape.count() == 0) {
      call.allocate(0, data.dtype, shape);
      return;
    }
    Strided view;
    for (int axis = 0; axis < rank; ++axis) view.push(shape[axis], strides[static_cast<std::size_t>(axis)]);
    char* first = static_cast<char*>(data.data) + offset * static_cast<std::int64_t>(item_size(data.dtype));
    if (view.rank == 0 || (view.rank == 1 && view.strides[0] == 1)) {
      Tensor piece = data;
      piece.shape = shape;
      piece.data = first;
      call.set(0, Value::of(std::move(piece)));
      return;
    }
    copy_strided(data.dtype, first, view, call.allocate(0, data.dtype, shape).data, call.threads());
  }

 private:
  Integers starts_;
  Integers ends_;
  Integers axes_;
  Integers steps_;
};

const Registration slice{"", "Slice", 1, any_version, make<Slice>};

}  // namespace
}  // namespace sklort
