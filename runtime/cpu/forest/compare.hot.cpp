#include "compare.hot.h"

#include "hot.h"

#if defined(__AVX512BW__)
#include <immintrin.h>
#endif

namespace sklort::forest::SKLORT_HOT {
namespace {

// --- Bins: the number of thresholds below a value, by bisection
// ---------------------------------------------------------------------------

#if defined(__AVX512BW__)

// Entry `index` of a table of 16 * registers floats that is held in registers.
template <int registers>
SKLORT_INLINE __m512 entry(const __m512 (&table)[registers], __m512i index) noexcept {
  if constexpr (registers == 1) {
    return _mm512_permutexvar_ps(index, table[0]);
  } else {
    __m512 found = _mm512_permutex2var_ps(table[0], index, table[1]);
    if constexpr (registers > 2) {
      const __m512i part = _mm512_srli_epi32(index, 5);
#pragma GCC unroll 8
      for (int k = 1; k < registers / 2; ++k) {
        const __m512 other = _mm512_permutex2var_ps(table[2 * k], index, table[2 * k + 1]);
        found = _mm512_mask_mov_ps(found, _mm512_cmpeq_epi32_mask(part, _mm512_set1_epi32(k)), other);
      }
    }
    return found;
  }
}

template <int padded>
void bin_vectors(const float* values, std::int64_t count, bool nan_left, const float* thresholds, std::int8_t* bins) noexcept {
  constexpr int registers = padded >= 16 ? padded / 16 : 1;
  constexpr bool two_levels = padded > 32;
  constexpr int coarse_registers = two_levels ? (padded / 8 + 15) / 16 : 1;
  __m512 table[registers];
#pragma GCC unroll 16
  for (int k = 0; k < registers; ++k) {
    table[k] = padded >= 16 ? _mm512_loadu_ps(thresholds + 16 * k) : _mm512_maskz_loadu_ps(0xFF, thresholds);
  }
  __m512 coarse[coarse_registers];
  if constexpr (two_levels) {
    const __m512i eighth = _mm512_setr_epi32(7, 15, 23, 31, 39, 47, 55, 63, 71, 79, 87, 95, 103, 111, 119, 127);
#pragma GCC unroll 2
    for (int k = 0; k < coarse_registers; ++k) {
      const __m512i last = _mm512_set1_epi32(padded - 1);
      const __m512i at = _mm512_min_epi32(_mm512_add_epi32(eighth, _mm512_set1_epi32(128 * k)), last);
      coarse[k] = _mm512_i32gather_ps(at, thresholds, 4);
    }
  }
  const __m512i nan_bin = _mm512_set1_epi32(nan_left ? 0 : most_bins);
  for (std::int64_t i = 0; i < count; i += 16) {
    const __m512 value = _mm512_loadu_ps(values + i);
    __m512i below = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (int step = padded / 2; step >= 1; step /= 2) {
      const __m512i probe = _mm512_add_epi32(below, _mm512_set1_epi32(step - 1));
      __m512 threshold;
      if (two_levels && step >= 8) {
        threshold = entry(coarse, _mm512_srli_epi32(probe, 3));
      } else {
        threshold = entry(table, probe);
      }
      const __mmask16 above = _mm512_cmp_ps_mask(value, threshold, _CMP_GT_OQ);
      below = _mm512_mask_add_epi32(below, above, below, _mm512_set1_epi32(step));
    }
    below = _mm512_mask_mov_epi32(below, _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q), nan_bin);
    const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_sub_epi32(below, _mm512_set1_epi32(128)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bins + i), bytes);
  }
}

void bin(const float* values, std::int64_t count, const BinTable& table, const float* thresholds, std::int8_t* bins) noexcept {
  thresholds += table.first;
  switch (table.padded) {
    case 8:
      return bin_vectors<8>(values, count, table.nan_left, thresholds, bins);
    case 16:
      return bin_vectors<16>(values, count, table.nan_left, thresholds, bins);
    case 32:
      return bin_vectors<32>(values, count, table.nan_left, thresholds, bins);
    case 64:
      return bin_vectors<64>(values, count, table.nan_left, thresholds, bins);
    case 128:
      return bin_vectors<128>(values, count, table.nan_left, thresholds, bins);
    default:
      return bin_vectors<256>(values, count, table.nan_left, thresholds, bins);
  }
}

#else

void bin(const float* values, std::int64_t count, const BinTable& table, const float* thresholds, std::int8_t* bins) noexcept {
  thresholds += table.first;
  for (std::int64_t i = 0; i < count; i += 16) {
    std::int32_t below[16] = {};
    for (std::int32_t step = table.padded / 2; step >= 1; step /= 2) {
#pragma GCC unroll 16
      for (int k = 0; k < 16; ++k) {
        below[k] += values[i + k] > thresholds[below[k] + step - 1] ? step : 0;
      }
    }
    for (int k = 0; k < 16; ++k) {
      const float value = values[i + k];
      const std::int32_t here = value != value ? (table.nan_left ? 0 : most_bins) : below[k];
      bins[i + k] = static_cast<std::int8_t>(here - 128);
    }
  }
}

#endif

// --- Candidates
// ---------------------------------------------------------------------------------------------------------------------------

#if defined(__AVX512BW__)

template <int vectors>
SKLORT_INLINE void candidates(const CompareTree& tree, const CompareBranch* branches, const std::int8_t* bins,
                              std::uint8_t* leaves) noexcept {
  __m512i candidate[vectors];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) candidate[v] = _mm512_setzero_si512();
  const CompareBranch* end = branches + tree.first + tree.count;
  for (const CompareBranch* branch = branches + tree.first; branch != end; ++branch) {
    const std::int8_t* column = bins + branch->column * (vectors * compare_rows);
    const __m512i threshold = _mm512_set1_epi8(branch->bin);
    const __m512i left = _mm512_set1_epi8(static_cast<char>(branch->left));
    const __m512i right = _mm512_set1_epi8(static_cast<char>(branch->right));
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      const __m512i value = _mm512_loadu_si512(column + v * compare_rows);
      const __mmask64 goes_right = _mm512_cmpgt_epi8_mask(value, threshold);
      candidate[v] = _mm512_mask_mov_epi8(candidate[v], _mm512_mask_cmpeq_epi8_mask(goes_right, candidate[v], left), right);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) _mm512_storeu_si512(leaves + v * compare_rows, candidate[v]);
}

// sums[i] += table[leaves[i]], eight at a time, from a table of `size` doubles held in registers.
template <int size>
SKLORT_INLINE void add_leaves(const double* table, const std::uint8_t* leaves, std::int64_t rows, double* sums) noexcept {
  __m512d held[size / 8];
#pragma GCC unroll 8
  for (int k = 0; k < size / 8; ++k) held[k] = _mm512_loadu_pd(table + 8 * k);
  for (std::int64_t i = 0; i < rows; i += 8) {
    const __m512i leaf = _mm512_cvtepu8_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(leaves + i)));
    __m512d value;
    if constexpr (size == 8) {
      value = _mm512_permutexvar_pd(leaf, held[0]);
    } else {
      value = _mm512_permutex2var_pd(held[0], leaf, held[1]);
#pragma GCC unroll 4
      for (int k = 1; k < size / 16; ++k) {
        const __m512d other = _mm512_permutex2var_pd(held[2 * k], leaf, held[2 * k + 1]);
        value = _mm512_mask_mov_pd(value, _mm512_cmpge_epi64_mask(leaf, _mm512_set1_epi64(16 * k)), other);
      }
    }
    _mm512_storeu_pd(sums + i, _mm512_add_pd(_mm512_loadu_pd(sums + i), value));
  }
}

SKLORT_INLINE void add(const double* table, std::uint32_t size, const std::uint8_t* leaves, std::int64_t rows,
                       double* sums) noexcept {
  switch (size) {
    case 8:
      return add_leaves<8>(table, leaves, rows, sums);
    case 16:
      return add_leaves<16>(table, leaves, rows, sums);
    case 32:
      return add_leaves<32>(table, leaves, rows, sums);
    case 64:
      return add_leaves<64>(table, leaves, rows, sums);
    default:
      for (std::int64_t i = 0; i < rows; ++i) sums[i] += table[leaves[i]];
  }
}

#else

#if defined(__AVX2__)
inline constexpr int width = 32;
#else
inline constexpr int width = 16;
#endif
typedef std::int8_t Bytes __attribute__((vector_size(width), may_alias));
typedef std::int8_t LooseBytes __attribute__((vector_size(width), may_alias, aligned(1)));

// `vectors` times 64 rows, two registers of rows at a time.
template <int vectors>
SKLORT_INLINE void candidates(const CompareTree& tree, const CompareBranch* branches, const std::int8_t* bins,
                              std::uint8_t* leaves) noexcept {
  constexpr int registers = 4;
  constexpr int rows = vectors * compare_rows;
  for (int first = 0; first < rows; first += registers * width) {
    Bytes candidate[registers] = {};
    const CompareBranch* end = branches + tree.first + tree.count;
    for (const CompareBranch* branch = branches + tree.first; branch != end; ++branch) {
      const std::int8_t* column = bins + branch->column * rows + first;
      const Bytes threshold = branch->bin - Bytes{};
      const Bytes left = static_cast<std::int8_t>(branch->left) - Bytes{};
      const Bytes change = left ^ (static_cast<std::int8_t>(branch->right) - Bytes{});
#pragma GCC unroll 4
      for (int v = 0; v < registers; ++v) {
        if (first + v * width >= rows) break;
        const Bytes value = *reinterpret_cast<const LooseBytes*>(column + v * width);
        candidate[v] ^= (value > threshold) & (candidate[v] == left) & change;
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < registers; ++v) {
      if (first + v * width < rows) *reinterpret_cast<LooseBytes*>(leaves + first + v * width) = candidate[v];
    }
  }
}

SKLORT_INLINE void add(const double* table, std::uint32_t, const std::uint8_t* leaves, std::int64_t rows, double* sums) noexcept {
  for (std::int64_t i = 0; i < rows; ++i) sums[i] += table[leaves[i]];
}

#endif

template <int vectors>
void run(const CompareTree* trees, std::int64_t count, const CompareBranch* branches, const double* values,
         const std::int8_t* bins, std::int64_t targets, double* sums) noexcept {
  constexpr std::int64_t rows = vectors * compare_rows;
  alignas(64) std::uint8_t leaves[rows];
  for (const CompareTree* tree = trees; tree != trees + count; ++tree) {
    candidates<vectors>(*tree, branches, bins, leaves);
    const double* table = values + tree->values;
    if (tree->target >= 0) {
      add(table, tree->leaves, leaves, rows, sums + tree->target * rows);
    } else {
      for (std::int64_t target = 0; target < targets; ++target)
        add(table + target * tree->leaves, tree->leaves, leaves, rows, sums + target * rows);
    }
  }
}

void trees(const CompareTree* trees, std::int64_t count, const CompareBranch* branches, const double* values,
           const std::int8_t* bins, int vectors, std::int64_t targets, double* sums) noexcept {
  switch (vectors) {
    case 1:
      return run<1>(trees, count, branches, values, bins, targets, sums);
    case 2:
      return run<2>(trees, count, branches, values, bins, targets, sums);
    case 4:
      return run<4>(trees, count, branches, values, bins, targets, sums);
    default:
      return run<8>(trees, count, branches, values, bins, targets, sums);
  }
}

}  // namespace

extern const CompareLoops compare_loops = {bin, trees};

}  // namespace sklort::forest::SKLORT_HOT
