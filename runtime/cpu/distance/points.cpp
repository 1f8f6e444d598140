#include "points.h"

#include <algorithm>
#include <limits>
#include <new>

#include "error.h"
#include "isa.h"
#include "threads.h"

namespace sklort::distance {

SKLORT_DECLARE(DistanceLoops, term_loops)

const DistanceLoops& distance_loops() noexcept { return SKLORT_CHOOSE(term_loops); }

namespace {

std::int64_t panels_of(std::int64_t count) noexcept { return (count + panel_points - 1) / panel_points; }

double* aligned(std::int64_t count) {
  const auto bytes = std::max<std::size_t>(static_cast<std::size_t>(count) * sizeof(double), 64);
  void* memory = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<double*>(memory);
}

// x = (row - mean) / norm. Extreme rows are scaled by a power of two first, so that no square overflows or vanishes.
template <class T>
double direction(const T* row, std::int64_t features, double mean, double* to, std::int64_t apart) noexcept {
  double most = 0;
  for (std::int64_t i = 0; i < features; ++i) {
    to[i * apart] = static_cast<double>(row[i]) - mean;
    most = std::max(most, std::abs(to[i * apart]));
  }
  constexpr double large = 0x1p400;
  const double scale = most > large && most < HUGE_VAL ? 1 / large : most > 0 && most < 1 / large ? large : 1;
  double squares = 0;
  for (std::int64_t i = 0; i < features; ++i) {
    to[i * apart] *= scale * scale;
    squares += to[i * apart] * to[i * apart];
  }
  if (squares == 0) return 1;
  const double norm = std::sqrt(squares);
  for (std::int64_t i = 0; i < features; ++i) to[i * apart] /= norm;
  return 0;
}

// The square of half the chord between two points of the unit sphere.
void haversines(const double* rows, std::int64_t queries, const double* panels, std::int64_t count, double* to,
                std::int64_t stride) noexcept {
  constexpr std::int64_t width = 3;
  for (std::int64_t q = 0; q < queries; ++q, rows += width, to += stride) {
    for (std::int64_t i = 0; i < count; ++i) {
      const double* point = panels + i / panel_points * width * panel_points + i % panel_points;
      const double north = std::sin(0.5 * (rows[0] - point[0]));
      const double east = std::sin(0.5 * (rows[1] - point[panel_points]));
      to[i] = north * north + rows[2] * point[2 * panel_points] * east * east;
    }
  }
}

double overlap_distance(Overlap overlap, double both, double x, double y, double features) noexcept {
  const double differ = x + y - 2 * both;
  switch (overlap) {
    case Overlap::none:
      break;
    case Overlap::jaccard:
      return differ == 0 ? 0 : differ / (both + differ);
    case Overlap::dice:
      return differ / (2 * both + differ);
    case Overlap::rogers_tanimoto:
      return 2 * differ / (features + differ);
    case Overlap::russell_rao:
      return (features - both) / features;
    case Overlap::sokal_sneath:
      return 2 * differ / (both + 2 * differ);
    case Overlap::yule: {
      const double crossed = (x - both) * (y - both);
      return crossed == 0 ? 0 : 2 * crossed / (both * (features - x - y + both) + crossed);
    }
  }
  return both;
}

}  // namespace

template <class T>
double prepare_row(const Metric& metric, const T* row, std::int64_t features, double* to, std::int64_t apart) noexcept {
  switch (metric.rows) {
    case Rows::plain:
      for (std::int64_t i = 0; i < features; ++i) to[i * apart] = static_cast<double>(row[i]);
      return 0;
    case Rows::unit:
      return direction(row, features, 0, to, apart);
    case Rows::centred_unit: {
      double mean = 0;
      bool constant = true;
      for (std::int64_t i = 0; i < features; ++i) {
        mean += static_cast<double>(row[i]);
        constant = constant && row[i] == row[0];
      }
      if (constant || direction(row, features, mean / static_cast<double>(features), to, apart) == 1) {
        for (std::int64_t i = 0; i < features; ++i) to[i * apart] = std::numeric_limits<double>::quiet_NaN();
      }
      return 0;
    }
    case Rows::truth: {
      double truths = 0;
      for (std::int64_t i = 0; i < features; ++i) truths += to[i * apart] = row[i] != 0 ? 1 : 0;
      return truths;
    }
    case Rows::shares: {
      double sum = 0;
      for (std::int64_t i = 0; i < features; ++i) sum += static_cast<double>(row[i]);
      for (std::int64_t i = 0; i < features; ++i) to[i * apart] = static_cast<double>(row[i]) / sum;
      return 0;
    }
    case Rows::globe:
      to[0] = static_cast<double>(row[0]);
      to[apart] = static_cast<double>(row[1]);
      to[2 * apart] = std::cos(to[0]);
      return 0;
  }
  return 0;
}

void check_features(const Metric& metric, std::int64_t x, std::int64_t y) {
  if (x != y) fail("the two inputs have ", x, " and ", y, " columns; they must have the same number");
  if (metric.rows == Rows::globe && x != 2) fail("the haversine distance needs 2 columns (latitude, longitude), got ", x);
}

std::int64_t Points::memory_size(const Metric& metric, std::int64_t count, std::int64_t features) noexcept {
  return panels_of(count) * panel_points * (metric.width(features) + 1);
}

template <class T>
Points::Points(const Metric& metric, const T* rows, std::int64_t count, std::int64_t features, double* memory, int threads)
    : metric_(metric), count_(count), features_(features), panels_(memory) {
  const std::int64_t panel = panel_points * width();
  double* marks = memory + panels_of(count) * panel;
  marks_ = marks;
  const std::int64_t grain = std::max<std::int64_t>(1, (std::int64_t{1} << 15) / std::max<std::int64_t>(panel, 1));
  parallel(panels_of(count), grain, threads, [&](std::int64_t first, std::int64_t last) noexcept {
    std::fill(memory + first * panel, memory + last * panel, 0.0);
    for (std::int64_t i = first * panel_points; i < last * panel_points; ++i) {
      double* to = memory + i / panel_points * panel + i % panel_points;
      marks[i] = i < count ? prepare_row(metric, rows + i * features, features, to, panel_points) : 0;
    }
  });
  undefined_ = metric.rows == Rows::unit && std::any_of(marks, marks + count, [](double mark) { return mark != 0; });
}

template <class T>
Points::Points(const Metric& metric, const T* rows, std::int64_t count, std::int64_t features)
    : Points(metric, rows, count, features, aligned(memory_size(metric, count, features)), 1) {
  own_.reset(const_cast<double*>(panels_));
}

std::int64_t Points::tile() const noexcept {
  constexpr std::int64_t cached = std::int64_t{1} << 14;  // numbers
  return std::clamp<std::int64_t>(cached / std::max<std::int64_t>(width(), 1) / panel_points, 1, 32) * panel_points;
}

void Points::reduced(const double* rows, const double* marks, std::int64_t queries, std::int64_t first, std::int64_t count,
                     double* to, std::int64_t stride) const noexcept {
  const double* panels = panels_ + first * width();
  if (metric_.term == Term::haversine) return haversines(rows, queries, panels, count, to, stride);
  distance_loops().term[static_cast<int>(metric_.term)](rows, queries, width(), panels, panels_of(count), metric_.p, to, stride);
  if (metric_.rows == Rows::truth || metric_.rows == Rows::unit) settle(marks, queries, first, count, to, stride);
}

// What the marks of the rows add. A row of zeros is at right angles to everything, as scikit-learn has it.
void Points::settle(const double* marks, std::int64_t queries, std::int64_t first, std::int64_t count, double* to,
                    std::int64_t stride) const noexcept {
  for (std::int64_t q = 0; q < queries; ++q, to += stride) {
    if (metric_.rows == Rows::truth) {
      for (std::int64_t i = 0; i < count; ++i) {
        to[i] = overlap_distance(metric_.overlap, to[i], marks[q], marks_[first + i], static_cast<double>(features_));
      }
    } else if (marks[q] != 0 || undefined_) {
      for (std::int64_t i = 0; i < count; ++i) {
        if ((marks[q] != 0 || marks_[first + i] != 0) && to[i] == to[i]) to[i] = 2;
      }
    }
  }
}

#define SKLORT_INSTANTIATE(T)                                                                         \
  template double prepare_row(const Metric&, const T*, std::int64_t, double*, std::int64_t) noexcept; \
  template Points::Points(const Metric&, const T*, std::int64_t, std::int64_t, double*, int);         \
  template Points::Points(const Metric&, const T*, std::int64_t, std::int64_t);
SKLORT_INSTANTIATE(float)
SKLORT_INSTANTIATE(double)
#undef SKLORT_INSTANTIATE

}  // namespace sklort::distance
