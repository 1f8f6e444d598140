#include "quick.hot.h"

#include "hot.h"

#if defined(__AVX512CD__)
#include <immintrin.h>
#endif

namespace sklort::forest::SKLORT_HOT {

#if defined(__AVX512CD__)

namespace {

SKLORT_INLINE __mmask16 first_lanes(std::int64_t count) noexcept {
  return static_cast<__mmask16>(count >= quick_lanes ? 0xFFFF : count <= 0 ? 0 : (1 << count) - 1);
}

template <int registers>
SKLORT_INLINE __m512i key_of(const __m512i (&keys)[registers], __m512i column) noexcept {
  __m512i key = _mm512_permutex2var_epi32(keys[0], column, keys[1]);
  if constexpr (registers == 4) {
    const __mmask16 upper = _mm512_test_epi32_mask(column, _mm512_set1_epi32(32));
    key = _mm512_mask_mov_epi32(key, upper, _mm512_permutex2var_epi32(keys[2], column, keys[3]));
  }
  return key;
}

template <int registers>
SKLORT_INLINE __m512i strike(__m512i left, const QuickSlots& slots, std::size_t slot, const __m512i (&keys)[registers]) noexcept {
  const std::size_t at = slot * quick_lanes;
  const __m512i column = _mm512_cvtepu8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(slots.columns + at)));
  const __mmask16 above = _mm512_cmpgt_epu32_mask(key_of<registers>(keys, column), _mm512_load_si512(slots.limits + at));
  return _mm512_mask_and_epi32(left, above, left, _mm512_load_si512(slots.keeps + at));
}

// The leaves that no slot strikes out. Two words at a time: each waits for itself.
template <int registers>
SKLORT_INLINE __m512i possible(const QuickSlots& slots, std::size_t first, std::size_t count,
                               const __m512i (&keys)[registers]) noexcept {
  __m512i left = _mm512_set1_epi32(-1);
  __m512i other = left;
  std::size_t slot = first;
  for (; slot + 2 <= first + count; slot += 2) {
    left = strike<registers>(left, slots, slot, keys);
    other = strike<registers>(other, slots, slot + 1, keys);
  }
  if (slot < first + count) left = strike<registers>(left, slots, slot, keys);
  return _mm512_and_si512(left, other);
}

template <int registers>
SKLORT_INLINE void score(const QuickGroup* groups, std::int64_t trees, const QuickSlots& slots, const std::uint32_t* entries,
                         const std::uint32_t* keys, std::int64_t columns, std::uint32_t* payloads) noexcept {
  __m512i held[registers];
#pragma GCC unroll 4
  for (int i = 0; i < registers; ++i) {
    held[i] = _mm512_maskz_loadu_epi32(first_lanes(columns - i * quick_lanes), keys + i * quick_lanes);
  }
  for (std::int64_t tree = 0; tree < trees; tree += quick_lanes, ++groups) {
    const __m512i low = possible<registers>(slots, groups->first, groups->slots[0], held);
    __m512i leaf = _mm512_lzcnt_epi32(low);
    if (groups->slots[1] != 0) {
      const __m512i high = possible<registers>(slots, groups->first + groups->slots[0], groups->slots[1], held);
      const __m512i later = _mm512_add_epi32(_mm512_lzcnt_epi32(high), _mm512_set1_epi32(quick_leaves));
      leaf = _mm512_mask_mov_epi32(leaf, _mm512_testn_epi32_mask(low, low), later);
    }
    const __mmask16 here = first_lanes(trees - tree);
    const __m512i entry = _mm512_add_epi32(leaf, _mm512_loadu_si512(groups->base));
    _mm512_mask_storeu_epi32(payloads + tree, here, _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), here, entry, entries, 4));
  }
}

void row(const QuickGroup* groups, std::int64_t trees, const QuickSlots& slots, const std::uint32_t* entries,
         const std::uint32_t* keys, std::int64_t columns, std::uint32_t* payloads) noexcept {
  if (columns <= 2 * quick_lanes) {
    score<2>(groups, trees, slots, entries, keys, columns, payloads);
  } else {
    score<4>(groups, trees, slots, entries, keys, columns, payloads);
  }
}

}  // namespace

extern const QuickLoops quick_loops = {row};

#else

extern const QuickLoops quick_loops = {nullptr};

#endif

}  // namespace sklort::forest::SKLORT_HOT
