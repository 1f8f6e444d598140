// ScatterElements, its older name Scatter, and ScatterND: where an index comes twice, the last one stays. ScatterElements can
// also add, in the order of the indices.
#include <cstring>
#include <type_traits>

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

std::string refuse_elements(const Node& node) {
  const std::string reduction = node.text("reduction", "none");
  return reduction == "none" || reduction == "add"
             ? std::string()
             : sentence("reduction '", reduction, "' has no native kernel; 'none' and 'add' have");
}

// Whole numbers wrap around.
template <class T>
T sum(T a, T b) noexcept {
  if constexpr (std::is_integral_v<T>) {
    using Bits = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Bits>(static_cast<Bits>(a) + static_cast<Bits>(b)));
  } else {
    return a + b;
  }
}

class Scattering : public Op {
 public:
  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

 protected:
  static void check_types(Call& call) {
    const Tensor& data = call.tensor(0);
    if (call.tensor(2).dtype != data.dtype) {
      fail("the updates are ", dtype_name(call.tensor(2).dtype), ", the data is ", dtype_name(data.dtype));
    }
  }

  // A copy of the data, to be overwritten in part.
  static Tensor& copied(Call& call) {
    check_types(call);
    const Tensor& data = call.tensor(0);
    Tensor& out = call.allocate(0, data.dtype, data.shape);
    if (out.count() != 0) std::memcpy(out.data, data.data, data.bytes());
    return out;
  }
};

class ScatterElements final : public Scattering {
 public:
  explicit ScatterElements(const Node& node) : axis_(node.integer("axis", 0)), adds_(node.text("reduction", "none") == "add") {}

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
    if (adds_) {
      check_types(call);
      const DType working = working_type(data.dtype);
      const Tensor start = in_type(call, data, working);
      const Tensor added = in_type(call, updates, working);
      produce(call, 0, data.dtype, data.shape, [&](const Tensor& out) {
        if (out.count() != 0) std::memcpy(out.data, start.data, start.bytes());
        with_arithmetic(working, [&]<class T>(T) {
          auto* to = static_cast<T*>(out.data);
          each_place(indices, index, data.shape, axis,
                     [&](std::int64_t place, std::int64_t i) { to[place] = sum(to[place], added.as<T>()[i]); });
        });
      });
      return;
    }
    Tensor& out = copied(call);
    with_item(data.dtype, [&]<class T>(T) {
      each_place(indices, index, data.shape, axis,
                 [&](std::int64_t place, std::int64_t i) { out.as<T>()[place] = updates.as<T>()[i]; });
    });
  }

 private:
  // Calls visit(place in the data, number of the index) for each index, in their order.
  template <class Visit>
  static void each_place(const Tensor& indices, const std::int64_t* index, const Shape& shape, int axis, Visit visit) {
    const auto strides = strides_of(shape);
    const std::int64_t count = indices.count();
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t place = index[i] * strides[static_cast<std::size_t>(axis)];
      std::int64_t rest = i;
      for (int other = shape.rank() - 1; other >= 0; --other) {
        if (other != axis) place += rest % indices.shape[other] * strides[static_cast<std::size_t>(other)];
        rest /= indices.shape[other];
      }
      visit(place, i);
    }
  }

  std::int64_t axis_;
  bool adds_;
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
const Registration scatter_elements{"", "ScatterElements", 11, any_version, make<ScatterElements>, refuse_elements};
const Registration scatter_nd{"", "ScatterND", 11, any_version, make<ScatterND>, refuse_reduction};

}  // namespace
}  // namespace sklort
