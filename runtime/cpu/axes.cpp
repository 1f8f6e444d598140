#include "axes.h"

namespace sklort {

std::string print(const Shape& shape) {
  std::string text = "(";
  for (int axis = 0; axis < shape.rank(); ++axis) text += sentence(axis == 0 ? "" : ", ", shape[axis]);
  return text + ")";
}

std::vector<std::int64_t> integers_of(const Tensor& tensor) {
  if (tensor.dtype == DType::int64) {
    const auto span = tensor.span<std::int64_t>();
    return {span.begin(), span.end()};
  }
  if (tensor.dtype == DType::int32) {
    const auto span = tensor.span<std::int32_t>();
    return {span.begin(), span.end()};
  }
  fail("expected integers (int64 or int32), got ", dtype_name(tensor.dtype));
}

int normal_axis(std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) fail("axis ", axis, " is out of range for rank ", rank);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Axes::Axes(const Node& node, int input) : from_attribute_(node.has("axes")), input_(input) {
  const auto given = node.integers("axes");
  attribute_.assign(given.begin(), given.end());
}

std::vector<std::int64_t> Axes::list(const Call& call) const {
  if (from_attribute_) return attribute_;
  return call.has(input_) ? integers_of(call.tensor(input_)) : std::vector<std::int64_t>{};
}

std::uint32_t Axes::mask(const Call& call, int rank) const {
  std::uint32_t mask = 0;
  for (const std::int64_t axis : list(call)) {
    const std::uint32_t bit = 1U << normal_axis(axis, rank);
    if ((mask & bit) != 0) fail("axis ", axis, " is named twice");
    mask |= bit;
  }
  return mask;
}

}  // namespace sklort
