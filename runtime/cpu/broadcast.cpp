#include "broadcast.h"

#include "axes.h"
#include "error.h"

namespace sklort {

Shape broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  Shape shape;
  for (int axis = 0; axis < rank; ++axis) {
    const int in_a = axis - rank + a.rank();
    const int in_b = axis - rank + b.rank();
    const std::int64_t x = in_a < 0 ? 1 : a[in_a];
    const std::int64_t y = in_b < 0 ? 1 : b[in_b];
    if (x != y && x != 1 && y != 1) fail("shapes ", print(a), " and ", print(b), " cannot be broadcast together");
    shape.push(x == 1 ? y : x);
  }
  return shape;
}

Alignment::Alignment(const Node& node)
    : old_(node.version < 7),
      broadcast_(old_ && node.integer("broadcast", 0) != 0),
      has_axis_(old_ && node.has("axis")),
      axis_(old_ ? node.integer("axis", 0) : 0) {}

Tensor Alignment::align(const Tensor& a, const Tensor& b) const {
  if (!old_ || a.shape == b.shape) return b;
  if (!broadcast_) {
    fail("before opset 7, inputs of shapes ", print(a.shape), " and ", print(b.shape), " need the attribute broadcast=1");
  }
  const int rank = a.shape.rank();
  const int start = has_axis_ ? normal_axis(axis_, std::max(rank, 1)) : rank - b.shape.rank();
  bool fits = start >= 0 && start + b.shape.rank() <= rank;
  Tensor aligned = b;
  for (int axis = 0; fits && axis < b.shape.rank(); ++axis) {
    fits = b.shape[axis] == 1 || b.shape[axis] == a.shape[start + axis];
  }
  if (!fits) fail("shape ", print(b.shape), " does not fit into ", print(a.shape), " at axis ", start);
  while (start + aligned.shape.rank() < rank) aligned.shape.push(1);
  return aligned;
}

}  // namespace sklort
