#pragma once

#include <cstdint>

namespace sklort {

// True when every |value| is at most `limit`; NaN passes when `nan` is set.
struct FiniteLoops {
  bool (*floats)(const float* values, std::int64_t count, float limit, bool nan) noexcept;
  bool (*doubles)(const double* values, std::int64_t count, double limit, bool nan) noexcept;
};

}  // namespace sklort
