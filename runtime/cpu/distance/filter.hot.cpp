// Compiled with fused multiply-add: what comes out is only an estimate (filter.h).
#include "filter.hot.h"

#include "simd.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace sklort::distance::SKLORT_HOT {
namespace {

using namespace sklort::SKLORT_HOT;

// `count` rows with each panel, two vectors of points at a time.
template <int count>
SKLORT_INLINE void panel_of(const float* x, std::int64_t features, const float* points, float* to, std::int64_t stride) noexcept {
  constexpr int width = 2;
  constexpr std::int64_t step = width * lanes<float>;
  static_assert(filter_points % step == 0);
  for (std::int64_t first = 0; first < filter_points; first += step) {
    const float* at = points + first;
    Vector<float> sums[count][width];
#pragma GCC unroll 8
    for (int q = 0; q < count; ++q) {
#pragma GCC unroll 2
      for (int v = 0; v < width; ++v) sums[q][v] = load(at + v * lanes<float>);
    }
    for (std::int64_t feature = 0; feature < features; ++feature) {
      at += filter_points;
      const Vector<float> y[width] = {load(at), load(at + lanes<float>)};
#pragma GCC unroll 8
      for (int q = 0; q < count; ++q) {
        const Vector<float> row = broadcast(x[q * features + feature]);
#pragma GCC unroll 2
        for (int v = 0; v < width; ++v) sums[q][v] += row * y[v];
      }
    }
#pragma GCC unroll 8
    for (int q = 0; q < count; ++q) {
#pragma GCC unroll 2
      for (int v = 0; v < width; ++v) store(to + q * stride + first + v * lanes<float>, sums[q][v]);
    }
  }
}

void scores(const float* x, std::int64_t queries, std::int64_t features, const float* points, std::int64_t panels, float* to,
            std::int64_t stride) noexcept {
  constexpr int group = vector_bytes == 64 ? 8 : 4;  // as many as there are registers for
  const std::int64_t panel = (features + 1) * filter_points;
  std::int64_t query = 0;
  for (; query + group <= queries; query += group) {
    for (std::int64_t i = 0; i < panels; ++i)
      panel_of<group>(x + query * features, features, points + i * panel, to + query * stride + i * filter_points, stride);
  }
  for (; query < queries; ++query) {
    for (std::int64_t i = 0; i < panels; ++i)
      panel_of<1>(x + query * features, features, points + i * panel, to + query * stride + i * filter_points, stride);
  }
}

std::int64_t at_most(const float* scores, std::int64_t count, float limit, std::int32_t base, float* found,
                     std::int32_t* index) noexcept {
  std::int64_t total = 0;
  std::int64_t i = 0;
#if defined(__AVX512F__)
  const __m512 most = _mm512_set1_ps(limit);
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (; i + 16 <= count; i += 16) {
    const __m512 here = _mm512_loadu_ps(scores + i);
    const __mmask16 passes = _mm512_cmp_ps_mask(here, most, _CMP_LE_OQ);
    if (passes == 0) continue;
    const __m512i at = _mm512_add_epi32(lane, _mm512_set1_epi32(base + static_cast<std::int32_t>(i)));
    _mm512_storeu_ps(found + total, _mm512_maskz_compress_ps(passes, here));
    _mm512_storeu_si512(index + total, _mm512_maskz_compress_epi32(passes, at));
    total += __builtin_popcount(passes);
  }
#elif defined(__AVX2__)
  const __m256 most = _mm256_set1_ps(limit);
  for (; i + 8 <= count; i += 8) {
    auto passes = static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(scores + i), most, _CMP_LE_OQ)));
    for (; passes != 0; passes &= passes - 1) {
      const std::int64_t at = i + __builtin_ctz(passes);
      found[total] = scores[at];
      index[total++] = base + static_cast<std::int32_t>(at);
    }
  }
#endif
  for (; i < count; ++i) {
    found[total] = scores[i];
    index[total] = base + static_cast<std::int32_t>(i);
    total += scores[i] <= limit ? 1 : 0;
  }
  return total;
}

// A score pushes what is larger one place on: no branch tells where it goes.
void smallest(const float* scores, std::int64_t count, float* best) noexcept {
  typedef float Best __attribute__((vector_size(few_best * sizeof(float))));
#if !defined(__clang__)
  typedef std::int32_t Places __attribute__((vector_size(few_best * sizeof(float))));
#endif
  Best held;
  __builtin_memcpy(&held, best, sizeof held);
  const Best least = -__builtin_huge_valf() - Best{};
  for (std::int64_t i = 0; i < count; ++i) {
    const Best score = scores[i] - Best{};
#if defined(__clang__)
    const Best before = __builtin_shufflevector(held, least, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
#else
    const Best before = __builtin_shuffle(held, least, Places{16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14});
#endif
    const Best pushed = before > score ? before : score;
    held = held < pushed ? held : pushed;
  }
  __builtin_memcpy(best, &held, sizeof held);
}

}  // namespace

extern const FilterLoops filter_loops = {scores, at_most, smallest};

}  // namespace sklort::distance::SKLORT_HOT
