// StringConcat: element by element, with broadcasting.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "axes.h"
#include "op.h"
#include "text/batch.h"

namespace sklort {
namespace {

Shape broadcast(const Shape& a, const Shape& b) {
  Shape out;
  const int rank = std::max(a.rank(), b.rank());
  for (int axis = 0; axis < rank; ++axis) {
    const int at_a = axis - rank + a.rank();
    const int at_b = axis - rank + b.rank();
    const std::int64_t from_a = at_a < 0 ? 1 : a[at_a];
    const std::int64_t from_b = at_b < 0 ? 1 : b[at_b];
    if (from_a != from_b && from_a != 1 && from_b != 1)
      fail("shapes ", print(a), " and ", print(b), " cannot be broadcast together");
    out.push(from_a == 1 ? from_b : from_a);
  }
  return out;
}

// The elements of `tensor` in the order of the broadcast shape.
std::span<const std::string_view> spread(Call& call, const Tensor& tensor, const Shape& shape) {
  const auto texts = tensor.span<std::string_view>();
  if (tensor.shape == shape) return texts;
  const int rank = shape.rank();
  std::array<std::int64_t, Shape::max_rank> strides{};
  std::int64_t stride = 1;
  for (int axis = tensor.shape.rank() - 1; axis >= 0; --axis) {
    const std::int64_t size = tensor.shape[axis];
    strides[static_cast<std::size_t>(axis + rank - tensor.shape.rank())] = size == 1 ? 0 : stride;
    stride *= size;
  }
  const std::int64_t count = shape.count();
  auto* out = call.scratch_of<std::string_view>(count);
  std::array<std::int64_t, Shape::max_rank> index{};
  std::int64_t from = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = texts[static_cast<std::size_t>(from)];
    for (int axis = rank - 1; axis >= 0; --axis) {
      const auto a = static_cast<std::size_t>(axis);
      from += strides[a];
      if (++index[a] < shape[axis]) break;
      from -= strides[a] * shape[axis];
      index[a] = 0;
    }
  }
  return {out, static_cast<std::size_t>(count)};
}

class StringConcat final : public Op {
 public:
  void run(Call& call) const override {
    text::texts_of(call, 0);
    text::texts_of(call, 1);
    const Shape shape = broadcast(call.tensor(0).shape, call.tensor(1).shape);
    const auto left = spread(call, call.tensor(0), shape);
    const auto right = spread(call, call.tensor(1), shape);
    std::size_t bytes = 0;
    for (const std::string_view text : left) bytes += text.size();
    for (const std::string_view text : right) bytes += text.size();
    std::string made;
    made.reserve(bytes);
    for (std::size_t i = 0; i < left.size(); ++i) made.append(left[i]).append(right[i]);
    auto* out = call.allocate(0, DType::string, shape).as<std::string_view>();
    const std::string_view kept = call.keep(std::move(made));
    std::size_t at = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
      const std::size_t size = left[i].size() + right[i].size();
      out[i] = kept.substr(at, size);
      at += size;
    }
  }

  DType result(int, std::span<const DType>) const override { return DType::string; }
};

std::unique_ptr<Op> prepare(const Node&) { return std::make_unique<StringConcat>(); }

const Registration string_concat{"", "StringConcat", 20, any_version, prepare};

}  // namespace
}  // namespace sklort
