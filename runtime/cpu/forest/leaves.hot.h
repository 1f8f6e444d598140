#pragma once

#include <cstdint>

namespace sklort::forest {

// Leaf values added to sums, in double and in the order of the trees.
struct LeafLoops {
  // One tree, many rows.
  // sums[row * targets] += values[payloads[row]]
  void (*one)(const double* values, const std::uint32_t* payloads, std::int64_t rows, std::int64_t targets,
              double* sums) noexcept;
  // A value for each target: sums[row * targets + t] += values[payloads[row] * targets + t]
  void (*all)(const double* values, const std::uint32_t* payloads, std::int64_t rows, std::int64_t targets,
              double* sums) noexcept;
  // One row, many trees, from 0: the sum of values[payloads[tree]].
  double (*row_one)(const double* values, const std::uint32_t* payloads, std::int64_t trees) noexcept;
  // sums[t], which is 0, += values[payloads[tree] * targets + t]
  void (*row_all)(const double* values, const std::uint32_t* payloads, std::int64_t trees, std::int64_t targets,
                  double* sums) noexcept;
};

}  // namespace sklort::forest
