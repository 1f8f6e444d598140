// One element type to another, as C++ converts: to integers by cutting off, whatever does not fit being undefined there too.
#pragma once

#include "device.cuh"

namespace sklort::cuda {

template <class T>
struct IsReal {
  static constexpr bool value = false;
};
template <>
struct IsReal<float> {
  static constexpr bool value = true;
};
template <>
struct IsReal<double> {
  static constexpr bool value = true;
};

template <class A, class B>
struct Same {
  static constexpr bool value = false;
};
template <class A>
struct Same<A, A> {
  static constexpr bool value = true;
};

template <class To, class From>
__device__ __forceinline__ To converted(From x) {
  if constexpr (Same<To, From>::value) {
    return x;
  } else if constexpr (IsReal<To>::value && IsReal<From>::value) {
    return as<To>(wide(x));
  } else if constexpr (IsReal<From>::value) {
    return static_cast<To>(wide(x));
  } else {
    return static_cast<To>(x);  // an integer is no number that a float would flush
  }
}

}  // namespace sklort::cuda
