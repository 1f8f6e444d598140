#include "ops/solve.hot.h"

#include "simd.h"

namespace sklort::SKLORT_HOT {
namespace {

template <int vectors>
SKLORT_INLINE void subtract_block(const double* factors, std::int64_t count, const double* rows, double* row) noexcept {
  Vector<double> left[vectors];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) left[v] = load(row + v * lanes<double>);
  for (std::int64_t i = 0; i < count; ++i, rows += solve_columns) {
    const Vector<double> factor = broadcast(factors[i]);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) left[v] -= factor * load(rows + v * lanes<double>);
  }
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) store(row + v * lanes<double>, left[v]);
}

void subtract(const double* factors, std::int64_t count, const double* rows, std::int64_t columns, double* row) noexcept {
  constexpr std::int64_t wide = 8 * lanes<double>;
  constexpr std::int64_t narrow = 8;
  std::int64_t c = 0;
  for (; c + wide <= columns; c += wide) subtract_block<8>(factors, count, rows + c, row + c);
  for (; c < columns; c += narrow) subtract_block<narrow / lanes<double>>(factors, count, rows + c, row + c);
}

}  // namespace

extern const SolveLoops solve_loops = {subtract};

}  // namespace sklort::SKLORT_HOT
