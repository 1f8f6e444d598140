// Operands of different shapes, walked together as NumPy's broadcasting pairs them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "op.h"
#include "threads.h"
#include "value.h"

namespace sklort {

// The shape of an element-wise result; throws when the two do not go together.
Shape broadcast(const Shape& a, const Shape& b);

// The axes of a result in the order of memory, neighbours merged where every operand lets them: equal shapes become one run, a
// row, a column or a number against a matrix becomes rows of one inner run.
template <std::size_t N>
class Walk {
 public:
  using Offsets = std::array<std::int64_t, N>;

  // Each operand's shape broadcasts to `shape`.
  Walk(const Shape& shape, const std::array<const Shape*, N>& operands) {
    Offsets running;
    running.fill(1);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      Offsets stride{};
      for (std::size_t n = 0; n < N; ++n) {
        const int own = axis - shape.rank() + operands[n]->rank();
        const std::int64_t dim = own < 0 ? 1 : (*operands[n])[own];
        stride[n] = dim == 1 ? 0 : running[n];
        running[n] *= dim;
      }
      if (shape[axis] != 1) add(shape[axis], stride);
    }
  }

  // The step of each operand along the inner run: 1 or 0.
  const Offsets& step() const noexcept { return axes_[0].stride; }
  // From one row to the next.
  const Offsets& row() const noexcept { return axes_[1].stride; }

  // Calls function(offset in the result, offsets in the operands, rows, inner) for blocks that cover the result, of about
  // `grain` elements when there are threads to share them. The function may not throw.
  template <class Function>
  void run(int threads, std::int64_t grain, Function&& function) const {
    const std::int64_t inner = axes_[0].dim;
    const std::int64_t rows = axes_[1].dim;
    std::int64_t lines = 1;
    for (int i = 1; i < std::max(rank_, 2); ++i) lines *= axes_[static_cast<std::size_t>(i)].dim;
    if (inner == 0 || lines == 0) return;
    if (lines == 1) {
      parallel(inner, grain, threads, [&](std::int64_t first, std::int64_t last) noexcept {
        Offsets offsets;
        for (std::size_t n = 0; n < N; ++n) offsets[n] = first * step()[n];
        function(first, offsets, std::int64_t{1}, last - first);
      });
      return;
    }
    parallel(lines, std::max<std::int64_t>(1, grain / inner), threads, [&](std::int64_t first, std::int64_t last) noexcept {
      for (std::int64_t line = first; line < last;) {
        std::int64_t rest = line / rows;
        const std::int64_t within = line % rows;
        Offsets offsets;
        for (std::size_t n = 0; n < N; ++n) offsets[n] = within * row()[n];
        for (int i = 2; i < rank_; ++i) {
          const Axis& axis = axes_[static_cast<std::size_t>(i)];
          for (std::size_t n = 0; n < N; ++n) offsets[n] += rest % axis.dim * axis.stride[n];
          rest /= axis.dim;
        }
        const std::int64_t count = std::min(last - line, rows - within);
        function(line * inner, offsets, count, inner);
        line += count;
      }
    });
  }

 private:
  struct Axis {
    std::int64_t dim = 1;
    Offsets stride{};
  };

  void add(std::int64_t dim, const Offsets& stride) {
    if (rank_ > 0) {
      Axis& inner = axes_[static_cast<std::size_t>(rank_ - 1)];
      bool joins = true;
      for (std::size_t n = 0; n < N; ++n) joins = joins && stride[n] == inner.stride[n] * inner.dim;
      if (joins) {
        inner.dim *= dim;
        return;
      }
    }
    axes_[static_cast<std::size_t>(rank_++)] = {dim, stride};
  }

  std::array<Axis, Shape::max_rank + 2> axes_{};  // the innermost first; two at least, of size 1 when there are fewer
  int rank_ = 0;
};

// Up to opset 6 the second operand was aligned by the attributes `broadcast` and `axis` instead of at its end.
class Alignment {
 public:
  explicit Alignment(const Node& node);
  // `b` in the shape that broadcasts to that of `a` from the end; throws when it does not fit.
  Tensor align(const Tensor& a, const Tensor& b) const;

 private:
  bool old_;
  bool broadcast_;
  bool has_axis_;
  std::int64_t axis_;
};

}  // namespace sklort
