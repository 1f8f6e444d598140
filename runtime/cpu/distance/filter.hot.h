#pragma once

#include <cstdint>

namespace sklort::distance {

// Points lie in panels of so many: their squared norms, their first feature, their second, and so on.
inline constexpr std::int64_t filter_points = 32;
inline constexpr std::int64_t filter_spare = 16;
inline constexpr std::int64_t few_best = 16;

struct FilterLoops {
  // to[q * stride + i] = the squared norm of point i plus the product of point i and row q of x, which is `features` long.
  void (*scores)(const float* x, std::int64_t queries, std::int64_t features, const float* points, std::int64_t panels, float* to,
                 std::int64_t stride) noexcept;
  // Writes the scores up to the limit, and the indices of their points, the first of which is `base`; returns how many. There
  // must be room for `filter_spare` more.
  std::int64_t (*at_most)(const float* scores, std::int64_t count, float limit, std::int32_t base, float* found,
                          std::int32_t* index) noexcept;
  // `best`: the few_best smallest so far, ascending; afterwards those of them and of `count` scores.
  void (*smallest)(const float* scores, std::int64_t count, float* best) noexcept;
};

}  // namespace sklort::distance
