// What scikit-learn's check_array refuses: NaN, infinity, or a value too large for float32.
#pragma once

#include "value.h"

namespace sklort {

enum class Finite {
  any,                     // everything is taken
  no_infinity,             // NaN is taken
  finite,                  // neither
  no_infinity_in_float32,  // as no_infinity, after a conversion to float32
  finite_in_float32,       // as finite, after a conversion to float32
};

bool is_finite(const Tensor& tensor, Finite rule, int threads) noexcept;

}  // namespace sklort
