#pragma once

#include <cstdint>

namespace sklort::distance {

// Points lie in panels of so many: their squared norms, their first feature, their second, and so on.
inline constexpr std::int64_t filter_points = 32;

struct FilterLoops {
  // to[q * stride + i] = the squared norm of point i plus the product of point i and row q of x, which is `features` long.
  void (*scores)(const float* x, std::int64_t queries, std::int64_t features, const float* points, std::int64_t panels, float* to,
                 std::int64_t stride) noexcept;
  // Writes the indices of the scores up to the limit, the first one being `base`; returns how many. There must be room for
  // `count`.
  std::int64_t (*at_most)(const float* scores, std::int64_t count, float limit, std::int64_t base, std::int64_t* index) noexcept;
};

}  // namespace sklort::distance
