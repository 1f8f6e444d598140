// The k smallest of many numbers that come in portions: those that come first among equals.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "terms.hot.h"

namespace sklort::distance {

class Selection {
 public:
  // So much memory for portions of at most `portion`.
  static std::int64_t capacity(std::int64_t k, std::int64_t portion) noexcept { return 2 * k + slack + portion; }

  Selection() = default;
  Selection(std::int64_t k, Found* memory) noexcept : k_(k), found_(memory), next_(k + 1) {}

  // The numbers with the indices first, first + 1, ...; portions come with growing indices. NaN and infinity are never taken.
  void add(const DistanceLoops& loops, const double* values, std::int64_t count, std::int64_t first) noexcept {
    size_ += loops.below(values, count, limit_, first, found_ + size_);
    if (size_ < next_) return;
    cut();
    limit_ = found_[k_ - 1].value;
    next_ = 2 * k_ + slack;
  }

  // The k smallest, sorted by (value, index): `size()` of them, fewer than k when too few were finite.
  const Found* finish() noexcept {
    if (size_ > k_) cut();
    std::sort(found_, found_ + size_, before);
    return found_;
  }
  std::int64_t size() const noexcept { return size_; }

  static bool before(const Found& a, const Found& b) noexcept {
    return a.value < b.value || (a.value == b.value && a.index < b.index);
  }

 private:
  static constexpr std::int64_t slack = 32;

  void cut() noexcept {
    std::nth_element(found_, found_ + (k_ - 1), found_ + size_, before);
    size_ = k_;
  }

  std::int64_t k_ = 0;
  Found* found_ = nullptr;
  std::int64_t size_ = 0;
  std::int64_t next_ = 0;
  double limit_ = std::numeric_limits<double>::infinity();
};

}  // namespace sklort::distance
