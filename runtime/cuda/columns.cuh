// A number on its way into a model: which column it is, and the stages it goes through (cpu/linear/columns.h).
#pragma once

#include "device.cuh"

namespace sklort::cuda {

enum Stage : std::int32_t { subtract_it, add_it, multiply_it, divide_it, at_least, at_most, fill_nan, fill_equal, round_it };

// Of each column: where it is, and its stages first[column] to first[column + 1].
template <class T>
struct Stages {
  const std::int32_t* place;  // null: in order, without stages
  const std::int32_t* first;
  const std::int32_t* kind;
  const T* number;
  const T* replacement;

  __device__ __forceinline__ std::int64_t column(std::int64_t i) const { return place == nullptr ? i : place[i]; }

  __device__ __forceinline__ T apply(std::int64_t i, T x) const {
    if (place == nullptr) return x;
    for (std::int32_t at = first[i]; at < first[i + 1]; ++at) {
      const T number_here = number[at];
      switch (kind[at]) {
        case subtract_it:
          x = subtract(x, number_here);
          break;
        case add_it:
          x = add(x, number_here);
          break;
        case multiply_it:
          x = multiply(x, number_here);
          break;
        case divide_it:
          x = divide(x, number_here);
          break;
        case at_least:
          x = less(x, number_here) ? number_here : x;
          break;
        case at_most:
          x = less(number_here, x) ? number_here : x;
          break;
        case fill_nan:
          x = is_nan(x) ? number_here : x;
          break;
        case fill_equal:
          x = !less(x, number_here) && !less(number_here, x) && !is_nan(x) && !is_nan(number_here) ? replacement[at] : x;
          break;
        default:
          x = as<T>(wide(narrow(wide(x))));
      }
    }
    return x;
  }
};

}  // namespace sklort::cuda
