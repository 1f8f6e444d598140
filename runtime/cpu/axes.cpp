#include "axes.h"

namespace sklort {

std::string print(const Shape& shape) {
  std::string text = "(";
  for (int axis = 0; axis < shape.rank(); ++axis) text += sentence(axis == 0 ? "" : ", ", shape[axis]);
  return text + ")";
}

void require_storable(const Shape& shape) {
  constexpr std::int64_t most = std::int64_t{1} << 48;
  std::int64_t count = 1;
  for (const std::int64_t dim : shape.dims()) {
    if (dim < 0) fail("a dimension of shape ", print(shape), " is negative");
    if (dim != 0 && count > most / dim) fail("a tensor of shape ", print(shape), " does not fit into memory");
    count *= dim;
  }
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

Shape few_integers(const Tensor& tensor) {
  if (tensor.shape.rank() > 1) fail("expected a list of integers, got a tensor of shape ", print(tensor.shape));
  if (tensor.dtype == DType::int64) return Shape(tensor.span<std::int64_t>());
  if (tensor.dtype != DType::int32) fail("expected integers (int64 or int32), got ", dtype_name(tensor.dtype));
  Shape list;
  for (const std::int32_t one : tensor.span<std::int32_t>()) list.push(one);
  return list;
}

std::int64_t one_integer(const Tensor& tensor, const char* what) {
  if (tensor.count() != 1) fail(what, " must be one integer, got a tensor of shape ", print(tensor.shape));
  if (tensor.dtype == DType::int64) return *tensor.as<std::int64_t>();
  if (tensor.dtype == DType::int32) return *tensor.as<std::int32_t>();
  fail(what, " must be int64 or int32, got ", dtype_name(tensor.dtype));
}

Integers::Integers(const Node& node, int input, const char* attribute) : input_(input) {
  if (node.has(attribute)) {
    list_ = Shape(node.integers(attribute));
    known_ = true;
  } else if (const Value* constant = node.constant(input); constant != nullptr && constant->kind == Value::Kind::tensor) {
    list_ = few_integers(constant->tensor);
    known_ = true;
  }
}

int normal_axis(std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) fail("axis ", axis, " is out of range for rank ", rank);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::uint32_t Axes::mask(const Call& call, int rank) const {
  const Shape axes = list(call);
  std::uint32_t mask = 0;
  for (const std::int64_t axis : axes.dims()) {
    const std::uint32_t bit = 1U << normal_axis(axis, rank);
    if ((mask & bit) != 0) fail("axis ", axis, " is named twice");
    mask |= bit;
  }
  return mask;
}

}  // namespace sklort
