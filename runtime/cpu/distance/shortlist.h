// Of points that come with an estimate each, those that may be among the k nearest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "filter.h"

namespace sklort::distance {

class Shortlist {
 public:
  // In floats. `tile`: how many points may come at once.
  static std::int64_t memory_size(std::int64_t k, std::int64_t tile) noexcept {
    return std::max(k, few_best) + 2 * (capacity(k, tile) + filter_spare);
  }

  Shortlist() = default;
  Shortlist(std::int64_t k, std::int64_t tile, float* memory) noexcept
      : k_(k),
        room_(capacity(k, tile)),
        best_(memory),
        scores_(best_ + std::max(k, few_best)),
        index_(reinterpret_cast<std::int32_t*>(scores_ + room_ + filter_spare)) {
    std::fill_n(best_, std::max(k, few_best), std::numeric_limits<float>::infinity());
  }

  // The k-th smallest score so far; infinity until there are k.
  float kth() const noexcept { return k_ <= few_best ? best_[k_ - 1] : best_[0]; }
  bool room(std::int64_t count) const noexcept { return count_ + count <= room_; }

  // The scores up to the limit, of `count` points from `base` on.
  void take(const FilterLoops& loops, const float* scores, std::int64_t count, float limit, std::int64_t base) noexcept {
    const std::int64_t added =
        loops.at_most(scores, count, limit, static_cast<std::int32_t>(base), scores_ + count_, index_ + count_);
    if (k_ <= few_best) {
      loops.smallest(scores_ + count_, added, best_);
    } else {
      for (std::int64_t i = count_; i < count_ + added; ++i) offer(scores_[i]);
    }
    count_ += added;
  }

  // Only those whose score is at most the limit.
  void keep(float limit) noexcept {
    std::int64_t kept = 0;
    for (std::int64_t i = 0; i < count_; ++i) {
      scores_[kept] = scores_[i];
      index_[kept] = index_[i];
      kept += scores_[i] <= limit ? 1 : 0;
    }
    count_ = kept;
  }

  std::int64_t size() const noexcept { return count_; }
  // In growing order.
  const std::int32_t* points() const noexcept { return index_; }
  void clear() noexcept { count_ = 0; }

 private:
  static std::int64_t capacity(std::int64_t k, std::int64_t tile) noexcept { return 4 * k + 2 * tile; }

  void offer(float score) noexcept {
    if (!(score < best_[0])) return;
    std::pop_heap(best_, best_ + k_);
    best_[k_ - 1] = score;
    std::push_heap(best_, best_ + k_);
  }

  std::int64_t k_ = 0;
  std::int64_t room_ = 0;
  std::int64_t count_ = 0;
  float* best_ = nullptr;  // in order, or a heap with the largest first
  float* scores_ = nullptr;
  std::int32_t* index_ = nullptr;
};

}  // namespace sklort::distance
