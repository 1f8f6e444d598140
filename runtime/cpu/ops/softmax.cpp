// Softmax and LogSoftmax. Up to opset 12 all axes from `axis` on are one; later the operator works along that axis alone.
#include <algorithm>

#include "axes.h"
#include "elementwise.h"
#include "reduction.h"
#include "strided.h"

namespace sklort {
namespace {

template <bool logarithm>
class Softmax final : public Op {
 public:
  explicit Softmax(const Node& node) : together_(node.version < 13), axis_(node.integer("axis", together_ ? 1 : -1)) {}

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    require_floating(data.dtype);
    const int rank = data.shape.rank();
    const Tensor in = in_type(call, data, working_type(data.dtype));
    if (together_) {
      // The axis may be the rank: rows of one element.
      if (axis_ < -rank || axis_ > rank) fail("axis ", axis_, " is out of range for rank ", rank);
      const auto axis = static_cast<int>(axis_ < 0 ? axis_ + rank : axis_);
      produce(call, 0, data.dtype, data.shape, [&](Tensor& out) { along_rows(call, in, data.shape.count(axis, rank), out); });
      return;
    }
    const int axis = normal_axis(axis_, rank);
    produce(call, 0, data.dtype, data.shape, [&](Tensor& out) {
      if (data.shape.count(axis + 1, rank) == 1) {
        along_rows(call, in, data.shape[axis], out);
        return;
      }
      const AxisLast turn(axis, rank);
      const Shape shape = permuted(data.shape, turn.forth());
      const Tensor turned = scratch_tensor(call, in.dtype, shape);
      permute(in, turn.forth(), turned.data, call.threads());
      Tensor scores = scratch_tensor(call, in.dtype, shape);
      along_rows(call, turned, data.shape[axis], scores);
      permute(scores, turn.back(), out.data, call.threads());
    });
  }

 private:
  static void along_rows(Call& call, const Tensor& in, std::int64_t columns, Tensor& out) {
    if (in.count() == 0) return;
    with_float(in.dtype, [&]<class T>(T) {
      const auto loop = logarithm ? run_loops<T>().log_softmax : run_loops<T>().softmax;
      parallel(in.count() / columns, std::max<std::int64_t>(1, costly_grain / columns), call.threads(),
               [&](std::int64_t first, std::int64_t last) noexcept {
                 loop(in.as<T>() + first * columns, last - first, columns, out.as<T>() + first * columns);
               });
    });
  }

  bool together_;
  std::int64_t axis_;
};

const Registration softmax{"", "Softmax", 1, any_version, make<Softmax<false>>};
const Registration log_softmax{"", "LogSoftmax", 1, any_version, make<Softmax<true>>};

}  // namespace
}  // namespace sklort
