#pragma once

#include <cstdint>

namespace sklort {

struct SvmLoops {
  // values[i] = exp(factor * values[i])
  void (*decay)(double* values, std::int64_t count, double factor) noexcept;
  // values[i] = tanh(factor * values[i] + shift)
  void (*sigmoid)(double* values, std::int64_t count, double factor, double shift) noexcept;
  // Eight partial sums, of every eighth product, added in pairs: the same bits for each instruction set.
  double (*dot)(const double* a, const double* b, std::int64_t count) noexcept;
};

}  // namespace sklort
