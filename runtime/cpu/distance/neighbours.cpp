#include "neighbours.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sklort::distance {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Memory comes in doubles, whatever is put into it.
static_assert(sizeof(Found) == 2 * sizeof(double) && 2 * sizeof(float) == sizeof(double));

}  // namespace

std::int64_t Search::memory_size(const Points& points, const Filter* filter, std::int64_t k) noexcept {
  std::int64_t size = Block::memory_size(points) + 2 * points.tile() + 2 * k * most_rows(k);
  if (filter != nullptr) {
    size +=
        (Block::most_rows * (points.width() + filter->tile()) + most_rows(k) * Shortlist::memory_size(k, filter->tile()) + 1) / 2;
  }
  return size;
}

Search::Search(const Points& points, const Filter* filter, std::int64_t k, double* memory) noexcept
    : points_(points), filter_(filter), k_(k), block_(points, memory) {
  memory += Block::memory_size(points);
  found_ = reinterpret_cast<Found*>(memory);
  heaps_ = found_ + points.tile();
  if (filter == nullptr) return;
  scores_ = reinterpret_cast<float*>(heaps_ + k * most_rows(k));
  narrow_ = scores_ + Block::most_rows * filter->tile();
  lists_ = narrow_ + Block::most_rows * points.width();
}

template <class T>
void Search::run(const T* rows, std::int64_t count) noexcept {
  count_ = count;
  block_.take(rows, count);
  for (std::int64_t row = 0; row < count; ++row) selections_[row] = Selection(k_, heaps_ + row * k_);
  if (filter_ == nullptr) {
    block_.each_tile(0, points_.count(), [&](std::int64_t row, std::int64_t first, std::int64_t here, const double* reduced) {
      add(row, first, here, reduced);
    });
    return;
  }
  for (std::int64_t row = 0; row < count; ++row) {
    queries_[row] = filter_->take(block_.row(row), narrow_ + row * points_.width());
    if (!block_.bare(row)) queries_[row].slack = infinity;
    shortlists_[row] = Shortlist(k_, filter_->tile(), lists_ + row * Shortlist::memory_size(k_, filter_->tile()));
  }
  // Tiles that double what has been seen: about k points of each are new among the nearest.
  const std::int64_t least = std::min((2 * k_ + filter_points - 1) / filter_points * filter_points, filter_->tile());
  for (std::int64_t first = 0, here = 0; first < points_.count(); first += here) {
    here = std::min({std::max(first, least), filter_->tile(), points_.count() - first});
    sift(first, here);
  }
  for (std::int64_t row = 0; row < count; ++row) {
    if (queries_[row].slack < infinity) {
      shortlists_[row].keep(filter_->limit(queries_[row], shortlists_[row].kth()));
      measure(row);
    } else {
      block_.each_tile_of(row, 0, points_.count(),
                          [&](std::int64_t first, std::int64_t here, const double* reduced) { add(row, first, here, reduced); });
    }
  }
}

void Search::add(std::int64_t row, std::int64_t first, std::int64_t count, const double* reduced) noexcept {
  Selection& selection = selections_[row];
  const std::int64_t some = distance_loops().below(reduced, count, selection.limit(), first, found_);
  for (std::int64_t i = 0; i < some; ++i) selection.add(found_[i]);
}

void Search::sift(std::int64_t first, std::int64_t count) noexcept {
  const std::int64_t stride = filter_->tile();
  filter_->scores(narrow_, count_, first, count, scores_, stride);
  for (std::int64_t row = 0; row < count_; ++row) {
    const Filter::Query& query = queries_[row];
    if (!(query.slack < infinity)) continue;
    Shortlist& list = shortlists_[row];
    const float limit = filter_->limit(query, list.kth());
    if (!list.room(count)) list.keep(limit);
    if (!list.room(count)) measure(row);  // many are as near, or the estimates are worth little
    list.take(filter_loops(), scores_ + row * stride, count, limit, first);
  }
}

// What the shortlist holds, and empties it.
void Search::measure(std::int64_t row) noexcept {
  Shortlist& list = shortlists_[row];
  const std::int32_t* points = list.points();
  for (std::int64_t first = 0; first < list.size(); first += square_rows) {
    const std::int64_t here = std::min(square_rows, list.size() - first);
    const double* rows[square_rows];
    double sums[square_rows];
    for (std::int64_t i = 0; i < square_rows; ++i) rows[i] = filter_->row(points[first + std::min(i, here - 1)]);
    distance_loops().squares(block_.row(row), points_.width(), rows, sums);
    for (std::int64_t i = 0; i < here; ++i) selections_[row].add({sums[i], points[first + i]});
  }
  list.clear();
}

const Found* Search::nearest(std::int64_t row) noexcept {
  Selection& selection = selections_[row];
  auto* all = const_cast<Found*>(selection.finish());
  std::int64_t have = selection.size();
  for (const bool nan : {false, true}) {
    if (have == k_) break;
    block_.each_tile_of(row, 0, points_.count(), [&](std::int64_t first, std::int64_t here, const double* reduced) {
      for (std::int64_t i = 0; i < here && have < k_; ++i) {
        if (nan ? std::isnan(reduced[i]) : reduced[i] == infinity) all[have++] = {reduced[i], first + i};
      }
    });
  }
  return all;
}

template void Search::run(const float*, std::int64_t) noexcept;
template void Search::run(const double*, std::int64_t) noexcept;

}  // namespace sklort::distance
