// ScatterElements, its older name Scatter, and ScatterND, without reduction: where an index comes twice, the last one stays.
#include <cstring>

#include "axes.h"
#include "elementwise.h"
#include "indices.h"
#include "strided.h"

namespace sklort {
namespace {

std::string refuse_reduction(const Node& node) {
  const std::string reduction = node.text("reduction", "none");
  return reduction == "none" ? std::string() : sentence("reduction '", reduction, "' has no native kernel; 'none' has");
}

class Scattering : public Op {
 public:
  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

 protected:
  // A copy of the data, to be overwritten in part.
  static Tensor& copied(Call& call) {
    const Tensor& data = call.tensor(0);
    if (call.tensor(2).dtype != data.dtype) {
      fail("the updates are ", dtype_name(call.tensor(2).dtype), ", the data is ", dtype_name(data.dtype));
    }
    Tensor& out = call.allocate(0, data.dtype, data.shape);
    if (out.count() != 0) std::memcpy(out.data, data.data, data.bytes());
    return out;
  }
};

class ScatterElements final : public Scattering {
 public:
  explicit ScatterElements(const Node& node) : axis_(node.integer("axis", 0)) {}

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const Tensor& indices = call.tensor(1);
    const Tensor& updates = call.tensor(2);
    const int rank = data.shape.rank();
    const int axis = normal_axis(axis_, rank);
    bool fits = indices.shape.rank() == rank && updates.shape == indices.shape;
    for (int other = 0; fits && other < rank; ++other) fits = other == axis || indices.shape[other] <= data.shape[other];
    if (!fits) {
      fail("indices of shape ", print(indices.shape), " and updates of shape ", print(updates.shape),
           " do not fit data of shape ", print(data.shape), " along axis ", axis);
    }
    const std::int64_t* index = checked_indices(call, indices, data.shape[axis]);
    Tensor& out = copied(call);
    const auto strides = strides_of(data.shape);
    const std::int64_t count = indices.count();
    with_item(data.dtype, [&]<class T>(T) {
      for (std::int64_t i = 0; i < count; ++i) {
        std::int64_t offset = index[i] * strides[static_cast<std::size_t>(axis)];
        std::int64_t rest = i;
        for (int other = rank - 1; other >= 0; --other) {
          if (other != axis) offset += rest % indices.shape[other] * strides[static_cast<std::size_t>(other)];
          rest /= indices.shape[other];
        }
        out.as<T>()[offset] = updates.as<T>()[i];
      }
    });
  }

 private:
  std::int64_t axis_;
};

class ScatterND final : public Scattering {
 public:
  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const Tensor& indices = call.tensor(1);
    const Tensor& updates = call.tensor(2);
    const int rank = data.shape.rank();
    const int index_rank = indices.shape.rank();
    const std::int64_t depth = index_rank == 0 ? 0 : indices.shape[index_rank - 1];
    if (depth < 1 || depth > rank)
      fail("indices of shape ", print(indices.shape), " do not fit data of shape ", print(data.shape));
    Shape expected(indices.shape.dims().first(static_cast<std::size_t>(index_rank - 1)));
    for (int axis = static_cast<int>(depth); axis < rank; ++axis) expected.push(data.shape[axis]);
    if (!(expected == updates.shape)) fail("the updates must have shape ", print(expected), ", got ", print(updates.shape));
    const std::int64_t rows = indices.shape.count(0, index_rank - 1);
    const std::int64_t* offsets =
        offsets_of_rows(call, indices, data.shape, 0, static_cast<int>(depth), std::max<std::int64_t>(rows, 1));
    Tensor& out = copied(call);
    const auto inner = static_cast<std::size_t>(data.shape.count(static_cast<int>(depth), rank)) * item_size(data.dtype);
    const auto item = static_cast<std::int64_t>(item_size(data.dtype));
    if (inner == 0) return;
    for (std::int64_t row = 0; row < rows; ++row) {
      std::memcpy(static_cast<char*>(out.data) + offsets[row] * item,
                  static_cast<const char*>(updates.data) + row * static_cast<std::int64_t>(inner), inner);
    }
  }
};

const Registration scatter{"", "Scatter", 9, 10, make<ScatterElements>};
const Registration scatter_elements{"", "ScatterElements", 11, any_version, make<ScatterElements>, refuse_reduction};
const Registration scatter_nd{"", "ScatterND", 11, any_version, make<ScatterND>, refuse_reduction};

}  // namespace
}  // namespace sklort
