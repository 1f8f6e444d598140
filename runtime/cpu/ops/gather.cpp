// Gather, GatherElements and GatherND, of any element type.
#include <algorithm>
#include <cstring>

#include "axes.h"
#include "elementwise.h"
#include "indices.h"
#include "strided.h"

namespace sklort {
namespace {

template <class T>
void copy(const T* from, T* to, std::int64_t count) noexcept {
  if (count >= 16) {
    std::memcpy(static_cast<void*>(to), from, static_cast<std::size_t>(count) * sizeof(T));
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
  }
}

class Gathering : public Op {
 public:
  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }
};

class Gather final : public Gathering {
 public:
  explicit Gather(const Node& node) : axis_(node.integer("axis", 0)) {}

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const Tensor& indices = call.tensor(1);
    const int axis = normal_axis(axis_, data.shape.rank());
    const std::int64_t dim = data.shape[axis];
    const std::int64_t lines = data.shape.count(0, axis);
    const std::int64_t inner = data.shape.count(axis + 1, data.shape.rank());
    Shape shape(data.shape.dims().first(static_cast<std::size_t>(axis)));
    for (const std::int64_t size : indices.shape.dims()) shape.push(size);
    for (int other = axis + 1; other < data.shape.rank(); ++other) shape.push(data.shape[other]);
    const std::int64_t count = indices.count();
    const std::int64_t* index = checked_indices(call, indices, dim);
    if (lines == 1 && count == 1) {
      Tensor piece = data;
      piece.shape = shape;
      piece.data = static_cast<char*>(data.data) + index[0] * inner * static_cast<std::int64_t>(item_size(data.dtype));
      call.set(0, Value::of(std::move(piece)));
      return;
    }
    Tensor& out = call.allocate(0, data.dtype, shape);
    if (out.count() == 0) return;
    with_item(data.dtype, [&]<class T>(T) {
      const T* from = data.as<T>();
      T* to = out.as<T>();
      if (lines == 1) {
        parallel(count, std::max<std::int64_t>(1, cheap_grain / inner), call.threads(),
                 [&](std::int64_t first, std::int64_t last) noexcept {
                   for (std::int64_t i = first; i < last; ++i) copy(from + index[i] * inner, to + i * inner, inner);
                 });
        return;
      }
      parallel(lines, std::max<std::int64_t>(1, cheap_grain / (count * inner)), call.threads(),
               [&](std::int64_t first, std::int64_t last) noexcept {
                 for (std::int64_t line = first; line < last; ++line) {
                   const T* source = from + line * dim * inner;
                   T* target = to + line * count * inner;
                   if (inner == 1) {
                     for (std::int64_t i = 0; i < count; ++i) target[i] = source[index[i]];
                   } else {
                     for (std::int64_t i = 0; i < count; ++i) copy(source + index[i] * inner, target + i * inner, inner);
                   }
                 }
               });
    });
  }

 private:
  std::int64_t axis_;
};

class GatherElements final : public Gathering {
 public:
  explicit GatherElements(const Node& node) : axis_(node.integer("axis", 0)) {}

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const Tensor& indices = call.tensor(1);
    const int rank = data.shape.rank();
    const int axis = normal_axis(axis_, rank);
    bool fits = indices.shape.rank() == rank;
    for (int other = 0; fits && other < rank; ++other) fits = other == axis || indices.shape[other] <= data.shape[other];
    if (!fits)
      fail("indices of shape ", print(indices.shape), " do not fit data of shape ", print(data.shape), " along axis ", axis);
    Tensor& out = call.allocate(0, data.dtype, indices.shape);
    if (out.count() == 0) return;
    const std::int64_t* index = checked_indices(call, indices, data.shape[axis]);
    const auto strides = strides_of(data.shape);
    const std::int64_t stride = strides[static_cast<std::size_t>(axis)];
    const std::int64_t inner = indices.shape[rank - 1];
    const std::int64_t step = axis == rank - 1 ? 0 : 1;
    with_item(data.dtype, [&]<class T>(T) {
      const T* from = data.as<T>();
      T* to = out.as<T>();
      parallel(out.count() / inner, std::max<std::int64_t>(1, cheap_grain / inner), call.threads(),
               [&](std::int64_t first, std::int64_t last) noexcept {
                 for (std::int64_t line = first; line < last; ++line) {
                   std::int64_t offset = 0;
                   std::int64_t rest = line;
                   for (int other = rank - 2; other >= 0; --other) {
                     if (other != axis) offset += rest % indices.shape[other] * strides[static_cast<std::size_t>(other)];
                     rest /= indices.shape[other];
                   }
                   const std::int64_t* row = index + line * inner;
                   for (std::int64_t i = 0; i < inner; ++i) to[line * inner + i] = from[offset + i * step + row[i] * stride];
                 }
               });
    });
  }

 private:
  std::int64_t axis_;
};

class GatherND final : public Gathering {
 public:
  explicit GatherND(const Node& node) : batch_dims_(node.integer("batch_dims", 0)) {}

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const Tensor& indices = call.tensor(1);
    const int rank = data.shape.rank();
    const int index_rank = indices.shape.rank();
    if (batch_dims_ < 0 || batch_dims_ >= std::min(rank, index_rank)) {
      fail("batch_dims ", batch_dims_, " does not fit data of shape ", print(data.shape), " and indices of shape ",
           print(indices.shape));
    }
    const auto batch = static_cast<int>(batch_dims_);
    const std::int64_t depth = indices.shape[index_rank - 1];
    bool fits = depth >= 1 && depth <= rank - batch;
    for (int axis = 0; axis < batch; ++axis) fits = fits && data.shape[axis] == indices.shape[axis];
    if (!fits)
      fail("indices of shape ", print(indices.shape), " do not fit data of shape ", print(data.shape), " with batch_dims ",
           batch);
    const int last = batch + static_cast<int>(depth);
    Shape shape(indices.shape.dims().first(static_cast<std::size_t>(index_rank - 1)));
    for (int axis = last; axis < rank; ++axis) shape.push(data.shape[axis]);
    Tensor& out = call.allocate(0, data.dtype, shape);
    if (out.count() == 0) return;
    const std::int64_t rows = indices.shape.count(0, index_rank - 1);
    const std::int64_t inner = data.shape.count(last, rank);
    const std::int64_t* offsets =
        offsets_of_rows(call, indices, data.shape, batch, static_cast<int>(depth), indices.shape.count(batch, index_rank - 1));
    with_item(data.dtype, [&]<class T>(T) {
      parallel(rows, std::max<std::int64_t>(1, cheap_grain / inner), call.threads(),
               [&](std::int64_t first, std::int64_t end) noexcept {
                 for (std::int64_t i = first; i < end; ++i) copy(data.as<T>() + offsets[i], out.as<T>() + i * inner, inner);
               });
    });
  }

 private:
  std::int64_t batch_dims_;
};

const Registration gather{"", "Gather", 1, any_version, make<Gather>};
const Registration gather_elements{"", "GatherElements", 11, any_version, make<GatherElements>};
const Registration gather_nd{"", "GatherND", 11, any_version, make<GatherND>};

}  // namespace
}  // namespace sklort
