// exp(), tanh() and the logistic function on vectors, for hot files. Plain IEEE operations in a fixed order, without fused
// multiply-add: a value has the same bits in every lane and on every instruction set. NaN stays NaN.
//
// x = k log 2 + r with |r| <= log(2) / 2, the Taylor polynomial of exp in r, then times 2^k in two steps, as 2^k may be too
// large. The error is below one unit in the last place.
//
// Results below the normal numbers are put together as integers: where a multiplication or division gives or reads such a number,
// processors stop for a hundred cycles and more, and a softmax of scores that lie far apart is full of them.
#pragma once

#include "simd.h"

namespace sklort::SKLORT_HOT {
namespace {

// x = k log 2 + r, and exp(r) - 1 in two parts, the first much the larger.
template <class T>
struct Reduced {
  Vector<T> k_bits;  // k, as the low bits of a larger number
  Vector<T> r;
  Vector<T> beyond;  // exp(r) - 1 - r
};

template <class T>
Reduced<T> reduce_exp(Vector<T> x) noexcept;

template <>
SKLORT_INLINE Reduced<double> reduce_exp<double>(Vector<double> x) noexcept {
  constexpr double magic = 0x1.8p52;  // adding it rounds to an integer, in the low bits
  const Vector<double> shifted = x * 0x1.71547652b82fep0 + magic;
  const Vector<double> k = shifted - magic;
  const Vector<double> high = x - k * 0x1.62e42feep-1;  // exact: this part of log 2 ends in zeros
  const Vector<double> low = k * 0x1.a39ef35793c76p-33;
  const Vector<double> r = high - low;
  const Vector<double> rest = (high - r) - low;
  const Vector<double> r2 = r * r;
  const Vector<double> r4 = r2 * r2;
  const Vector<double> a = (0x1p-1 + r * 0x1.5555555555555p-3) + r2 * (0x1.5555555555555p-5 + r * 0x1.1111111111111p-7);
  const Vector<double> b =
      (0x1.6c16c16c16c17p-10 + r * 0x1.a01a01a01a01ap-13) + r2 * (0x1.a01a01a01a01ap-16 + r * 0x1.71de3a556c734p-19);
  const Vector<double> c =
      (0x1.27e4fb7789f5cp-22 + r * 0x1.ae64567f544e4p-26) + r2 * (0x1.1eed8eff8d898p-29 + r * 0x1.6124613a86d09p-33);
  return {shifted, r, r2 * (a + r4 * (b + r4 * c)) + rest};
}

template <>
SKLORT_INLINE Reduced<float> reduce_exp<float>(Vector<float> x) noexcept {
  constexpr float magic = 0x1.8p23F;
  const Vector<float> shifted = x * 0x1.715476p0F + magic;
  const Vector<float> k = shifted - magic;
  const Vector<float> high = x - k * 0x1.63p-1F;
  const Vector<float> low = k * -0x1.bd0106p-13F;
  const Vector<float> r = high - low;
  const Vector<float> rest = (high - r) - low;
  const Vector<float> r2 = r * r;
  const Vector<float> a = (0x1p-1F + r * 0x1.555556p-3F) + r2 * (0x1.555556p-5F + r * 0x1.111112p-7F);
  const Vector<float> b = (0x1.6c16c2p-10F + r * 0x1.a01a02p-13F) + r2 * 0x1.a01a02p-16F;
  return {shifted, r, r2 * (a + r2 * r2 * b) + rest};
}

template <class T>
struct Format;

template <>
struct Format<float> {
  using Bits = Vector<std::uint32_t>;
  using Signed = Vector<std::int32_t>;
  static constexpr int mantissa = 23;
  static constexpr std::uint32_t bias = 127;
  static constexpr std::uint32_t magic = 0x4B400000U;  // the bits of reduce_exp's number for k = 0
  static constexpr float lowest = -104.0F;
  static constexpr float highest = 89.0F;
  static constexpr float normal = -87.33656F;  // exp of what is below is below the normal numbers
};

template <>
struct Format<double> {
  using Bits = Vector<std::uint64_t>;
  using Signed = Vector<std::int64_t>;
  static constexpr int mantissa = 52;
  static constexpr std::uint64_t bias = 1023;
  static constexpr std::uint64_t magic = 0x4338000000000000ULL;
  static constexpr double lowest = -746.0;
  static constexpr double highest = 710.0;
  static constexpr double normal = -708.3964185322642;
};

template <class T>
SKLORT_INLINE Vector<T> from_bits(typename Format<T>::Bits bits) noexcept {
  return reinterpret_cast<const Vector<T>&>(bits);
}

template <class T>
SKLORT_INLINE typename Format<T>::Bits to_bits(const Vector<T>& x) noexcept {
  return reinterpret_cast<const typename Format<T>::Bits&>(x);
}

// The smallest number above 0 times 0 <= x <= 2^mantissa, rounded to the nearest multiple of it.
template <class T>
SKLORT_INLINE Vector<T> multiple_of_smallest(Vector<T> x) noexcept {
  constexpr auto whole =
      static_cast<T>(std::uint64_t{1} << Format<T>::mantissa);  // adding it rounds to an integer, in the low bits
  return from_bits<T>(to_bits<T>(x + whole) - to_bits<T>(broadcast(whole)));
}

// Beyond the bounds the result is 0 or infinity; a NaN passes all comparisons unchanged.
template <class T>
SKLORT_INLINE Vector<T> exp(Vector<T> x) noexcept {
  using F = Format<T>;
  using Bits = typename F::Bits;
  x = x < F::lowest ? broadcast(F::lowest) : x;
  x = x > F::highest ? broadcast(F::highest) : x;
  const Reduced<T> parts = reduce_exp<T>(x);
  const Vector<T> y = T{1} + (parts.r + parts.beyond);
  // k = (half) + (k - half), each biased; unsigned shifts are the ones every instruction set has.
  const auto times = [&](Bits biased) noexcept {
    const Bits half = biased >> 1;
    return y * from_bits<T>((half - 1) << F::mantissa) * from_bits<T>((biased - half - 1) << F::mantissa);
  };
  constexpr auto twice = 2 * (F::bias + 1);
  const Bits biased = to_bits<T>(parts.k_bits) - (F::magic - twice);
  const auto small = x < F::normal;
  if (!any(small)) return times(biased);
  const Bits multiples = biased + (F::bias - 1 + F::mantissa + F::bias - twice);  // of the smallest number, as a power of two
  const Vector<T> scaled = y * from_bits<T>((small ? multiples : Bits{} + F::bias) << F::mantissa);
  return small ? multiple_of_smallest<T>(scaled) : times(small ? Bits{} + twice : biased);
}

// a / b for 0 <= a <= b, where b is 1 or not much more.
template <class T>
SKLORT_INLINE Vector<T> part_of(Vector<T> a, Vector<T> b) noexcept {
  using F = Format<T>;
  constexpr auto least = decltype(F::bias){1} << F::mantissa;  // the bits of the smallest normal number
  const auto small = (to_bits<T>(a) < least * F::mantissa) & (b == b);
  if (!any(small)) return a / b;
  // Times 2^bias the numbers are normal ones.
  using Bits = typename F::Bits;
  constexpr auto units = static_cast<T>(std::uint64_t{1} << (F::mantissa - 1));  // 2^-bias in smallest numbers
  const auto tiny = to_bits<T>(a) < least;
  const Vector<T> counted = __builtin_convertvector(reinterpret_cast<const typename F::Signed&>(a), Vector<T>) / units;
  const Vector<T> raised = (small & ~tiny ? a : Vector<T>{}) * from_bits<T>(Bits{} + ((2 * F::bias) << F::mantissa));
  const Vector<T> quotient = (tiny ? counted : raised) / b;
  const auto normal = quotient >= T{2};
  const Vector<T> lowered = T{0.5} * (normal ? quotient : broadcast(T{2})) * from_bits<T>(Bits{} + least);
  const Vector<T> found = normal ? lowered : multiple_of_smallest<T>(quotient * units);
  return small ? found : (small ? b : a) / b;
}

// 2^k for 0 <= k < 64, from the bits that reduce_exp gives.
SKLORT_INLINE Vector<double> power_of_two(const Vector<double>& k_bits) noexcept {
  const Vector<std::uint64_t> bits = (reinterpret_cast<const Vector<std::uint64_t>&>(k_bits) + 1023) << 52;
  return reinterpret_cast<const Vector<double>&>(bits);
}
SKLORT_INLINE Vector<float> power_of_two(const Vector<float>& k_bits) noexcept {
  const Vector<std::uint32_t> bits = (reinterpret_cast<const Vector<std::uint32_t>&>(k_bits) + 127) << 23;
  return reinterpret_cast<const Vector<float>&>(bits);
}

// t / (t + 2) with t = exp(2|x|) - 1, which keeps the digits of small results; below two units in the last place.
template <class T>
SKLORT_INLINE Vector<T> tanh(Vector<T> x) noexcept {
  const Vector<T> magnitude = x < T{0} ? -x : x;
  const Vector<T> near = magnitude > T{22} ? broadcast(T{22}) : magnitude;  // there it is 1
  const Reduced<T> parts = reduce_exp<T>(near + near);
  const Vector<T> power = power_of_two(parts.k_bits);
  const Vector<T> t = (power - T{1}) + power * (parts.r + parts.beyond);
  const Vector<T> rough = t / (t + T{2});
  // In small results the roundings of t show: there, k is 0 or 1, y = t / 2 - t y / 2 with t / 2 in its parts.
  const Vector<T> whole = T{0.5} * (power - T{1});
  const Vector<T> part = T{0.5} * power * parts.r;
  const Vector<T> sum = whole + part;
  const Vector<T> rest = (whole - sum) + part;
  const Vector<T> fine = sum + (rest + T{0.5} * (power * parts.beyond - t * rough));
  const Vector<T> y = near < static_cast<T>(0.35) ? fine : rough;
  return x < T{0} ? -y : x == T{0} ? x : y;  // the zero keeps its sign
}

// 1 / (1 + exp(-x)), from exp(-|x|) so that nothing overflows and small results keep their digits.
template <class T>
SKLORT_INLINE Vector<T> logistic(Vector<T> x) noexcept {
  const Vector<T> one = broadcast(T{1});
  const Vector<T> z = exp<T>(x < T{0} ? x : -x);
  return part_of<T>(x >= T{0} ? one : z, one + z);
}

// to[i] = function(from[i]), whole vectors only: the last elements are padded, so each sees the same operations.
template <class T, class Function>
SKLORT_INLINE void map(const T* from, T* to, std::int64_t count, Function function) noexcept {
  std::int64_t i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) store(to + i, function(load(from + i)));
  if (i == count) return;
  Vector<T> last{};
  for (std::int64_t lane = 0; lane < count - i; ++lane) last[lane] = from[i + lane];
  last = function(last);
  for (std::int64_t lane = 0; lane < count - i; ++lane) to[i + lane] = last[lane];
}

template <class T, class Function>
SKLORT_INLINE void map(T* values, std::int64_t count, Function function) noexcept {
  map(values, values, count, function);
}

}  // namespace
}  // namespace sklort::SKLORT_HOT
