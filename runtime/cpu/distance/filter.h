// Estimates of squared euclidean distances from one float product, with a bound of their error: they tell which of many points
// can be among the nearest, and only those are measured. What is at most twice the bound above the k-th smallest estimate can.
//
// With all rows moved by the mean of the points, |x - y|^2 = |x|^2 + (|y|^2 - 2 x y). The bracket is computed in float from rows
// rounded to float. With u = 2^-24 and n features each term of it passes through at most n + 5 roundings, so it is off by no more
// than about (n + 8) u (|y|^2 + 2 |x| |y|).
#pragma once

#include <cstdint>
#include <vector>

#include "filter.hot.h"
#include "points.h"

namespace sklort::distance {

// Of the current instruction set.
const FilterLoops& filter_loops() noexcept;

class Filter {
 public:
  // Whether there are enough points, and a metric that ranks by squares.
  static bool suits(const Points& points) noexcept;
  explicit Filter(const Points& points);
  // The prepared features of a point, next to each other: a panel would be one cache line for each.
  const double* row(std::int64_t point) const noexcept { return rows_.data() + point * width_; }
  // False when a norm is too large for float.
  bool usable() const noexcept { return usable_; }

  struct Query {
    double offset;  // |x|^2
    double slack;   // bound of the error; infinite when the row cannot be estimated
  };
  // Prepares a row for `scores`: writes as many floats as it has features.
  Query take(const double* row, float* to) const noexcept;

  // If k points have scores up to `score`, the k nearest have scores up to this.
  float limit(const Query& query, float score) const noexcept;

  // For points first to first + count; `first` a multiple of filter_points, with room for whole panels.
  void scores(const float* rows, std::int64_t queries, std::int64_t first, std::int64_t count, float* to,
              std::int64_t stride) const noexcept;
  // So many points, a multiple of filter_points, pass through the cache together.
  std::int64_t tile() const noexcept;

 private:
  std::int64_t width_;
  std::vector<double> mean_;
  std::vector<double> rows_;
  std::vector<float> panels_;
  double most_ = 0;  // the largest norm of a point
  bool usable_ = true;
};

}  // namespace sklort::distance
