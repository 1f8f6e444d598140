// Operators that only look at the same elements in another shape: the output shares the input's memory.
#include <algorithm>

#include "axes.h"
#include "op.h"

namespace sklort {
namespace {

// A view of `tensor` in another shape; the caller has seen to it that the counts agree.
Value reshaped(const Tensor& tensor, const Shape& shape) {
  Tensor view = tensor;
  view.shape = shape;
  return Value::of(std::move(view));
}

class View : public Op {
 public:
  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }
};

class Identity final : public View {
 public:
  void run(Call& call) const override { call.set(0, call.value(0)); }
};

class Reshape final : public View {
 public:
  // Version 1 has an attribute instead of an input.
  explicit Reshape(const Node& node) : zero_is_zero_(node.integer("allowzero", 0) != 0), shape_(node, 1, "shape") {}

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const Shape wanted = shape_.list(call);
    Shape shape;
    int free = -1;
    for (int axis = 0; axis < wanted.rank(); ++axis) {
      std::int64_t dim = wanted[axis];
      if (dim == 0 && !zero_is_zero_) {
        if (axis >= data.shape.rank()) fail("the new shape copies dimension ", axis, " of a tensor of rank ", data.shape.rank());
        dim = data.shape[axis];
      } else if (dim == -1) {
        if (free >= 0) fail("the new shape leaves more than one dimension open");
        free = axis;
        dim = 1;
      } else if (dim < 0) {
        fail("dimension ", axis, " of the new shape is ", dim);
      }
      shape.push(dim);
    }
    require_storable(shape);
    const std::int64_t rest = shape.count();
    if (free >= 0 && rest != 0) shape[free] = data.count() / rest;
    if (free >= 0 && rest == 0) shape[free] = 0;
    if (shape.count() != data.count())
      fail("cannot reshape ", data.count(), " elements into ", print(shape), " (input ", print(data.shape), ")");
    call.set(0, reshaped(data, shape));
  }

 private:
  bool zero_is_zero_;
  Integers shape_;
};

class Flatten final : public View {
 public:
  explicit Flatten(const Node& node) : axis_(node.integer("axis", 1)) {}

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int rank = data.shape.rank();
    if (axis_ < -rank || axis_ > rank) fail("axis ", axis_, " is out of range for rank ", rank);
    const auto axis = static_cast<int>(axis_ < 0 ? axis_ + rank : axis_);
    call.set(0, reshaped(data, {data.shape.count(0, axis), data.shape.count(axis, rank)}));
  }

 private:
  std::int64_t axis_;
};

class Squeeze final : public View {
 public:
  explicit Squeeze(const Node& node) : axes_(node, 1) {}

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int rank = data.shape.rank();
    Shape shape;
    if (!axes_.given(call)) {
      for (const std::int64_t dim : data.shape.dims()) {
        if (dim != 1) shape.push(dim);
      }
    } else {
      const std::uint32_t gone = axes_.mask(call, rank);
      for (int axis = 0; axis < rank; ++axis) {
        if ((gone >> axis & 1U) == 0) {
          shape.push(data.shape[axis]);
        } else if (data.shape[axis] != 1) {
          fail("cannot drop axis ", axis, " of size ", data.shape[axis]);
        }
      }
    }
    call.set(0, reshaped(data, shape));
  }

 private:
  Axes axes_;
};

class Unsqueeze final : public View {
 public:
  explicit Unsqueeze(const Node& node) : axes_(node, 1) {}

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int rank = data.shape.rank() + axes_.count(call);
    const std::uint32_t added = axes_.mask(call, rank);
    Shape shape;
    int from = 0;
    for (int axis = 0; axis < rank; ++axis) shape.push((added >> axis & 1U) != 0 ? 1 : data.shape[from++]);
    call.set(0, reshaped(data, shape));
  }

 private:
  Axes axes_;
};

class ShapeOf final : public Op {
 public:
  explicit ShapeOf(const Node& node) : start_(node.integer("start", 0)), end_(node.integer("end", Shape::max_rank)) {}

  void run(Call& call) const override {
    const Shape& shape = call.tensor(0).shape;
    const std::int64_t rank = shape.rank();
    const auto inside = [rank](std::int64_t axis) { return std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank); };
    const std::int64_t first = inside(start_);
    const std::int64_t last = std::max(first, inside(end_));
    std::int64_t* out = call.allocate(0, DType::int64, {last - first}).as<std::int64_t>();
    for (std::int64_t axis = first; axis < last; ++axis) *out++ = shape[static_cast<int>(axis)];
  }

  DType result(int, std::span<const DType>) const override { return DType::int64; }

 private:
  std::int64_t start_;
  std::int64_t end_;
};

template <class T>
std::unique_ptr<Op> make(const Node& node) {
  if constexpr (std::is_constructible_v<T, const Node&>) {
    return std::make_unique<T>(node);
  } else {
    return std::make_unique<T>();
  }
}

const Registration identity{"", "Identity", 1, any_version, make<Identity>};
const Registration reshape{"", "Reshape", 1, any_version, make<Reshape>};
const Registration flatten{"", "Flatten", 1, any_version, make<Flatten>};
const Registration squeeze{"", "Squeeze", 1, any_version, make<Squeeze>};
const Registration unsqueeze{"", "Unsqueeze", 1, any_version, make<Unsqueeze>};
const Registration shape_of{"", "Shape", 1, any_version, make<ShapeOf>};

}  // namespace
}  // namespace sklort
