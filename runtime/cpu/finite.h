// What an array may hold to be answered without asking scikit-learn: how large, and whether NaN.
#pragma once

#include <limits>

#include "value.h"

namespace sklort {

struct Range {
  bool nan = true;                                         // NaN is taken
  double limit = std::numeric_limits<double>::infinity();  // the largest magnitude taken

  bool is_bounded() const noexcept { return !nan || limit < std::numeric_limits<double>::infinity(); }
};

// Whether every value of a float32 or float64 tensor is in `range`; other types always are.
bool is_within(const Tensor& tensor, Range range, int threads);

}  // namespace sklort
