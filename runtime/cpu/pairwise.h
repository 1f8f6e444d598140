// Sums in double, in an order that the count alone decides, for hot files: up to 128 terms in eight sums side by side, more of
// them halved first.
#pragma once

#include "hot.h"

namespace sklort::SKLORT_HOT {
namespace {

struct Itself {
  static double apply(double x) noexcept { return x; }
};
struct Magnitude {
  static double apply(double x) noexcept { return __builtin_fabs(x); }
};
struct Square {
  static double apply(double x) noexcept { return x * x; }
};

template <class Function, class T>
double pairwise(const T* from, std::int64_t count) noexcept {
  if (count < 8) {
    double total = 0;
    for (std::int64_t i = 0; i < count; ++i) total += Function::apply(static_cast<double>(from[i]));
    return total;
  }
  if (count > 128) {
    const std::int64_t half = count / 2 / 8 * 8;
    const double first = pairwise<Function>(from, half);
    return first + pairwise<Function>(from + half, count - half);
  }
  double sums[8];
  for (int k = 0; k < 8; ++k) sums[k] = Function::apply(static_cast<double>(from[k]));
  std::int64_t i = 8;
  for (; i + 8 <= count; i += 8) {
    for (int k = 0; k < 8; ++k) sums[k] += Function::apply(static_cast<double>(from[i + k]));
  }
  double total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  for (; i < count; ++i) total += Function::apply(static_cast<double>(from[i]));
  return total;
}

}  // namespace
}  // namespace sklort::SKLORT_HOT
