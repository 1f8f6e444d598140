#include "filter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "isa.h"

namespace sklort::distance {

SKLORT_DECLARE(FilterLoops, filter_loops)

namespace {

constexpr double too_large = 1e18;  // for a norm whose square is a float

}  // namespace

const FilterLoops& filter_loops() noexcept { return SKLORT_CHOOSE(filter_loops); }

bool Filter::suits(const Points& points) noexcept {
  return points.metric().term == Term::squares && points.bare(0) && points.count() >= 8 * filter_points &&
         points.count() <= std::numeric_limits<std::int32_t>::max() && points.width() >= 4;
}

Filter::Filter(const Points& points) : width_(points.width()), mean_(static_cast<std::size_t>(width_)) {
  const std::int64_t count = points.count();
  for (std::int64_t feature = 0; feature < width_; ++feature) {
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += points.value(i, feature);
    mean_[static_cast<std::size_t>(feature)] = sum / static_cast<double>(count);
  }
  const std::int64_t panels = (count + filter_points - 1) / filter_points;
  const std::int64_t panel = (width_ + 1) * filter_points;
  panels_.resize(static_cast<std::size_t>(panels * panel));
  rows_.resize(static_cast<std::size_t>(count * width_));
  for (std::int64_t i = 0; i < count; ++i) {
    double* row = rows_.data() + i * width_;
    float* to = panels_.data() + i / filter_points * panel + i % filter_points;
    double square = 0;
    for (std::int64_t feature = 0; feature < width_; ++feature) {
      row[feature] = points.value(i, feature);
      const double moved = row[feature] - mean_[static_cast<std::size_t>(feature)];
      to[(feature + 1) * filter_points] = static_cast<float>(moved);
      square += moved * moved;
    }
    to[0] = static_cast<float>(square);
    const double norm = std::sqrt(square);
    usable_ = usable_ && norm < too_large;  // not a NaN
    most_ = std::max(most_, norm);
  }
}

Filter::Query Filter::take(const double* row, float* to) const noexcept {
  double square = 0;
  for (std::int64_t feature = 0; feature < width_; ++feature) {
    const double moved = row[feature] - mean_[static_cast<std::size_t>(feature)];
    to[feature] = static_cast<float>(-2 * moved);
    square += moved * moved;
  }
  const double norm = std::sqrt(square);
  if (!(norm < too_large)) return {0, std::numeric_limits<double>::infinity()};
  const auto n = static_cast<double>(width_);
  constexpr double denormal = 1e-37;  // what numbers too small for float lose
  return {square, (n + 8) * 0x1.04p-24 * (most_ * most_ + 2 * norm * most_) + n * denormal * (1 + norm + most_)};
}

float Filter::limit(const Query& query, float score) const noexcept {
  if (!(score < std::numeric_limits<float>::infinity())) return score;
  // The roundings of the double sums, here and in the distances compared.
  const double distance = std::abs(score + query.offset) + query.slack;
  const double doubles = (4 * static_cast<double>(width_) + 16) * 0x1p-53 * (distance + query.offset);
  const double exact = score + 2 * (query.slack + doubles);
  return static_cast<float>(exact + std::abs(exact) * 0x1p-22);
}

void Filter::scores(const float* rows, std::int64_t queries, std::int64_t first, std::int64_t count, float* to,
                    std::int64_t stride) const noexcept {
  filter_loops().scores(rows, queries, width_, panels_.data() + first * (width_ + 1), (count + filter_points - 1) / filter_points,
                        to, stride);
}

std::int64_t Filter::tile() const noexcept {
  constexpr std::int64_t cached = std::int64_t{1} << 15;  // floats
  return std::clamp<std::int64_t>(cached / width_ / filter_points, 1, 8) * filter_points;
}

}  // namespace sklort::distance
