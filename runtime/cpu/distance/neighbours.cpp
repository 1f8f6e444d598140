#include "neighbours.h"

#include <cmath>
#include <limits>

namespace sklort::distance {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::int64_t tile_of(const Points& points, const Filter* filter) noexcept {
  return std::max(points.tile(), filter != nullptr ? filter->tile() : 0);
}

// Memory comes in doubles, whatever is put into it.
static_assert(sizeof(Found) == 2 * sizeof(double) && sizeof(std::int64_t) == sizeof(double) &&
              2 * sizeof(float) == sizeof(double));

}  // namespace

std::int64_t Search::memory_size(const Points& points, const Filter* filter, std::int64_t k) noexcept {
  const std::int64_t tile = tile_of(points, filter);
  std::int64_t size = Block::memory_size(points) + 2 * tile + 2 * k * most_rows(k);
  if (filter != nullptr) size += (Block::most_rows * (points.width() + 1 + filter->tile()) + 1) / 2 + tile;
  return size;
}

Search::Search(const Points& points, const Filter* filter, std::int64_t k, double* memory) noexcept
    : points_(points), filter_(filter), k_(k), block_(points, memory) {
  memory += Block::memory_size(points);
  const std::int64_t tile = tile_of(points, filter);
  found_ = reinterpret_cast<Found*>(memory);
  heaps_ = found_ + tile;
  if (filter == nullptr) return;
  candidates_ = reinterpret_cast<std::int64_t*>(heaps_ + k * most_rows(k));
  scores_ = reinterpret_cast<float*>(candidates_ + tile);
  narrow_ = scores_ + Block::most_rows * filter->tile();
}

template <class T>
void Search::run(const T* rows, std::int64_t count) noexcept {
  count_ = count;
  block_.take(rows, count);
  for (std::int64_t row = 0; row < count; ++row) selections_[row] = Selection(k_, heaps_ + row * k_);
  // Without any distances the filter would let everything pass.
  std::int64_t begin = points_.count();
  if (filter_ != nullptr) begin = std::min(begin, (2 * k_ + filter_points - 1) / filter_points * filter_points);
  block_.each_tile(0, begin, [&](std::int64_t row, std::int64_t first, std::int64_t here, const double* reduced) {
    add(row, first, here, reduced);
  });
  if (begin == points_.count()) return;
  for (std::int64_t row = 0; row < count; ++row) {
    queries_[row] = filter_->take(block_.row(row), narrow_ + row * points_.width());
    if (!block_.bare(row)) queries_[row].slack = infinity;
  }
  // Tiles that double what has been seen: each then holds about k candidates.
  while (begin < points_.count()) {
    const std::int64_t here = std::min({begin, filter_->tile(), points_.count() - begin});
    sift(begin, here);
    begin += here;
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
    std::int64_t some = count;
    if (query.slack < infinity) {
      const float limit = filter_->limit(query, selections_[row].limit());
      some = filter_->at_most(scores_ + row * stride, count, limit, first, candidates_);
    }
    if (some > count / 4) {
      block_.each_tile_of(row, first, first + count,
                          [&](std::int64_t at, std::int64_t here, const double* reduced) { add(row, at, here, reduced); });
    } else {
      measure(row, some);
    }
  }
}

// Four sums at a time, as an addition waits for the one before.
void Search::measure(std::int64_t row, std::int64_t count) noexcept {
  const double* x = block_.row(row);
  for (std::int64_t first = 0; first < count; first += 4) {
    const std::int64_t here = std::min<std::int64_t>(4, count - first);
    double sums[4] = {};
    const double* y[4];
    for (std::int64_t i = 0; i < 4; ++i) y[i] = filter_->row(candidates_[first + std::min(i, here - 1)]);
    for (std::int64_t feature = 0; feature < points_.width(); ++feature) {
      for (std::int64_t i = 0; i < 4; ++i) {
        const double d = x[feature] - y[i][feature];
        sums[i] += d * d;
      }
    }
    for (std::int64_t i = 0; i < here; ++i) {
      selections_[row].add({sums[i], candidates_[first + i]});
    }
  }
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
