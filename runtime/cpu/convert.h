// Numbers of one element type as numbers of another, as NumPy's astype does it, with one difference: what C leaves undefined
// (a float that the integer cannot hold) gives the smallest value of a signed integer and 0 of an unsigned one.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "value.h"

namespace sklort {

// Every stored type except string and the complex ones.
bool is_number(DType dtype) noexcept;

// Same count; both numbers.
void convert_numbers(const Tensor& from, Tensor& to, int threads);

// IEEE half and bfloat16, as their bits.
float half_to_float(std::uint16_t bits) noexcept;
std::uint16_t float_to_half(float value) noexcept;  // to nearest, ties to even
std::uint16_t double_to_half(double value) noexcept;
float bfloat16_to_float(std::uint16_t bits) noexcept;
std::uint16_t float_to_bfloat16(float value) noexcept;

template <class To, class From>
To convert_number(From value) noexcept {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From{};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // The bounds are powers of two, so exact in every floating type.
    constexpr From low = static_cast<From>(std::numeric_limits<To>::min());
    const From high = std::ldexp(From{1}, std::numeric_limits<To>::digits);
    if (value > low - From{1} && value < high) return static_cast<To>(value);
    return value == low ? static_cast<To>(low) : std::numeric_limits<To>::min();
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace sklort
