// TopK: of equal values the one with the lower index comes first; NaN counts as larger than every number, as in NumPy's sort.
#include <algorithm>
#include <numeric>

#include "axes.h"
#include "elementwise.h"
#include "strided.h"

namespace sklort {
namespace {

template <class T>
bool less(T a, T b) noexcept {
  return a < b || (b != b && a == a);
}

template <class T, bool largest>
bool before(T a, T b) noexcept {
  return largest ? less(b, a) : less(a, b);
}

class TopK final : public Op {
 public:
  explicit TopK(const Node& node)
      : axis_(node.integer("axis", -1)),
        largest_(node.integer("largest", 1) != 0),
        k_(node, 1, "k_as_list"),
        old_(node.version < 10) {
    if (!old_) return;
    if (!node.has("k")) bad_graph("attribute 'k' is missing");
    old_k_ = node.integer("k", 0);
  }

  DType result(int output, std::span<const DType> inputs) const override { return output == 0 ? inputs[0] : DType::int64; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int rank = data.shape.rank();
    const int axis = normal_axis(axis_, rank);
    const std::int64_t dim = data.shape[axis];
    const std::int64_t k = count(call);
    if (k < 0 || k > dim) fail("cannot take ", k, " of ", dim, " values along axis ", axis);
    Shape shape = data.shape;
    shape[axis] = k;
    const DType working = working_type(data.dtype);
    const Tensor in = in_type(call, data, working);
    if (axis == rank - 1) {
      Tensor& indices = call.allocate(1, DType::int64, shape);
      produce(call, 0, data.dtype, shape, [&](Tensor& values) { select(call, in, values, indices, dim, k); });
      return;
    }
    const AxisLast turn(axis, rank);
    const Tensor turned = scratch_tensor(call, working, permuted(data.shape, turn.forth()));
    permute(in, turn.forth(), turned.data, call.threads());
    Tensor values = scratch_tensor(call, working, permuted(shape, turn.forth()));
    Tensor indices = scratch_tensor(call, DType::int64, permuted(shape, turn.forth()));
    select(call, turned, values, indices, dim, k);
    permute(indices, turn.back(), call.allocate(1, DType::int64, shape).data, call.threads());
    produce(call, 0, data.dtype, shape, [&](Tensor& out) { permute(values, turn.back(), out.data, call.threads()); });
  }

 private:
  std::int64_t count(Call& call) const {
    if (old_) return old_k_;
    const Shape list = k_.list(call);
    if (list.rank() != 1) fail("k must be one integer, got ", list.rank());
    return list[0];
  }

  void select(Call& call, const Tensor& in, Tensor& values, Tensor& indices, std::int64_t dim, std::int64_t k) const {
    if (values.count() == 0) return;
    const std::int64_t lines = in.count() / dim;
    with_arithmetic(in.dtype, [&]<class T>(T) {
      if (largest_) {
        select_as<T, true>(call, in.as<T>(), lines, dim, values.as<T>(), indices.as<std::int64_t>(), k);
      } else {
        select_as<T, false>(call, in.as<T>(), lines, dim, values.as<T>(), indices.as<std::int64_t>(), k);
      }
    });
  }

  template <class T, bool largest>
  static void select_as(Call& call, const T* from, std::int64_t lines, std::int64_t dim, T* values, std::int64_t* indices,
                        std::int64_t k) {
    constexpr std::int64_t few = 32;
    if (k <= few) {
      parallel(lines, std::max<std::int64_t>(1, costly_grain / dim), call.threads(),
               [&](std::int64_t first, std::int64_t last) noexcept {
                 for (std::int64_t line = first; line < last; ++line) {
                   insert<T, largest>(from + line * dim, dim, values + line * k, indices + line * k, k);
                 }
               });
      return;
    }
    auto* order = call.scratch_of<std::int64_t>(dim);
    for (std::int64_t line = 0; line < lines; ++line) {
      const T* row = from + line * dim;
      std::iota(order, order + dim, std::int64_t{0});
      const auto comes_first = [&](std::int64_t a, std::int64_t b) noexcept {
        return before<T, largest>(row[a], row[b]) || (!before<T, largest>(row[b], row[a]) && a < b);
      };
      if (k < dim) std::nth_element(order, order + k, order + dim, comes_first);
      std::sort(order, order + k, comes_first);
      for (std::int64_t i = 0; i < k; ++i) {
        indices[line * k + i] = order[i];
        values[line * k + i] = row[order[i]];
      }
    }
  }

  // The best so far, in order: most elements fail the comparison with the last of them.
  template <class T, bool largest>
  static void insert(const T* row, std::int64_t dim, T* values, std::int64_t* indices, std::int64_t k) noexcept {
    const auto put = [&](std::int64_t place, T value, std::int64_t index) noexcept {
      for (; place > 0 && before<T, largest>(value, values[place - 1]); --place) {
        values[place] = values[place - 1];
        indices[place] = indices[place - 1];
      }
      values[place] = value;
      indices[place] = index;
    };
    for (std::int64_t i = 0; i < k; ++i) put(i, row[i], i);
    T worst = values[k - 1];
    for (std::int64_t i = k; i < dim; ++i) {
      const T value = row[i];
      // False for a NaN on either side, which the second comparison knows how to order.
      if (largest ? value <= worst : value >= worst) continue;
      if (!before<T, largest>(value, worst)) continue;
      put(k - 1, value, i);
      worst = values[k - 1];
    }
  }

  std::int64_t axis_;
  bool largest_;
  Integers k_;
  bool old_;
  std::int64_t old_k_ = 0;
};

const Registration topk{"", "TopK", 1, any_version, make<TopK>};

}  // namespace
}  // namespace sklort
