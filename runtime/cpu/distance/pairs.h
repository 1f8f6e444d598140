// What the operators on pairs of rows share: the second input packed once when it is a constant of the model, else at each run.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>

#include "axes.h"
#include "numbers.h"
#include "op.h"
#include "points.h"

namespace sklort::distance {

// The element type of distances between rows of two types: float for two floats, double for everything else.
inline DType distance_dtype(DType x, DType y) noexcept {
  const auto narrow = [](DType dtype) { return dtype == DType::float32 || dtype == DType::float16 || dtype == DType::bfloat16; };
  return narrow(x) && narrow(y) ? DType::float32 : DType::float64;
}

class Pairs {
 public:
  // The attributes `metric` and `p`; the points are input 1.
  Pairs(const Node& node, const char* default_metric);

  // When the points are a constant of the model; otherwise null.
  const Points* constant() const noexcept { return constant_ ? &*constant_ : nullptr; }

  // Calls function(x, rows, points) with x a pointer to float or double.
  template <class Function>
  void with(Call& call, Function&& function) const {
    const Tensor& x = call.tensor(0);
    const Tensor& y = call.tensor(1);
    for (const Tensor* tensor : {&x, &y}) {
      if (tensor->shape.rank() != 2) fail("expected two matrices of rows, got shapes ", print(x.shape), " and ", print(y.shape));
    }
    check_features(metric_, x.shape[1], y.shape[1]);
    if (constant_) return with_points(call, x, *constant_, function);
    auto* memory = static_cast<double*>(aligned_scratch(call, Points::memory_size(metric_, y.shape[0], y.shape[1])));
    with_numbers(call, y, [&](const auto* rows) {
      with_points(call, x, Points(metric_, rows, y.shape[0], y.shape[1], memory, call.threads()), function);
    });
  }

  static std::string refuse(const Node& node);

 private:
  template <class Function>
  static void with_numbers(Call& call, const Tensor& tensor, Function&& function) {
    if (tensor.dtype == DType::float32) return function(tensor.as<float>());
    function(numbers<double>(call, tensor));
  }

  template <class Function>
  static void with_points(Call& call, const Tensor& x, const Points& points, Function&& function) {
    with_numbers(call, x, [&](const auto* rows) { function(rows, x.shape[0], points); });
  }

  static void* aligned_scratch(Call& call, std::int64_t doubles);

  Metric metric_;
  std::optional<Points> constant_;
};

// Scratch of one thread: some rows prepared, and their reduced distances to one tile of points.
class Block {
 public:
  static constexpr std::int64_t most_rows = 32;

  // In double.
  static std::int64_t memory_size(const Points& points) noexcept { return most_rows * (points.width() + 1 + points.tile()); }

  Block(const Points& points, double* memory) noexcept
      : points_(points),
        tile_(points.tile()),
        prepared_(memory),
        marks_(prepared_ + most_rows * points.width()),
        distances_(marks_ + most_rows) {}

  // At most most_rows rows.
  template <class T>
  void take(const T* rows, std::int64_t count) noexcept {
    rows_ = prepared_;
    count_ = count;
    if constexpr (std::is_same_v<T, double>) {
      if (points_.metric().rows == Rows::plain) {
        rows_ = rows;
        return;
      }
    }
    for (std::int64_t i = 0; i < count; ++i) {
      marks_[i] =
          prepare_row(points_.metric(), rows + i * points_.features(), points_.features(), prepared_ + i * points_.width(), 1);
    }
  }

  // A row taken, prepared.
  const double* row(std::int64_t row) const noexcept { return rows_ + row * points_.width(); }

  // See Points::bare.
  bool bare(std::int64_t row) const noexcept { return points_.metric().rows == Rows::plain || points_.bare(marks_[row]); }

  // Calls function(row, first, count, distances) for each row taken and tile of points from `begin` to `end`.
  template <class Function>
  void each_tile(std::int64_t begin, std::int64_t end, Function&& function) noexcept {
    for (std::int64_t first = begin; first < end; first += tile_) {
      const std::int64_t here = std::min(tile_, end - first);
      points_.reduced(rows_, marks_, count_, first, here, distances_, tile_);
      for (std::int64_t row = 0; row < count_; ++row) function(row, first, here, distances_ + row * tile_);
    }
  }

  // The same for one of the rows: function(first, count, distances).
  template <class Function>
  void each_tile_of(std::int64_t row, std::int64_t begin, std::int64_t end, Function&& function) noexcept {
    for (std::int64_t first = begin; first < end; first += tile_) {
      const std::int64_t here = std::min(tile_, end - first);
      points_.reduced(this->row(row), marks_ + row, 1, first, here, distances_, tile_);
      function(first, here, static_cast<const double*>(distances_));
    }
  }

 private:
  const Points& points_;
  std::int64_t tile_;
  double* prepared_;
  double* marks_;
  double* distances_;
  const double* rows_ = nullptr;
  std::int64_t count_ = 0;
};

// How many rows go to a thread at once: a multiple of 8, enough to be worth it and few enough for the threads to end together.
inline std::int64_t rows_a_chunk(const Points& points, std::int64_t rows, int threads) noexcept {
  constexpr std::int64_t group = 8;
  const std::int64_t worth = (std::int64_t{1} << 18) / std::max<std::int64_t>(points.count() * points.width(), 1);
  const std::int64_t even = std::min(rows / (4 * threads), Block::most_rows);
  return std::max(std::int64_t{1}, (std::max(worth, even) + group - 1) / group) * group;
}

}  // namespace sklort::distance
