// SequenceConstruct, SequenceEmpty, SequenceInsert, SequenceErase, SequenceAt, SequenceLength, ConcatFromSequence,
// SplitToSequence.
//
// The items of a sequence share the memory of the values they come from.
#include <algorithm>
#include <cstring>

#include "axes.h"
#include "elementwise.h"
#include "op.h"
#include "sequence.h"
#include "strided.h"

namespace sklort {
namespace {

// A position in -length <= position < length, counted from the start.
std::int64_t position_of(const Call& call, int input, std::int64_t length) {
  const std::int64_t position = one_integer(call.tensor(input), "the position");
  if (position < -length || position >= length) fail("position ", position, " is not in a sequence of ", length);
  return position < 0 ? position + length : position;
}

class SequenceConstruct final : public Op {
 public:
  void run(Call& call) const override {
    auto list = std::make_shared<Composite>();
    for (int i = 0; i < call.inputs(); ++i) list->items.push_back(call.value(i));
    call.set(0, sequence_of(std::move(list)));
  }
};

// The element type is not kept: nothing is read from an empty sequence.
class SequenceEmpty final : public Op {
 public:
  void run(Call& call) const override { call.set(0, sequence_of(std::make_shared<Composite>())); }
};

class SequenceInsert final : public Op {
 public:
  void run(Call& call) const override {
    auto list = sequence_items(call.value(0));
    const auto length = std::ssize(list->items);
    std::int64_t position = length;
    if (call.has(2)) {
      const std::int64_t given = one_integer(call.tensor(2), "the position");
      position = given == length ? length : position_of(call, 2, length);
    }
    list->items.insert(list->items.begin() + position, call.value(1));
    call.set(0, sequence_of(std::move(list)));
  }
};

class SequenceErase final : public Op {
 public:
  void run(Call& call) const override {
    auto list = sequence_items(call.value(0));
    const auto length = std::ssize(list->items);
    if (length == 0) fail("the sequence is empty: there is nothing to erase");
    list->items.erase(list->items.begin() + (call.has(1) ? position_of(call, 1, length) : length - 1));
    call.set(0, sequence_of(std::move(list)));
  }
};

class SequenceAt final : public Op {
 public:
  void run(Call& call) const override {
    const Value& sequence = call.value(0);
    call.set(0, sequence_item(sequence, position_of(call, 1, sequence_length(sequence))));
  }
};

class SequenceLength final : public Op {
 public:
  void run(Call& call) const override {
    const std::int64_t length = sequence_length(call.value(0));
    *call.allocate(0, DType::int64, {}).as<std::int64_t>() = length;
  }

  DType result(int, std::span<const DType>) const override { return DType::int64; }
};

class ConcatFromSequence final : public Op {
 public:
  explicit ConcatFromSequence(const Node& node) : axis_(node.integer("axis", 0)), new_axis_(node.integer("new_axis", 0) != 0) {
    if (!node.has("axis")) bad_graph("attribute 'axis' is missing");
  }

  void run(Call& call) const override {
    const Value& value = call.value(0);
    if (value.kind != Value::Kind::sequence) fail("expected a sequence of tensors, got ", kind_name(value.kind));
    const std::vector<Value>& items = value.composite->items;
    if (items.empty()) fail("the sequence is empty: there is nothing to join");
    for (const Value& item : items) {
      if (item.kind != Value::Kind::tensor) fail("expected a sequence of tensors, got one of ", kind_name(item.kind));
    }
    const Tensor& head = items[0].tensor;
    const int axis = normal_axis(axis_, head.shape.rank() + (new_axis_ ? 1 : 0));
    DType dtype = head.dtype;
    std::int64_t size = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Tensor& item = items[i].tensor;
      bool fits = item.shape.rank() == head.shape.rank();
      for (int other = 0; fits && other < head.shape.rank(); ++other) {
        fits = (!new_axis_ && other == axis) || item.shape[other] == head.shape[other];
      }
      if (!fits) fail("item ", i, " has shape ", print(item.shape), ", which does not fit the first, ", print(head.shape));
      if (item.dtype != dtype && (!is_number(item.dtype) || !is_number(dtype))) {
        fail("cannot join ", dtype_name(dtype), " with ", dtype_name(item.dtype), " (item ", i, ")");
      }
      if (item.dtype != dtype) dtype = promote(dtype, item.dtype);
      size += new_axis_ ? 1 : item.shape[axis];
    }
    Shape shape;
    for (int other = 0; other < axis; ++other) shape.push(head.shape[other]);
    shape.push(size);
    for (int other = new_axis_ ? axis : axis + 1; other < head.shape.rank(); ++other) shape.push(head.shape[other]);
    Tensor& out = call.allocate(0, dtype, shape);
    if (out.count() == 0) return;
    const std::int64_t lines = shape.count(0, axis);
    const std::size_t stride = static_cast<std::size_t>(shape.count(axis, shape.rank())) * item_size(dtype);
    std::size_t offset = 0;
    for (const Value& item : items) {
      const Tensor piece = in_type(call, item.tensor, dtype);
      const std::size_t width = piece.bytes() / static_cast<std::size_t>(lines);
      for (std::int64_t line = 0; width != 0 && line < lines; ++line) {
        std::memcpy(out.as<char>() + static_cast<std::size_t>(line) * stride + offset,
                    piece.as<char>() + static_cast<std::size_t>(line) * width, width);
      }
      offset += width;
    }
  }

 private:
  std::int64_t axis_;
  bool new_axis_;
};

class SplitToSequence final : public Op {
 public:
  explicit SplitToSequence(const Node& node) : axis_(node.integer("axis", 0)), keep_(node.integer("keepdims", 1) != 0) {}

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int axis = normal_axis(axis_, data.shape.rank());
    const std::int64_t dim = data.shape[axis];
    const std::int64_t lines = data.shape.count(0, axis);
    const std::int64_t inner = data.shape.count(axis + 1, data.shape.rank());
    const bool drop = !keep_ && !call.has(1);
    auto list = std::make_shared<Composite>();
    std::int64_t start = 0;
    for (const std::int64_t size : sizes(call, dim)) {
      Shape shape;
      for (int other = 0; other < data.shape.rank(); ++other) {
        if (other != axis) shape.push(data.shape[other]);
        if (other == axis && !drop) shape.push(size);
      }
      Tensor part{data.dtype, shape, data.data, data.buffer};
      if (part.count() != 0)
        part.data = static_cast<char*>(data.data) + static_cast<std::size_t>(start * inner) * item_size(data.dtype);
      if (lines > 1 && part.count() != 0) {
        Tensor copy = call.make(data.dtype, shape);
        Strided view;
        view.push(lines, dim * inner);
        view.push(size * inner, 1);
        copy_strided(data.dtype, part.data, view, copy.data, call.threads());
        part = std::move(copy);
      }
      list->items.push_back(Value::of(std::move(part)));
      start += size;
    }
    call.set(0, sequence_of(std::move(list)));
  }

 private:
  // One number: parts of that size, the last one smaller; a list: the sizes; nothing: parts of size 1.
  static std::vector<std::int64_t> sizes(const Call& call, std::int64_t dim) {
    if (!call.has(1)) return std::vector<std::int64_t>(static_cast<std::size_t>(dim), 1);
    const Tensor& split = call.tensor(1);
    std::vector<std::int64_t> sizes = integers_of(split);
    if (split.shape.rank() == 0) {
      const std::int64_t size = sizes[0];
      if (size <= 0) fail("the size of the parts must be positive, got ", size);
      sizes.clear();
      for (std::int64_t rest = dim; rest > 0; rest -= size) sizes.push_back(std::min(size, rest));
      return sizes;
    }
    std::int64_t sum = 0;
    for (const std::int64_t size : sizes) {
      if (size < 0 || size > dim - sum) fail("parts of ", print(Shape(sizes)), " do not fit an axis of size ", dim);
      sum += size;
    }
    if (sum != dim) fail("the parts have ", sum, " of the ", dim, " elements along the axis");
    return sizes;
  }

  std::int64_t axis_;
  bool keep_;
};

const Registration construct{"", "SequenceConstruct", 11, any_version, make<SequenceConstruct>};
const Registration empty{"", "SequenceEmpty", 11, any_version, make<SequenceEmpty>};
const Registration insert{"", "SequenceInsert", 11, any_version, make<SequenceInsert>};
const Registration erase{"", "SequenceErase", 11, any_version, make<SequenceErase>};
const Registration at{"", "SequenceAt", 11, any_version, make<SequenceAt>};
const Registration length{"", "SequenceLength", 11, any_version, make<SequenceLength>};
const Registration concat{"", "ConcatFromSequence", 11, any_version, make<ConcatFromSequence>};
const Registration split{"", "SplitToSequence", 11, any_version, make<SplitToSequence>};

}  // namespace
}  // namespace sklort
