// Concat and Split. Concat promotes inputs of different number types, as skl2onnx joins float and double columns.
#include <algorithm>
#include <cstring>

#include "axes.h"
#include "elementwise.h"
#include "strided.h"

namespace sklort {
namespace {

class Concat final : public Op {
 public:
  explicit Concat(const Node& node) : axis_(node.integer("axis", 1)) {
    if (node.version >= 4 && !node.has("axis")) bad_graph("attribute 'axis' is missing");
  }

  DType result(int, std::span<const DType> inputs) const override {
    DType dtype = inputs[0];
    for (const DType one : inputs) dtype = promote(dtype, one);
    return dtype;
  }

  void run(Call& call) const override {
    const Tensor& head = call.tensor(0);
    if (call.inputs() == 1) {
      normal_axis(axis_, head.shape.rank());
      call.set(0, call.value(0));
      return;
    }
    const int axis = normal_axis(axis_, head.shape.rank());
    Shape shape = head.shape;
    DType dtype = head.dtype;
    for (int i = 1; i < call.inputs(); ++i) {
      const Tensor& one = call.tensor(i);
      if (one.dtype != dtype && (!is_number(one.dtype) || !is_number(dtype))) {
        fail("cannot join ", dtype_name(dtype), " with ", dtype_name(one.dtype), " (input ", i, ")");
      }
      dtype = promote(dtype, one.dtype);
      bool fits = one.shape.rank() == shape.rank();
      for (int other = 0; fits && other < shape.rank(); ++other) fits = other == axis || one.shape[other] == shape[other];
      if (!fits) {
        fail("inputs must have the same shape except along axis ", axis, "; the first is ", print(head.shape), ", input ", i,
             " is ", print(one.shape));
      }
      shape[axis] += one.shape[axis];
    }
    struct Piece {
      const void* data;
      std::int64_t width;
    };
    Piece* pieces = call.scratch_of<Piece>(call.inputs());
    for (int i = 0; i < call.inputs(); ++i) {
      const Tensor one = in_type(call, call.tensor(i), dtype);
      pieces[i] = {one.data, one.shape.count(axis, one.shape.rank())};
    }
    Tensor& out = call.allocate(0, dtype, shape);
    const std::int64_t lines = shape.count(0, axis);
    const std::int64_t width = shape.count(axis, shape.rank());
    if (out.count() == 0) return;
    const int inputs = call.inputs();
    with_item(dtype, [&]<class T>(T) {
      T* to = out.as<T>();
      parallel(lines, std::max<std::int64_t>(1, cheap_grain / width), call.threads(),
               [&](std::int64_t first, std::int64_t last) noexcept {
                 // Some lines of every input at a time, so that the output's lines are still in the cache when the next input is
                 // written.
                 constexpr std::int64_t together = 64;
                 for (std::int64_t line = first; line < last; line += together) {
                   const std::int64_t end = std::min(last, line + together);
                   std::int64_t offset = 0;
                   for (int i = 0; i < inputs; ++i) {
                     copy(static_cast<const T*>(pieces[i].data), pieces[i].width, to + offset, width, line, end);
                     offset += pieces[i].width;
                   }
                 }
               });
    });
  }

 private:
  template <class T>
  static void copy(const T* from, std::int64_t width, T* to, std::int64_t stride, std::int64_t first,
                   std::int64_t last) noexcept {
    from += first * width;
    to += first * stride;
    if (width == 1) {
      for (std::int64_t line = first; line < last; ++line, to += stride) *to = *from++;
      return;
    }
    for (std::int64_t line = first; line < last; ++line, from += width, to += stride) {
      if (width >= 16) {
        std::memcpy(static_cast<void*>(to), from, static_cast<std::size_t>(width) * sizeof(T));
      } else {
        for (std::int64_t i = 0; i < width; ++i) to[i] = from[i];
      }
    }
  }

  std::int64_t axis_;
};

class Split final : public Op {
 public:
  explicit Split(const Node& node) : axis_(node.integer("axis", 0)), outputs_(node.outputs), ragged_(node.has("num_outputs")) {
    if (node.has("split")) {
      const auto given = node.integers("split");
      sizes_.assign(given.begin(), given.end());
      known_ = true;
    } else if (const Value* constant = node.constant(1)) {
      sizes_ = integers_of(constant->tensor);
      known_ = true;
    }
    if (ragged_ && node.integer("num_outputs", 0) != outputs_) {
      bad_graph("num_outputs is ", node.integer("num_outputs", 0), ", and the node has ", outputs_, " outputs");
    }
  }

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int axis = normal_axis(axis_, data.shape.rank());
    const std::int64_t dim = data.shape[axis];
    const std::vector<std::int64_t> sizes = known_ ? sizes_ : call.has(1) ? integers_of(call.tensor(1)) : equal_parts(dim);
    std::int64_t sum = 0;
    for (const std::int64_t size : sizes) {
      if (size < 0 || size > dim) fail("a part of size ", size, " does not fit axis ", axis, " of size ", dim);
      sum += size;
    }
    if (sum != dim || sizes.size() != static_cast<std::size_t>(outputs_)) {
      fail("the ", sizes.size(), " parts of sizes summing to ", sum, " do not fit ", outputs_, " outputs and axis ", axis,
           " of size ", dim);
    }
    const std::int64_t lines = data.shape.count(0, axis);
    const std::int64_t inner = data.shape.count(axis + 1, data.shape.rank());
    const auto item = static_cast<std::int64_t>(item_size(data.dtype));
    std::int64_t start = 0;
    for (int i = 0; i < outputs_; ++i) {
      const std::int64_t size = sizes[static_cast<std::size_t>(i)];
      Tensor part = data;
      part.shape[axis] = size;
      if (part.count() != 0) part.data = static_cast<char*>(data.data) + start * inner * item;
      start += size;
      if (!call.wants(i)) continue;
      if (lines == 1) {
        call.set(i, Value::of(std::move(part)));
        continue;
      }
      Tensor& out = call.allocate(i, data.dtype, part.shape);
      if (out.count() == 0) continue;
      Strided view;
      view.push(lines, dim * inner);
      view.push(size * inner, 1);
      copy_strided(data.dtype, part.data, view, out.data, call.threads());
    }
  }

 private:
  std::vector<std::int64_t> equal_parts(std::int64_t dim) const {
    const std::int64_t size = (dim + outputs_ - 1) / outputs_;
    if (!ragged_ && dim % outputs_ != 0) fail("cannot split an axis of size ", dim, " into ", outputs_, " equal parts");
    std::vector<std::int64_t> sizes;
    for (std::int64_t rest = dim; std::ssize(sizes) < outputs_; rest -= sizes.back()) sizes.push_back(std::min(size, rest));
    return sizes;
  }

  std::int64_t axis_;
  int outputs_;
  bool ragged_;
  bool known_ = false;
  std::vector<std::int64_t> sizes_;
};

const Registration concat{"", "Concat", 1, any_version, make<Concat>};
// Version 1 could take the sizes from an input as well as from an attribute.
const Registration split{"", "Split", 1, any_version, make<Split>};

}  // namespace
}  // namespace sklort
