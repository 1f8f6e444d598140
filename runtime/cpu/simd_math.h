// The exponential function on vectors, for hot files.
//
// It uses no fused multiply-add and treats each lane alike, so a value has the same bits in every lane and on every
// instruction set. Within one unit in the last place; NaN stays NaN; too large gives infinity, too small denormals, then 0.
#pragma once

#include "simd.h"

namespace sklort::SKLORT_HOT {
namespace {

template <class T>
struct ExpConstants;

template <>
struct ExpConstants<double> {
  using Bits = std::int64_t;
  static constexpr double low = -746.0;  // rounds to 0
  static constexpr double high = 710.0;  // infinity
  static constexpr double log2_e = 0x1.71547652b82fep0;
  static constexpr double ln2_high = 0x1.62e42fefp-1;  // short: an exponent times it is exact
  static constexpr double ln2_low = 0x1.473de6af278edp-34;
  static constexpr double round = 0x1.8p52;  // added, it leaves an integer in the low bits
  static constexpr Bits round_bits = 0x4338000000000000;
  static constexpr Bits bias = 1023;
  static constexpr int mantissa = 52;
  // (exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2, highest power first: Taylor's series, 1/13! ... 1/2!.
  static constexpr double series[] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0,
                                      1.0 / 362880.0,     1.0 / 40320.0,     1.0 / 5040.0,     1.0 / 720.0,
                                      1.0 / 120.0,        1.0 / 24.0,        1.0 / 6.0,        1.0 / 2.0};
};

template <>
struct ExpConstants<float> {
  using Bits = std::int32_t;
  static constexpr float low = -104.0F;
  static constexpr float high = 89.0F;
  static constexpr float log2_e = 0x1.715476p0F;
  static constexpr float ln2_high = 0x1.62e4p-1F;
  static constexpr float ln2_low = 0x1.7f7d1cp-20F;
  static constexpr float round = 0x1.8p23F;
  static constexpr Bits round_bits = 0x4B400000;
  static constexpr Bits bias = 127;
  static constexpr int mantissa = 23;
  static constexpr float series[] = {1.0F / 5040.0F, 1.0F / 720.0F, 1.0F / 120.0F, 1.0F / 24.0F, 1.0F / 6.0F, 1.0F / 2.0F};
};

template <class T>
SKLORT_INLINE Vector<T> exp(Vector<T> x) noexcept {
  using C = ExpConstants<T>;
  using Bits = typename C::Bits;
  using BitVector = Vector<Bits>;
  x = x < C::low ? broadcast(C::low) : x;
  x = x > C::high ? broadcast(C::high) : x;
  const Vector<T> n = (x * C::log2_e + C::round) - C::round;
  const Vector<T> r = (x - n * C::ln2_high) - n * C::ln2_low;
  Vector<T> series = broadcast(C::series[0]);
  for (std::size_t i = 1; i < sizeof(C::series) / sizeof(T); ++i) series = series * r + C::series[i];
  const Vector<T> power = T{1} + (r + r * r * series);
  // 2^n in two factors, each of which is a normal number.
  const Vector<T> half_bits = n * T{0.5} + C::round;
  const Vector<T> rest_bits = (n - (half_bits - C::round)) + C::round;
  const BitVector half = (reinterpret_cast<const BitVector&>(half_bits) - C::round_bits + C::bias) << C::mantissa;
  const BitVector rest = (reinterpret_cast<const BitVector&>(rest_bits) - C::round_bits + C::bias) << C::mantissa;
  return power * reinterpret_cast<const Vector<T>&>(half) * reinterpret_cast<const Vector<T>&>(rest);
}

// values[i] = function(values[i]), a vector at a time; the last, partial one through a copy.
template <class T, class Function>
SKLORT_INLINE void map(T* values, std::int64_t count, Function function) noexcept {
  std::int64_t i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) store(values + i, function(load(values + i)));
  if (i == count) return;
  alignas(vector_bytes) T rest[lanes<T>] = {};
  for (std::int64_t lane = 0; lane < count - i; ++lane) rest[lane] = values[i + lane];
  store(rest, function(load(rest)));
  for (std::int64_t lane = 0; lane < count - i; ++lane) values[i + lane] = rest[lane];
}

}  // namespace
}  // namespace sklort::SKLORT_HOT
