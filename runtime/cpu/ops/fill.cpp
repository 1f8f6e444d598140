// Tensors made from little: ConstantOfShape, Expand, Tile, Range, EyeLike.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "axes.h"
#include "broadcast.h"
#include "elementwise.h"
#include "strided.h"

namespace sklort {
namespace {

class ConstantOfShape final : public Op {
 public:
  explicit ConstantOfShape(const Node& node) : shape_(node, 0, "shape") {
    const Tensor* value = node.tensor("value");
    if (value == nullptr) return;
    if (value->count() != 1) bad_graph("attribute 'value' must hold one element, it has shape ", print(value->shape));
    dtype_ = value->dtype;
    if (dtype_ == DType::string) {
      text_ = *value->as<std::string_view>();
    } else {
      std::memcpy(item_, value->data, item_size(dtype_));
    }
  }

  DType result(int, std::span<const DType>) const override { return dtype_; }

  void run(Call& call) const override {
    const Shape shape = shape_.list(call);
    require_storable(shape);
    Tensor& out = call.allocate(0, dtype_, shape);
    if (dtype_ == DType::string) {
      std::fill_n(out.as<std::string_view>(), out.count(), std::string_view(text_));
      return;
    }
    with_item(dtype_, [&]<class T>(T value) {
      if constexpr (!std::is_same_v<T, std::string_view>) {
        std::memcpy(static_cast<void*>(&value), item_, sizeof(T));
        std::fill_n(out.as<T>(), out.count(), value);
      }
    });
  }

 private:
  Integers shape_;
  DType dtype_ = DType::float32;
  alignas(16) unsigned char item_[16] = {};  // zero in every type
  std::string text_;
};

class Expand final : public Op {
 public:
  explicit Expand(const Node& node) : shape_(node, 1, "shape") {}

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const Shape wanted = shape_.list(call);
    require_storable(wanted);
    const Shape shape = broadcast(data.shape, wanted);
    require_storable(shape);
    if (shape.count() == data.count()) {
      Tensor same = data;
      same.shape = shape;
      call.set(0, Value::of(std::move(same)));
      return;
    }
    Tensor& out = call.allocate(0, data.dtype, shape);
    if (out.count() == 0) return;
    const auto strides = strides_of(data.shape);
    Strided view;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const int own = axis - shape.rank() + data.shape.rank();
      view.push(shape[axis], own < 0 || data.shape[own] == 1 ? 0 : strides[static_cast<std::size_t>(own)]);
    }
    copy_strided(data.dtype, data.data, view, out.data, call.threads());
  }

 private:
  Integers shape_;
};

class Tile final : public Op {
 public:
  explicit Tile(const Node& node) : repeats_(node, 1, "repeats") {}

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const Shape repeats = repeats_.list(call);
    if (repeats.rank() != data.shape.rank())
      fail("repeats ", print(repeats), " do not fit a tensor of shape ", print(data.shape));
    require_storable(repeats);
    Shape shape = data.shape;
    const auto strides = strides_of(data.shape);
    Strided view;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] != 0 && repeats[axis] > (std::int64_t{1} << 48) / shape[axis])
        require_storable({repeats[axis], shape[axis]});
      view.push(repeats[axis], 0);
      view.push(shape[axis], strides[static_cast<std::size_t>(axis)]);
      shape[axis] *= repeats[axis];
    }
    require_storable(shape);
    Tensor& out = call.allocate(0, data.dtype, shape);
    if (out.count() != 0) copy_strided(data.dtype, data.data, view, out.data, call.threads());
  }

 private:
  Integers repeats_;
};

class Range final : public Op {
 public:
  DType result(int, std::span<const DType> inputs) const override { return promote(promote(inputs[0], inputs[1]), inputs[2]); }

  void run(Call& call) const override {
    DType dtype = call.tensor(0).dtype;
    for (int i = 0; i < 3; ++i) {
      const Tensor& one = call.tensor(i);
      require_number(one.dtype);
      if (one.count() != 1) fail("start, limit and delta must be one number each, input ", i, " has shape ", print(one.shape));
      dtype = promote(dtype, one.dtype);
    }
    const DType working = working_type(dtype);
    with_arithmetic(working, [&]<class T>(T) {
      const auto number = [&](int i) { return *in_type(call, call.tensor(i), working).template as<T>(); };
      const T start = number(0);
      const T limit = number(1);
      const T delta = number(2);
      if (delta == T{}) fail("delta is 0");
      const Shape shape{length(start, limit, delta)};
      require_storable(shape);
      produce(call, 0, dtype, shape, [&](Tensor& out) {
        T* to = out.template as<T>();
        for (std::int64_t i = 0; i < shape[0]; ++i) {
          if constexpr (std::is_floating_point_v<T>) {
            to[i] = static_cast<T>(static_cast<double>(start) + static_cast<double>(i) * static_cast<double>(delta));
          } else {
            to[i] = AddOf::apply(start, MultiplyOf::apply(static_cast<T>(i), delta));
          }
        }
      });
    });
  }

 private:
  template <class T>
  static std::int64_t length(T start, T limit, T delta) {
    if constexpr (std::is_floating_point_v<T>) {
      const double steps = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta));
      if (std::isnan(steps)) fail("start, limit and delta are ", start, ", ", limit, " and ", delta);
      return steps <= 0 ? 0 : steps > 0x1p60 ? std::int64_t{1} << 60 : static_cast<std::int64_t>(steps);
    } else {
      // Unsigned, as the distance of two signed numbers may not fit their own type.
      if (delta > T{} ? limit <= start : limit >= start) return 0;
      const auto wide = [](T x) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(x)); };
      const std::uint64_t distance = delta > T{} ? wide(limit) - wide(start) : wide(start) - wide(limit);
      const std::uint64_t step = delta > T{} ? wide(delta) : 0 - wide(delta);
      return static_cast<std::int64_t>(std::min<std::uint64_t>((distance - 1) / step + 1, std::uint64_t{1} << 60));
    }
  }
};

class EyeLike final : public Op {
 public:
  explicit EyeLike(const Node& node) : k_(node.integer("k", 0)), dtype_(static_cast<DType>(node.integer("dtype", 0))) {}

  DType result(int, std::span<const DType> inputs) const override { return dtype_ == DType::undefined ? inputs[0] : dtype_; }

  void run(Call& call) const override {
    const Tensor& like = call.tensor(0);
    if (like.shape.rank() != 2) fail("expected a matrix, got shape ", print(like.shape));
    const DType dtype = dtype_ == DType::undefined ? like.dtype : dtype_;
    require_number(dtype);
    Tensor& out = call.allocate(0, dtype, like.shape);
    std::memset(out.data, 0, out.bytes());
    const std::int64_t rows = like.shape[0];
    const std::int64_t columns = like.shape[1];
    if (k_ <= -rows || k_ >= columns) return;
    with_item(dtype, [&]<class T>(T one) {
      if constexpr (!std::is_same_v<T, std::string_view>) {
        const bool yes = true;
        Tensor number{dtype, {1}, &one, {}};
        convert_numbers(Tensor{DType::boolean, {1}, const_cast<bool*>(&yes), {}}, number, 1);
        for (std::int64_t row = std::max<std::int64_t>(0, -k_); row < rows && row + k_ < columns; ++row) {
          out.as<T>()[row * columns + row + k_] = one;
        }
      }
    });
  }

 private:
  std::int64_t k_;
  DType dtype_;
};

std::string refuse_types(const Node& node) {
  const std::int64_t dtype = node.integer("dtype", 1);
  const bool known = dtype > 0 && dtype < 32 && is_number(static_cast<DType>(dtype));
  return known ? std::string() : sentence("element type ", dtype, " is not stored by the native runtime");
}

const Registration constant_of_shape{"", "ConstantOfShape", 9, any_version, make<ConstantOfShape>};
const Registration expand{"", "Expand", 8, any_version, make<Expand>};
const Registration tile{"", "Tile", 6, any_version, make<Tile>};
const Registration range{"", "Range", 11, any_version, make<Range>};
const Registration eye_like{"", "EyeLike", 9, any_version, make<EyeLike>, refuse_types};

}  // namespace
}  // namespace sklort
