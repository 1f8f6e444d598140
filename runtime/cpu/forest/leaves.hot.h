#pragma once

#include <cstdint>

namespace sklort::forest {

// The leaf values of one tree, added to the sums of many rows; in double, so that the order of the trees is the order of the
// additions.
struct LeafLoops {
  // sums[row * targets] += values[payloads[row]]
  void (*one)(const double* values, const std::uint32_t* payloads, std::int64_t rows, std::int64_t targets,
              double* sums) noexcept;
  // A value for each target: sums[row * targets + t] += values[payloads[row] * targets + t]
  void (*all)(const double* values, const std::uint32_t* payloads, std::int64_t rows, std::int64_t targets,
              double* sums) noexcept;
};

}  // namespace sklort::forest
