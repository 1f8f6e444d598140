// exp, tanh and the logistic function, and what classifiers make of a row of scores: the operations of the CPU's simd_math.h
// and post_transform in their order, so that both give the same bits.
#pragma once

#include "device.cuh"

namespace sklort::cuda {

// A number with the operations of device.cuh: what is written with it keeps small floats.
template <class T>
struct Real {
  T value;

  Real() = default;
  __device__ __forceinline__ constexpr Real(T from) : value(from) {}
};

template <class T>
__device__ __forceinline__ Real<T> operator+(Real<T> a, Real<T> b) {
  return add(a.value, b.value);
}
template <class T>
__device__ __forceinline__ Real<T> operator-(Real<T> a, Real<T> b) {
  return subtract(a.value, b.value);
}
template <class T>
__device__ __forceinline__ Real<T> operator*(Real<T> a, Real<T> b) {
  return multiply(a.value, b.value);
}
template <class T>
__device__ __forceinline__ Real<T> operator/(Real<T> a, Real<T> b) {
  return divide(a.value, b.value);
}
template <class T>
__device__ __forceinline__ bool operator<(Real<T> a, Real<T> b) {
  return less(a.value, b.value);
}

template <class T>
struct Reduced {
  Real<T> k_bits;
  Real<T> r;
  Real<T> beyond;
};

__device__ __forceinline__ Reduced<double> reduce_exp(Real<double> x) {
  using R = Real<double>;
  const R magic = 0x1.8p52;
  const R shifted = x * R(0x1.71547652b82fep0) + magic;
  const R k = shifted - magic;
  const R high = x - k * R(0x1.62e42feep-1);
  const R low = k * R(0x1.a39ef35793c76p-33);
  const R r = high - low;
  const R rest = (high - r) - low;
  const R r2 = r * r;
  const R r4 = r2 * r2;
  const R a = (R(0x1p-1) + r * R(0x1.5555555555555p-3)) + r2 * (R(0x1.5555555555555p-5) + r * R(0x1.1111111111111p-7));
  const R b =
      (R(0x1.6c16c16c16c17p-10) + r * R(0x1.a01a01a01a01ap-13)) + r2 * (R(0x1.a01a01a01a01ap-16) + r * R(0x1.71de3a556c734p-19));
  const R c =
      (R(0x1.27e4fb7789f5cp-22) + r * R(0x1.ae64567f544e4p-26)) + r2 * (R(0x1.1eed8eff8d898p-29) + r * R(0x1.6124613a86d09p-33));
  return {shifted, r, r2 * (a + r4 * (b + r4 * c)) + rest};
}

__device__ __forceinline__ Reduced<float> reduce_exp(Real<float> x) {
  using R = Real<float>;
  const R magic = 0x1.8p23F;
  const R shifted = x * R(0x1.715476p0F) + magic;
  const R k = shifted - magic;
  const R high = x - k * R(0x1.63p-1F);
  const R low = k * R(-0x1.bd0106p-13F);
  const R r = high - low;
  const R rest = (high - r) - low;
  const R r2 = r * r;
  const R a = (R(0x1p-1F) + r * R(0x1.555556p-3F)) + r2 * (R(0x1.555556p-5F) + r * R(0x1.111112p-7F));
  const R b = (R(0x1.6c16c2p-10F) + r * R(0x1.a01a02p-13F)) + r2 * R(0x1.a01a02p-16F);
  return {shifted, r, r2 * (a + r2 * r2 * b) + rest};
}

__device__ __forceinline__ double exponential(double from) {
  double x = from < -746.0 ? -746.0 : from;
  x = x > 710.0 ? 710.0 : x;
  const Reduced<double> parts = reduce_exp(Real<double>(x));
  const Real<double> y = Real<double>(1.0) + (parts.r + parts.beyond);
  const std::uint64_t biased = bits_as<std::uint64_t>(parts.k_bits.value) - (0x4338000000000000U - 2048);
  const std::uint64_t half = biased >> 1;
  const std::uint64_t first = (half - 1) << 52;
  const std::uint64_t second = (biased - half - 1) << 52;
  return (y * Real<double>(bits_as<double>(first)) * Real<double>(bits_as<double>(second))).value;
}

__device__ __forceinline__ float exponential(float from) {
  float x = less(from, -104.0F) ? -104.0F : from;
  x = less(89.0F, x) ? 89.0F : x;
  const Reduced<float> parts = reduce_exp(Real<float>(x));
  const Real<float> y = Real<float>(1.0F) + (parts.r + parts.beyond);
  const std::uint32_t biased = bits_as<std::uint32_t>(parts.k_bits.value) - (0x4B400000U - 256);
  const std::uint32_t half = biased >> 1;
  const std::uint32_t first = (half - 1) << 23;
  const std::uint32_t second = (biased - half - 1) << 23;
  return (y * Real<float>(bits_as<float>(first)) * Real<float>(bits_as<float>(second))).value;
}

template <class T>
__device__ __forceinline__ T negative(T x);
template <>
__device__ __forceinline__ float negative<float>(float x) {
  return bits_as<float>(bits_as<std::uint32_t>(x) ^ 0x80000000U);
}
template <>
__device__ __forceinline__ double negative<double>(double x) {
  return -x;
}

template <class T>
__device__ __forceinline__ T logistic(T x) {
  const bool below = less(x, T(0));
  const T z = exponential(below ? x : negative(x));
  // The condition x >= 0 is false for a NaN, which z and the quotient carry on.
  return divide(below || is_nan(x) ? z : T(1), add(T(1), z));
}

__device__ __forceinline__ double power_of_two(double k_bits) {
  return bits_as<double>((bits_as<std::uint64_t>(k_bits) + 1023) << 52);
}
__device__ __forceinline__ float power_of_two(float k_bits) {
  return bits_as<float>((bits_as<std::uint32_t>(k_bits) + 127) << 23);
}

template <class T>
__device__ __forceinline__ T hyperbolic_tangent(T x) {
  using R = Real<T>;
  const bool below = less(x, T(0));
  const T magnitude = below ? negative(x) : x;
  const R near = less(T(22), magnitude) ? T(22) : magnitude;
  const Reduced<T> parts = reduce_exp(near + near);
  const R power = power_of_two(parts.k_bits.value);
  const R one = T(1);
  const R half = T(0.5);
  const R t = (power - one) + power * (parts.r + parts.beyond);
  const R rough = t / (t + R(T(2)));
  const R whole = half * (power - one);
  const R part = half * power * parts.r;
  const R sum = whole + part;
  const R rest = (whole - sum) + part;
  const R fine = sum + (rest + half * (power * parts.beyond - t * rough));
  const T y = (near < R(static_cast<T>(0.35)) ? fine : rough).value;
  const bool zero = !below && !less(T(0), x) && !is_nan(x);
  return below ? negative(y) : zero ? x : y;
}

// Numbered as the attribute of TreeEnsemble: see cpu/post_transform.h.
enum Post : std::int64_t { post_none = 0, post_softmax = 1, post_logistic = 2, post_softmax_zero = 3, post_probit = 4 };

template <class T>
__device__ __forceinline__ T most_of(const T* scores, std::int64_t columns) {
  T most = scores[0];
  for (std::int64_t i = 1; i < columns; ++i) most = less(most, scores[i]) ? scores[i] : most;
  return most;
}

template <class T>
__device__ __forceinline__ void softmax(T* scores, std::int64_t columns) {
  const T most = most_of(scores, columns);
  T total = T(0);
  for (std::int64_t i = 0; i < columns; ++i) {
    scores[i] = exponential(subtract(scores[i], most));
    total = i == 0 ? scores[0] : add(total, scores[i]);
  }
  for (std::int64_t i = 0; i < columns; ++i) scores[i] = divide(scores[i], total);
}

template <class T>
__device__ __forceinline__ void softmax_zero(T* scores, std::int64_t columns) {
  const T most = most_of(scores, columns);
  const T factor = exponential(negative(most));
  const T tiny = as<T>(static_cast<double>(static_cast<T>(1e-7)));
  T total = T(0);
  for (std::int64_t i = 0; i < columns; ++i) {
    const T magnitude = less(scores[i], T(0)) ? negative(scores[i]) : scores[i];
    const bool zero = !less(tiny, magnitude) && !is_nan(magnitude);
    scores[i] = zero ? multiply(scores[i], factor) : exponential(subtract(scores[i], most));
    total = add(total, scores[i]);
  }
  const bool nothing = !less(total, T(0)) && !less(T(0), total) && !is_nan(total);
  for (std::int64_t i = 0; i < columns; ++i) scores[i] = nothing ? T(0.5) : divide(scores[i], total);
}

__device__ __forceinline__ float natural_log(float x) { return narrow(natural_log(wide(x))); }

// cpu/post_transform.cpp says where the formula is from.
template <class T>
__device__ __forceinline__ T probit(T value) {
  using R = Real<T>;
  const R one = T(1);
  const R x = R(value) * R(T(2)) - one;
  const R product = (one - x) * (one + x);
  if (!less(product.value, T(0)) && !less(T(0), product.value) && !is_nan(product.value)) return T(0);
  const R log = natural_log(product.value);
  const R first = R(static_cast<T>(2 / (3.14159265358979323846 * 0.147))) + R(T(0.5)) * log;
  const R inner = root((first * first - log / R(static_cast<T>(0.147))).value);
  const R magnitude = root((inner - first).value);
  return (R(static_cast<T>(1.41421356)) * (less(x.value, T(0)) ? R(negative(magnitude.value)) : magnitude)).value;
}

template <class T>
__device__ __forceinline__ void transform(std::int64_t post, T* scores, std::int64_t columns) {
  if (post == post_softmax) softmax(scores, columns);
  if (post == post_softmax_zero) softmax_zero(scores, columns);
  if (post == post_logistic) {
    for (std::int64_t i = 0; i < columns; ++i) scores[i] = logistic(scores[i]);
  }
  if (post == post_probit) {
    for (std::int64_t i = 0; i < columns; ++i) scores[i] = probit(scores[i]);
  }
}

}  // namespace sklort::cuda
