// Rows prepared for a metric, and a set of them packed into panels, whose distances to other rows are computed together.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "metric.h"

namespace sklort::distance {

// Writes the prepared row, metric.width(features) numbers that far apart. Returns what the metric has to know of the row besides:
// how many of its truths hold, whether its direction is undefined (1), otherwise 0.
template <class T>
double prepare_row(const Metric& metric, const T* row, std::int64_t features, double* to, std::int64_t apart) noexcept;

// The loops of the current instruction set.
const DistanceLoops& distance_loops() noexcept;

// Throws unless rows of that many features can be compared.
void check_features(const Metric& metric, std::int64_t x, std::int64_t y);

class Points {
 public:
  // In double.
  static std::int64_t memory_size(const Metric& metric, std::int64_t count, std::int64_t features) noexcept;

  // Packs `count` rows into memory of the caller, aligned to 64 bytes.
  template <class T>
  Points(const Metric& metric, const T* rows, std::int64_t count, std::int64_t features, double* memory, int threads);
  // Into its own memory.
  template <class T>
  Points(const Metric& metric, const T* rows, std::int64_t count, std::int64_t features);

  const Metric& metric() const noexcept { return metric_; }
  std::int64_t count() const noexcept { return count_; }
  std::int64_t features() const noexcept { return features_; }
  std::int64_t width() const noexcept { return metric_.width(features_); }
  // The reduced distance is the term alone: nothing that the rows' marks say is added.
  bool bare(double mark) const noexcept {
    return metric_.rows != Rows::truth && (metric_.rows != Rows::unit || (mark == 0 && !undefined_));
  }
  // A prepared feature of a point.
  double value(std::int64_t point, std::int64_t feature) const noexcept {
    return panels_[(point / panel_points * width() + feature) * panel_points + point % panel_points];
  }
  // So many points, a multiple of panel_points, pass through the cache together.
  std::int64_t tile() const noexcept;

  // to[q * stride + i] = the reduced distance of prepared row q and point first + i, for i < count; `first` a multiple of
  // panel_points. There must be room for whole panels.
  void reduced(const double* rows, const double* marks, std::int64_t queries, std::int64_t first, std::int64_t count, double* to,
               std::int64_t stride) const noexcept;

 private:
  void settle(const double* marks, std::int64_t queries, std::int64_t first, std::int64_t count, double* to,
              std::int64_t stride) const noexcept;

  Metric metric_;
  std::int64_t count_;
  std::int64_t features_;
  std::unique_ptr<void, decltype(&std::free)> own_{nullptr, std::free};
  const double* panels_;
  const double* marks_;     // one for each point
  bool undefined_ = false;  // some point has no direction
};

}  // namespace sklort::distance
