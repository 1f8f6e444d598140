// The k smallest of many numbers that come one after another: those that come first among equals.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "terms.hot.h"

namespace sklort::distance {

class Selection {
 public:
  Selection() = default;
  // `memory` for k entries.
  Selection(std::int64_t k, Found* memory) noexcept : k_(k), heap_(memory) {}

  // Only numbers below this can still come in: infinity until there are k of them. NaN and infinity never do.
  double limit() const noexcept { return size_ < k_ ? std::numeric_limits<double>::infinity() : heap_[0].value; }

  // Indices come in growing order.
  void add(const Found& found) noexcept {
    if (!(found.value < limit())) return;
    if (size_ == k_) {
      std::pop_heap(heap_, heap_ + size_, Before{});
      --size_;
    }
    heap_[size_++] = found;
    std::push_heap(heap_, heap_ + size_, Before{});
  }

  // Sorted by value, then index; `size()` of them, fewer than k when too few were finite.
  const Found* finish() noexcept {
    std::sort_heap(heap_, heap_ + size_, Before{});
    return heap_;
  }
  std::int64_t size() const noexcept { return size_; }

 private:
  struct Before {
    bool operator()(const Found& a, const Found& b) const noexcept {
      return a.value < b.value || (a.value == b.value && a.index < b.index);
    }
  };

  std::int64_t k_ = 0;
  Found* heap_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace sklort::distance
