#include "compare.hot.h"

#include "hot.h"

#if defined(__AVX2__)
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

#elif defined(__AVX2__)

// The first three levels by a permutation of eight thresholds, the others by gathers.
void bin(const float* values, std::int64_t count, const BinTable& table, const float* thresholds, std::int8_t* bins) noexcept {
  thresholds += table.first;
  const std::int32_t eighth = table.padded / 8;
  const __m256i each = _mm256_mullo_epi32(_mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 8), _mm256_set1_epi32(eighth));
  const __m256 coarse = _mm256_i32gather_ps(thresholds, _mm256_sub_epi32(each, _mm256_set1_epi32(1)), 4);
  const __m256i nan_bin = _mm256_set1_epi32(table.nan_left ? 0 : most_bins);
  const auto eight = [&](const float* from) noexcept {
    const __m256 value = _mm256_loadu_ps(from);
    __m256i below = _mm256_setzero_si256();
    for (std::int32_t step = 4; step >= 1; step /= 2) {
      const __m256 threshold = _mm256_permutevar8x32_ps(coarse, _mm256_add_epi32(below, _mm256_set1_epi32(step - 1)));
      const __m256i above = _mm256_castps_si256(_mm256_cmp_ps(value, threshold, _CMP_GT_OQ));
      below = _mm256_add_epi32(below, _mm256_and_si256(above, _mm256_set1_epi32(step)));
    }
    below = _mm256_mullo_epi32(below, _mm256_set1_epi32(eighth));
    for (std::int32_t step = eighth / 2; step >= 1; step /= 2) {
      const __m256 threshold = _mm256_i32gather_ps(thresholds, _mm256_add_epi32(below, _mm256_set1_epi32(step - 1)), 4);
      const __m256i above = _mm256_castps_si256(_mm256_cmp_ps(value, threshold, _CMP_GT_OQ));
      below = _mm256_add_epi32(below, _mm256_and_si256(above, _mm256_set1_epi32(step)));
    }
    const __m256 nan = _mm256_cmp_ps(value, value, _CMP_UNORD_Q);
    below = _mm256_blendv_epi8(below, nan_bin, _mm256_castps_si256(nan));
    return _mm256_sub_epi32(below, _mm256_set1_epi32(128));
  };
  for (std::int64_t i = 0; i < count; i += 32) {
    const __m256i words = _mm256_packs_epi32(eight(values + i), eight(values + i + 8));
    const __m256i others = _mm256_packs_epi32(eight(values + i + 16), eight(values + i + 24));
    const __m256i bytes = _mm256_packs_epi16(words, others);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(bins + i), _mm256_permutevar8x32_epi32(bytes, order));
  }
}

#endif

// Bisection of sixteen values at a time.
template <class Value>
SKLORT_INLINE void bin_plain(const Value* values, std::int64_t count, const BinTable& table, const Value* thresholds,
                             std::int8_t* bins) noexcept {
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
      const Value value = values[i + k];
      const std::int32_t here = value != value ? (table.nan_left ? 0 : most_bins) : below[k];
      bins[i + k] = static_cast<std::int8_t>(here - 128);
    }
  }
}

#if !defined(__AVX2__)
void bin(const float* values, std::int64_t count, const BinTable& table, const float* thresholds, std::int8_t* bins) noexcept {
  bin_plain(values, count, table, thresholds, bins);
}
#endif

void bin_doubles(const double* values, std::int64_t count, const BinTable& table, const double* thresholds,
                 std::int8_t* bins) noexcept {
  bin_plain(values, count, table, thresholds, bins);
}

// --- Candidates
// ---------------------------------------------------------------------------------------------------------------------------

#if defined(__AVX512BW__)

SKLORT_INLINE __m512i spread(std::uint32_t bytes) noexcept { return _mm512_set1_epi32(static_cast<int>(bytes)); }

template <int vectors>
SKLORT_INLINE void candidates(const CompareTree& tree, const CompareBranch* branches, const std::int8_t* bins,
                              std::uint8_t* leaves) noexcept {
  __m512i candidate[vectors];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) candidate[v] = _mm512_setzero_si512();
  const CompareBranch* end = branches + tree.first + tree.count;
  for (const CompareBranch* branch = branches + tree.first; branch != end; ++branch) {
    const std::int8_t* column = bins + std::size_t{branch->column} * (vectors * compare_rows);
    const __m512i threshold = spread(branch->bin);
    const __m512i left = spread(branch->left);
    const __m512i right = spread(branch->right);
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

// A vector of 64 leaf numbers read as eight integers of eight bytes holds rows 8j + b in byte b of lane j: a shift brings them
// where a permutation of doubles looks for them, which heeds the lowest bits alone. Sum 8b + j of 64 is that of row 8j + b.
template <int size>
SKLORT_INLINE void add_leaves(const double* table, const std::uint8_t* leaves, std::int64_t rows, double* sums) noexcept {
  __m512d held[size / 8];
#pragma GCC unroll 8
  for (int k = 0; k < size / 8; ++k) held[k] = _mm512_loadu_pd(table + 8 * k);
  for (std::int64_t i = 0; i < rows; i += compare_rows) {
    __m512i leaf = _mm512_loadu_si512(leaves + i);
#pragma GCC unroll 8
    for (int byte = 0; byte < 8; ++byte) {
      __m512d value;
      if constexpr (size == 8) {
        value = _mm512_permutexvar_pd(leaf, held[0]);
      } else {
        value = _mm512_permutex2var_pd(held[0], leaf, held[1]);
      }
      if constexpr (size >= 32) {
        const __mmask8 upper = _mm512_test_epi64_mask(leaf, _mm512_set1_epi64(16));
        value = _mm512_mask_mov_pd(value, upper, _mm512_permutex2var_pd(held[2], leaf, held[3]));
        if constexpr (size == 64) {
          const __m512d low = _mm512_permutex2var_pd(held[4], leaf, held[5]);
          const __m512d high = _mm512_mask_mov_pd(low, upper, _mm512_permutex2var_pd(held[6], leaf, held[7]));
          value = _mm512_mask_mov_pd(value, _mm512_test_epi64_mask(leaf, _mm512_set1_epi64(32)), high);
        }
      }
      double* sum = sums + i + 8 * byte;
      _mm512_storeu_pd(sum, _mm512_add_pd(_mm512_loadu_pd(sum), value));
      leaf = _mm512_srli_epi64(leaf, 8);
    }
  }
}

SKLORT_INLINE void gather_leaves(const double* table, const std::uint8_t* leaves, std::int64_t rows, double* sums) noexcept {
  for (std::int64_t i = 0; i < rows; i += compare_rows) {
    __m512i leaf = _mm512_loadu_si512(leaves + i);
#pragma GCC unroll 8
    for (int byte = 0; byte < 8; ++byte) {
      double* sum = sums + i + 8 * byte;
      const __m512d value = _mm512_i64gather_pd(_mm512_and_si512(leaf, _mm512_set1_epi64(0xFF)), table, 8);
      _mm512_storeu_pd(sum, _mm512_add_pd(_mm512_loadu_pd(sum), value));
      leaf = _mm512_srli_epi64(leaf, 8);
    }
  }
}

SKLORT_INLINE void add(const double* table, std::uint32_t size, const std::uint8_t* leaves, std::int64_t rows, bool gather,
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
      break;
  }
  if (gather) return gather_leaves(table, leaves, rows, sums);
  for (std::int64_t i = 0; i < rows; i += compare_rows) {
    for (int j = 0; j < 8; ++j) {
#pragma GCC unroll 8
      for (int byte = 0; byte < 8; ++byte) sums[i + 8 * byte + j] += table[leaves[i + 8 * j + byte]];
    }
  }
}

SKLORT_INLINE std::int64_t place_of(std::int64_t row) noexcept {
  return (row & ~std::int64_t{63}) | (row & 7) << 3 | (row >> 3 & 7);
}

#else

#if defined(__AVX2__)
inline constexpr int width = 32;
inline constexpr int registers = 8;
#else
inline constexpr int width = 16;
inline constexpr int registers = 4;
#endif
typedef std::int8_t Bytes __attribute__((vector_size(width), may_alias));
typedef std::int8_t LooseBytes __attribute__((vector_size(width), may_alias, aligned(1)));
typedef std::uint32_t Words __attribute__((vector_size(width), may_alias));

SKLORT_INLINE Bytes spread(std::uint32_t bytes) noexcept { return reinterpret_cast<Bytes>(bytes - Words{}); }

// `vectors` times 64 rows, some registers of rows at a time.
template <int vectors>
SKLORT_INLINE void candidates(const CompareTree& tree, const CompareBranch* branches, const std::int8_t* bins,
                              std::uint8_t* leaves) noexcept {
  constexpr int rows = vectors * compare_rows;
  constexpr int held = rows / width < registers ? rows / width : registers;
  static_assert(rows % (held * width) == 0);
  for (int first = 0; first < rows; first += held * width) {
    Bytes candidate[held] = {};
    const CompareBranch* end = branches + tree.first + tree.count;
    for (const CompareBranch* branch = branches + tree.first; branch != end; ++branch) {
      const std::int8_t* column = bins + std::size_t{branch->column} * rows + first;
      const Bytes threshold = spread(branch->bin);
      const Bytes left = spread(branch->left);
      const Bytes change = left ^ spread(branch->right);
#pragma GCC unroll 8
      for (int v = 0; v < held; ++v) {
        const Bytes value = *reinterpret_cast<const LooseBytes*>(column + v * width);
        candidate[v] ^= (value > threshold) & (candidate[v] == left) & change;
      }
    }
#pragma GCC unroll 8
    for (int v = 0; v < held; ++v) *reinterpret_cast<LooseBytes*>(leaves + first + v * width) = candidate[v];
  }
}

SKLORT_INLINE void add(const double* table, std::uint32_t, const std::uint8_t* leaves, std::int64_t rows, bool,
                       double* sums) noexcept {
  for (std::int64_t i = 0; i < rows; ++i) sums[i] += table[leaves[i]];
}

SKLORT_INLINE std::int64_t place_of(std::int64_t row) noexcept { return row; }

#endif

template <int vectors>
void run(const CompareTree* trees, std::int64_t count, const CompareBranch* branches, const double* values,
         const std::int8_t* bins, std::int64_t targets, bool gather, double* sums) noexcept {
  constexpr std::int64_t rows = vectors * compare_rows;
  alignas(64) std::uint8_t leaves[rows];
  for (const CompareTree* tree = trees; tree != trees + count; ++tree) {
    candidates<vectors>(*tree, branches, bins, leaves);
    const double* table = values + tree->values;
    if (tree->target >= 0) {
      add(table, tree->leaves, leaves, rows, gather, sums + tree->target * rows);
    } else {
      for (std::int64_t target = 0; target < targets; ++target)
        add(table + target * tree->leaves, tree->leaves, leaves, rows, gather, sums + target * rows);
    }
  }
}

void trees(const CompareTree* trees, std::int64_t count, const CompareBranch* branches, const double* values,
           const std::int8_t* bins, int vectors, std::int64_t targets, bool gather, double* sums) noexcept {
  switch (vectors) {
    case 1:
      return run<1>(trees, count, branches, values, bins, targets, gather, sums);
    case 2:
      return run<2>(trees, count, branches, values, bins, targets, gather, sums);
    case 4:
      return run<4>(trees, count, branches, values, bins, targets, gather, sums);
    default:
      return run<8>(trees, count, branches, values, bins, targets, gather, sums);
  }
}

void finish(const double* sums, std::int64_t rows, std::int64_t targets, std::int64_t count, double* out) noexcept {
  for (std::int64_t row = 0; row < count; ++row) {
    const std::int64_t place = place_of(row);
    for (std::int64_t target = 0; target < targets; ++target) out[row * targets + target] = sums[target * rows + place];
  }
}

}  // namespace

extern const CompareLoops compare_loops = {bin, bin_doubles, trees, finish};

}  // namespace sklort::forest::SKLORT_HOT
