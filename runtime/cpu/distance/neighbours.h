// The k nearest points of each of some rows.
#pragma once

#include <array>

#include "filter.h"
#include "pairs.h"
#include "selection.h"
#include "shortlist.h"

namespace sklort::distance {

// What one thread needs. The nearest are the same with a filter and without.
class Search {
 public:
  // In double. `filter` may be null.
  static std::int64_t memory_size(const Points& points, const Filter* filter, std::int64_t k) noexcept;
  // At most so many rows at once.
  static std::int64_t most_rows(std::int64_t k) noexcept {
    return std::clamp<std::int64_t>((1 << 17) / k / 8 * 8, 8, Block::most_rows);
  }

  Search(const Points& points, const Filter* filter, std::int64_t k, double* memory) noexcept;

  // Up to most_rows(k) rows.
  template <class T>
  void run(const T* rows, std::int64_t count) noexcept;

  // Of one of those rows: k found, ascending by reduced distance, then index; infinities and, after them, NaN come last.
  const Found* nearest(std::int64_t row) noexcept;

 private:
  void add(std::int64_t row, std::int64_t first, std::int64_t count, const double* reduced) noexcept;
  void sift(std::int64_t first, std::int64_t count) noexcept;
  void measure(std::int64_t row) noexcept;

  const Points& points_;
  const Filter* filter_;
  std::int64_t k_;
  Block block_;
  Found* found_;  // of one row and tile
  Found* heaps_;
  float* narrow_ = nullptr;  // rows for the filter
  float* scores_ = nullptr;
  float* lists_ = nullptr;
  std::array<Selection, Block::most_rows> selections_;
  std::array<Filter::Query, Block::most_rows> queries_;
  std::array<Shortlist, Block::most_rows> shortlists_;
  std::int64_t count_ = 0;
};

}  // namespace sklort::distance
