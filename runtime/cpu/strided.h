// Elements read with one stride for each axis and written one after another: transposed, sliced, repeated.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "value.h"

namespace sklort {

// Twice the rank of a tensor, for repetition: each axis twice.
struct Strided {
  static constexpr int max_rank = 2 * Shape::max_rank;

  // Appends an axis inside those there are; the stride in elements, 0 to repeat, negative to go backwards.
  void push(std::int64_t dim, std::int64_t stride) noexcept;

  std::array<std::int64_t, max_rank> dims{};
  std::array<std::int64_t, max_rank> strides{};
  int rank = 0;
};

// Row-major strides of a shape, in elements.
std::array<std::int64_t, Shape::max_rank> strides_of(const Shape& shape) noexcept;

// Writes the elements at `from`, which point into memory of that element type, to `to`.
void copy_strided(DType dtype, const void* from, const Strided& view, void* to, int threads);

// A tensor's axes in another order: axis i of the result is axis order[i] of `from`.
Shape permuted(const Shape& shape, std::span<const int> order);
void permute(const Tensor& from, std::span<const int> order, void* to, int threads);

// The order of axes that brings one of them last, and the order that brings it back.
class AxisLast {
 public:
  AxisLast(int axis, int rank) noexcept;
  std::span<const int> forth() const noexcept { return {forth_.data(), rank_}; }
  std::span<const int> back() const noexcept { return {back_.data(), rank_}; }

 private:
  std::array<int, Shape::max_rank> forth_{};
  std::array<int, Shape::max_rank> back_{};
  std::size_t rank_;
};

}  // namespace sklort
