// Transpose, through the tiled copy of strided.h.
#include <numeric>

#include "axes.h"
#include "elementwise.h"
#include "strided.h"

namespace sklort {
namespace {

class Transpose final : public Op {
 public:
  explicit Transpose(const Node& node) : reversed_(!node.has("perm")), order_(node.integers("perm")) {}

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int rank = data.shape.rank();
    if (!reversed_ && order_.rank() != rank) {
      fail("the order of axes ", print(order_), " does not fit a tensor of shape ", print(data.shape));
    }
    std::array<int, Shape::max_rank> order{};
    std::uint32_t seen = 0;
    for (int axis = 0; axis < rank; ++axis) {
      const int from = reversed_ ? rank - 1 - axis : normal_axis(order_[axis], rank);
      order[static_cast<std::size_t>(axis)] = from;
      seen |= 1U << from;
    }
    if (seen != (1U << rank) - 1) fail("the order of axes ", print(order_), " names an axis twice");
    const std::span<const int> named(order.data(), static_cast<std::size_t>(rank));
    if (moves_nothing(data.shape, named)) {
      Tensor same = data;
      same.shape = permuted(data.shape, named);
      call.set(0, Value::of(std::move(same)));
      return;
    }
    Tensor& out = call.allocate(0, data.dtype, permuted(data.shape, named));
    permute(data, named, out.data, call.threads());
  }

 private:
  // Axes longer than 1 keep their order.
  static bool moves_nothing(const Shape& shape, std::span<const int> order) noexcept {
    int last = -1;
    for (const int axis : order) {
      if (shape[axis] == 1) continue;
      if (axis < last) return false;
      last = axis;
    }
    return true;
  }

  bool reversed_;
  Shape order_;
};

const Registration transpose{"", "Transpose", 1, any_version, make<Transpose>};

}  // namespace
}  // namespace sklort
