// ArrayFeatureExtractor and FeatureVectorizer: columns picked, columns joined.
#include <algorithm>
#include <cstring>

#include "numbers.h"
#include "op.h"
#include "rows.h"
#include "threads.h"

namespace sklort {
namespace {

// Elements of the last axis, by index; a negative index counts from the end. A tensor of one dimension gives one row.
class ArrayFeatureExtractor final : public Op {
 public:
  explicit ArrayFeatureExtractor(const Node& node) {
    if (const Value* constant = node.constant(1)) constant_ = integers_of(constant->tensor);
    is_constant_ = node.constant(1) != nullptr;
  }

  void run(Call& call) const override {
    const Tensor& x = call.tensor(0);
    const int rank = x.shape.rank();
    if (rank == 0) fail("expected at least one dimension, got a scalar");
    const std::int64_t columns = x.shape[rank - 1];
    std::vector<std::int64_t> computed;
    if (!is_constant_) computed = integers_of(call.tensor(1));
    const std::vector<std::int64_t>& asked = is_constant_ ? constant_ : computed;
    const auto picked = static_cast<std::int64_t>(asked.size());
    std::int64_t* index = call.scratch_of<std::int64_t>(picked);
    for (std::int64_t i = 0; i < picked; ++i) {
      const std::int64_t one = asked[static_cast<std::size_t>(i)];
      if (one < -columns || one >= columns)
        throw Error(Status::invalid_argument, sentence("index ", one, " is out of range for ", columns, " columns"));
      index[i] = one < 0 ? one + columns : one;
    }
    Shape shape;
    if (rank == 1) shape.push(1);
    for (int axis = 0; axis < rank - 1; ++axis) shape.push(x.shape[axis]);
    shape.push(picked);
    const std::int64_t rows = x.shape.count(0, rank - 1);
    with_item(x.dtype, [&]<class T>(T) {
      const T* from = x.as<T>();
      T* to = call.allocate(0, x.dtype, shape).template as<T>();
      const std::int64_t chunk = std::max<std::int64_t>(1, (1 << 15) / std::max<std::int64_t>(picked, 1));
      parallel(rows, chunk, call.threads(), [=](std::int64_t first, std::int64_t last) noexcept {
        if (picked == 1) {
          for (std::int64_t row = first; row < last; ++row) to[row] = from[row * columns + *index];
          return;
        }
        for (std::int64_t row = first; row < last; ++row) {
          for (std::int64_t i = 0; i < picked; ++i) to[row * picked + i] = from[row * columns + index[i]];
        }
      });
    });
  }

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

 private:
  bool is_constant_ = false;
  std::vector<std::int64_t> constant_;
};

// The inputs side by side, as float, or as double when one of them is. An input takes as many columns as `inputdimensions`
// says: as in onnxruntime and the ONNX reference, missing ones are 0 and others are left out.
class FeatureVectorizer final : public Op {
 public:
  explicit FeatureVectorizer(const Node& node) {
    const auto given = node.integers("inputdimensions");
    dimensions_.assign(given.begin(), given.end());
    if (node.inputs() == 0) bad_graph("expected at least one input");
    if (!dimensions_.empty() && static_cast<int>(dimensions_.size()) != node.inputs()) {
      bad_graph("attribute 'inputdimensions' has ", dimensions_.size(), " numbers for ", node.inputs(), " inputs");
    }
    for (const std::int64_t dimension : dimensions_) {
      if (dimension < 0) bad_graph("attribute 'inputdimensions' holds ", dimension);
    }
  }

  void run(Call& call) const override {
    DType dtype = DType::float32;
    std::int64_t width = 0;
    std::int64_t count = 0;
    for (int input = 0; input < call.inputs(); ++input) {
      const Tensor& x = call.tensor(input);
      const Rows rows = Rows::flat(x);
      if (input > 0 && rows.count != count) fail("input 0 has ", count, " rows, input ", input, " has ", rows.count);
      count = rows.count;
      width += place(input, rows);
      if (float_like(x.dtype) == DType::float64) dtype = DType::float64;
    }
    with_float(dtype, [&]<class T>(T) {
      T* to = call.allocate(0, dtype, {count, width}).template as<T>();
      std::int64_t left = 0;
      for (int input = 0; input < call.inputs(); ++input) {
        const Tensor& x = call.tensor(input);
        const Rows rows = Rows::flat(x);
        const std::int64_t room = place(input, rows);
        const std::int64_t filled = std::min(room, rows.columns);
        const T* from = numbers<T>(call, x);
        const std::int64_t chunk = std::max<std::int64_t>(1, (1 << 15) / std::max<std::int64_t>(room, 1));
        parallel(count, chunk, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
          for (std::int64_t row = first; row < last; ++row) {
            T* out = to + row * width + left;
            for (std::int64_t i = 0; i < filled; ++i) out[i] = from[row * rows.columns + i];
            for (std::int64_t i = filled; i < room; ++i) out[i] = T{0};
          }
        });
        left += room;
      }
    });
  }

  DType result(int, std::span<const DType> inputs) const override {
    DType dtype = DType::float32;
    for (const DType input : inputs) {
      if (input == DType::undefined) return DType::undefined;
      if (input == DType::float64) dtype = DType::float64;
    }
    return dtype;
  }

 private:
  std::int64_t place(int input, const Rows& rows) const {
    return dimensions_.empty() ? rows.columns : dimensions_[static_cast<std::size_t>(input)];
  }

  std::vector<std::int64_t> dimensions_;
};

template <class T>
std::unique_ptr<Op> make(const Node& node) {
  return std::make_unique<T>(node);
}

const Registration extractor{"ai.onnx.ml", "ArrayFeatureExtractor", 1, any_version, make<ArrayFeatureExtractor>};
const Registration vectorizer{"ai.onnx.ml", "FeatureVectorizer", 1, any_version, make<FeatureVectorizer>};

}  // namespace
}  // namespace sklort
