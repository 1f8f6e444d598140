// Lanes moved between vectors, for hot files.
#pragma once

#include "simd.h"

namespace sklort::SKLORT_HOT {
namespace {

template <int... index>
struct Indices {};
template <int count, int... index>
struct CountTo : CountTo<count - 1, count - 1, index...> {};
template <int... index>
struct CountTo<0, index...> {
  using type = Indices<index...>;
};
template <class T>
using Lanes = typename CountTo<static_cast<int>(lanes<T>)>::type;

// Lanes of `a` and `b`, counted through both.
template <class T, int... index>
SKLORT_INLINE Vector<T> pick(Vector<T> a, Vector<T> b) noexcept {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, index...);
#else
  return __builtin_shuffle(a, b, decltype(a < b){index...});
#endif
}

template <class T, int half, int... index>
SKLORT_INLINE void swap_halves(Vector<T>& a, Vector<T>& b, Indices<index...>) noexcept {
  constexpr int L = static_cast<int>(lanes<T>);
  const Vector<T> low = pick<T, ((index & half) == 0 ? index : index - half + L)...>(a, b);
  b = pick<T, ((index & half) == 0 ? index + half : index + L)...>(a, b);
  a = low;
}

// rows[i][j] <-> rows[j][i]: blocks off the diagonal change places, first the large ones.
template <class T, int half = static_cast<int>(lanes<T>) / 2>
SKLORT_INLINE void transpose(Vector<T> (&rows)[lanes<T>]) noexcept {
  for (int i = 0; i < static_cast<int>(lanes<T>); ++i) {
    if ((i & half) == 0) swap_halves<T, half>(rows[i], rows[i + half], Lanes<T>{});
  }
  if constexpr (half > 1) transpose<T, half / 2>(rows);
}

template <class T, int from, int... index>
SKLORT_INLINE Vector<T> interleave(Vector<T> a, Vector<T> b, Indices<index...>) noexcept {
  return pick<T, (from + index / 2 + index % 2 * static_cast<int>(lanes<T>))...>(a, b);
}

// a[0], b[0], a[1], b[1], ... of the lower and the upper halves.
template <class T>
SKLORT_INLINE Vector<T> interleave_low(Vector<T> a, Vector<T> b) noexcept {
  return interleave<T, 0>(a, b, Lanes<T>{});
}
template <class T>
SKLORT_INLINE Vector<T> interleave_high(Vector<T> a, Vector<T> b) noexcept {
  return interleave<T, static_cast<int>(lanes<T>) / 2>(a, b, Lanes<T>{});
}

}  // namespace
}  // namespace sklort::SKLORT_HOT
