// Elements chosen by what they are or where they stand: Compress, NonZero, Trilu. And Size, which counts them.
#include <algorithm>
#include <cstring>

#include "axes.h"
#include "elementwise.h"

namespace sklort {
namespace {

class Compress final : public Op {
 public:
  explicit Compress(const Node& node) : flat_(!node.has("axis")), axis_(node.integer("axis", 0)) {}

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const Tensor& condition = call.tensor(1);
    require_boolean(condition);
    if (condition.shape.rank() != 1) fail("the condition must have one dimension, got shape ", print(condition.shape));
    const int axis = flat_ ? 0 : normal_axis(axis_, data.shape.rank());
    const std::int64_t dim = flat_ ? data.count() : data.shape[axis];
    const std::int64_t lines = flat_ ? 1 : data.shape.count(0, axis);
    const std::int64_t inner = flat_ ? 1 : data.shape.count(axis + 1, data.shape.rank());
    const auto flags = condition.span<bool>();
    auto* chosen = call.scratch_of<std::int64_t>(condition.count());
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < condition.count(); ++i) {
      if (!flags[static_cast<std::size_t>(i)]) continue;
      if (i >= dim) fail("the condition chooses element ", i, " of ", dim);
      chosen[count++] = i;
    }
    Shape shape = flat_ ? Shape{count} : data.shape;
    shape[axis] = count;
    Tensor& out = call.allocate(0, data.dtype, shape);
    if (out.count() == 0) return;
    with_item(data.dtype, [&]<class T>(T) {
      parallel(lines, std::max<std::int64_t>(1, cheap_grain / (count * inner)), call.threads(),
               [&](std::int64_t first, std::int64_t last) noexcept {
                 for (std::int64_t line = first; line < last; ++line) {
                   for (std::int64_t i = 0; i < count; ++i) {
                     std::copy_n(data.as<T>() + (line * dim + chosen[i]) * inner, inner,
                                 out.as<T>() + (line * count + i) * inner);
                   }
                 }
               });
    });
  }

 private:
  bool flat_;
  std::int64_t axis_;
};

class NonZero final : public Op {
 public:
  DType result(int, std::span<const DType>) const override { return DType::int64; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    if (data.dtype == DType::string) {
      find(call, data.span<std::string_view>(), [](std::string_view text) { return !text.empty(); });
    } else if (working_type(data.dtype) != data.dtype) {
      // All bits but the sign, of either 16-bit float.
      const std::span bits(data.as<std::uint16_t>(), static_cast<std::size_t>(data.count()));
      find(call, bits, [](std::uint16_t one) { return (one & 0x7FFFU) != 0; });
    } else {
      with_number(data.dtype, [&]<class T>(T) { find(call, data.span<T>(), [](T value) { return value != T{}; }); });
    }
  }

 private:
  // One row of coordinates for each axis; a scalar has no axes, so no rows.
  template <class Items, class Test>
  static void find(Call& call, const Items& items, Test test) {
    const Shape& shape = call.tensor(0).shape;
    const std::int64_t count = std::ranges::count_if(items, test);
    auto* out = call.allocate(0, DType::int64, {shape.rank(), count}).template as<std::int64_t>();
    std::int64_t found = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!test(items[i])) continue;
      auto rest = static_cast<std::int64_t>(i);
      for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        out[axis * count + found] = rest % shape[axis];
        rest /= shape[axis];
      }
      ++found;
    }
  }
};

class Trilu final : public Op {
 public:
  explicit Trilu(const Node& node) : upper_(node.integer("upper", 1) != 0) {}

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int rank = data.shape.rank();
    if (rank < 2) fail("expected a matrix or several, got shape ", print(data.shape));
    if (data.dtype == DType::string) fail("strings have no zero");
    const std::int64_t rows = data.shape[rank - 2];
    const std::int64_t columns = data.shape[rank - 1];
    const std::int64_t k = std::clamp(call.has(1) ? one_integer(call.tensor(1), "k") : 0, -rows, columns);
    Tensor& out = call.allocate(0, data.dtype, data.shape);
    if (out.count() == 0) return;
    with_item(data.dtype, [&]<class T>(T) {
      for (std::int64_t line = 0; line < data.count() / columns; ++line) {
        const std::int64_t border = std::clamp<std::int64_t>(line % rows + k + (upper_ ? 0 : 1), 0, columns);
        const T* from = data.as<T>() + line * columns;
        T* to = out.as<T>() + line * columns;
        for (std::int64_t i = 0; i < columns; ++i) to[i] = (i >= border) == upper_ ? from[i] : T{};
      }
    });
  }

 private:
  bool upper_;
};

class Size final : public Op {
 public:
  DType result(int, std::span<const DType>) const override { return DType::int64; }
  void run(Call& call) const override {
    const std::int64_t count = call.tensor(0).count();
    *call.allocate(0, DType::int64, {}).as<std::int64_t>() = count;
  }
};

const Registration compress{"", "Compress", 9, any_version, make<Compress>};
const Registration non_zero{"", "NonZero", 9, any_version, make<NonZero>};
const Registration trilu{"", "Trilu", 14, any_version, make<Trilu>};
const Registration size{"", "Size", 1, any_version, make<Size>};

}  // namespace
}  // namespace sklort
