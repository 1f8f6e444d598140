#pragma once

#include <cstdint>

namespace sklort {

// Columns of the right-hand side that pass through the cache together.
inline constexpr std::int64_t solve_columns = 64;

struct SolveLoops {
  // row[c] -= sum over i < count of factors[i] * rows[i * solve_columns + c], in the order of i, for c < columns, a multiple
  // of 8.
  void (*subtract)(const double* factors, std::int64_t count, const double* rows, std::int64_t columns, double* row) noexcept;
};

}  // namespace sklort
