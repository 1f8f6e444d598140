// LpNormalization and Hardmax: lines of a tensor along one axis.
//
// The norm is summed in double; a line of zeros stays as it is. Hardmax marks the first of the largest, a NaN counting as
// largest.
#include <algorithm>
#include <cmath>

#include "axes.h"
#include "elementwise.h"
#include "numbers.h"
#include "op.h"
#include "threads.h"

namespace sklort {
namespace {

// Calls function(first, stride, n) with the offset of each line's first element; blocks of lines on several threads.
template <class Function>
void each_line(const Shape& shape, int first_axis, int last_axis, int threads, Function&& function) {
  const std::int64_t n = shape.count(first_axis, last_axis);
  const std::int64_t inner = shape.count(last_axis, shape.rank());
  const std::int64_t lines = shape.count(0, first_axis) * inner;
  if (n == 0) return;
  parallel(lines, std::max<std::int64_t>(1, cheap_grain / n), threads, [&](std::int64_t first, std::int64_t last) noexcept {
    for (std::int64_t line = first; line < last; ++line) function(line / inner * n * inner + line % inner, inner, n);
  });
}

class LpNormalization final : public Op {
 public:
  explicit LpNormalization(const Node& node) : axis_(node.integer("axis", -1)), p_(node.integer("p", 2)) {
    if (p_ != 1 && p_ != 2) bad_graph("attribute 'p' is ", p_, "; it must be 1 or 2");
  }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    require_floating(data.dtype);
    const int axis = normal_axis(axis_, data.shape.rank());
    const Tensor in = in_type(call, data, working_type(data.dtype));
    produce(call, 0, data.dtype, data.shape, [&](Tensor& out) {
      with_float(in.dtype, [&]<class T>(T) { normalize(in.as<T>(), out.as<T>(), data.shape, axis, call.threads()); });
    });
  }

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

 private:
  template <class T>
  void normalize(const T* from, T* to, const Shape& shape, int axis, int threads) const {
    each_line(shape, axis, axis + 1, threads, [&](std::int64_t first, std::int64_t stride, std::int64_t n) {
      const T* x = from + first;
      T* y = to + first;
      double sum = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        const auto value = static_cast<double>(x[i * stride]);
        sum += p_ == 1 ? std::abs(value) : value * value;
      }
      const double norm = p_ == 1 ? sum : std::sqrt(sum);
      for (std::int64_t i = 0; i < n; ++i) {
        y[i * stride] = norm == 0 ? T{0} : static_cast<T>(static_cast<double>(x[i * stride]) / norm);
      }
    });
  }

  std::int64_t axis_;
  std::int64_t p_;
};

// Up to opset 12 all axes from `axis` on are one; later the operator works along that axis alone.
class Hardmax final : public Op {
 public:
  explicit Hardmax(const Node& node) : together_(node.version < 13), axis_(node.integer("axis", together_ ? 1 : -1)) {}

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    require_floating(data.dtype);
    const int rank = data.shape.rank();

    const int axis = normal_axis(axis_, rank);
    const int end = together_ ? rank : axis + 1;
    const Tensor in = in_type(call, data, working_type(data.dtype));
    produce(call, 0, data.dtype, data.shape, [&](Tensor& out) {
      with_float(in.dtype, [&]<class T>(T) { mark(in.as<T>(), out.as<T>(), data.shape, axis, end, call.threads()); });
    });
  }

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

 private:
  template <class T>
  static void mark(const T* from, T* to, const Shape& shape, int axis, int end, int threads) {
    each_line(shape, axis, end, threads, [&](std::int64_t first, std::int64_t stride, std::int64_t n) {
      const T* x = from + first;
      T* y = to + first;
      std::int64_t best = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        if (x[i * stride] > x[best * stride] || (std::isnan(x[i * stride]) && !std::isnan(x[best * stride]))) best = i;
        y[i * stride] = 0;
      }
      y[best * stride] = 1;
    });
  }

  bool together_;
  std::int64_t axis_;
};

const Registration lp_normalization{"", "LpNormalization", 1, any_version, make<LpNormalization>};
const Registration hardmax{"", "Hardmax", 1, any_version, make<Hardmax>};

}  // namespace
}  // namespace sklort
