// Vectors as wide as the instruction set this file is compiled for, through the compiler's vector extension.
#pragma once

#include "hot.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace sklort::SKLORT_HOT {
namespace {

#if defined(__AVX512F__)
inline constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr std::size_t vector_bytes = 32;
#else
inline constexpr std::size_t vector_bytes = 16;
#endif

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(vector_bytes), may_alias));
  typedef T loose __attribute__((vector_size(vector_bytes), may_alias, aligned(alignof(T))));
};
template <class T>
using Vector = typename VectorOf<T>::type;

template <class T>
inline constexpr std::int64_t lanes = static_cast<std::int64_t>(vector_bytes / sizeof(T));

template <class T>
SKLORT_INLINE Vector<T> load(const T* from) noexcept {
  return *reinterpret_cast<const typename VectorOf<T>::loose*>(from);
}

template <class T>
SKLORT_INLINE void store(T* to, Vector<T> vector) noexcept {
  *reinterpret_cast<typename VectorOf<T>::loose*>(to) = vector;
}

template <class T>
SKLORT_INLINE Vector<T> broadcast(T value) noexcept {
  return value - Vector<T>{};
}

// Whether a comparison holds in some lane.
template <class Mask>
SKLORT_INLINE bool any(Mask mask) noexcept {
  static_assert(sizeof(Mask) == vector_bytes);
#if defined(__AVX512F__)
  const auto bits = reinterpret_cast<const __m512i&>(mask);
  return _mm512_test_epi32_mask(bits, bits) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_epi8(reinterpret_cast<const __m256i&>(mask)) != 0;
#elif defined(__SSE2__)
  return _mm_movemask_epi8(reinterpret_cast<const __m128i&>(mask)) != 0;
#else
  std::int64_t all = 0;
  for (std::size_t lane = 0; lane < sizeof mask / sizeof mask[0]; ++lane) all |= mask[lane];
  return all != 0;
#endif
}

// In lane order, so that the result depends on the vector's width alone.
template <class T>
SKLORT_INLINE T sum(Vector<T> vector) noexcept {
  T total = vector[0];
  for (std::int64_t lane = 1; lane < lanes<T>; ++lane) total += vector[lane];
  return total;
}

}  // namespace
}  // namespace sklort::SKLORT_HOT
