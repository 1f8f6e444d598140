#include "quick.hot.h"

#include "hot.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace sklort::forest::SKLORT_HOT {
namespace {

// Sixteen bisections side by side: each waits for its own loads only.
template <class Key>
SKLORT_INLINE void bin_keys(const QuickByte* table, int count, std::uint32_t padded, const Key* limits, const Key* keys,
                            std::int8_t* bytes) noexcept {
  constexpr int lanes = 16;
  for (int at = 0; at < count; at += lanes) {
    const int here = count - at < lanes ? count - at : lanes;
    Key key[lanes];
    std::uint32_t place[lanes];
    for (int i = 0; i < lanes; ++i) {
      const QuickByte& byte = table[at + (i < here ? i : 0)];
      key[i] = keys[byte.column];
      place[i] = byte.first;
    }
    for (std::uint32_t step = padded / 2; step >= 1; step /= 2) {
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) place[i] += key[i] > limits[place[i] + step - 1] ? step : 0;
    }
    for (int i = 0; i < here; ++i) bytes[at + i] = static_cast<std::int8_t>(place[i] - table[at + i].first - 128);
  }
}

void bin(const QuickByte* table, int count, std::uint32_t padded, const std::uint32_t* limits, const std::uint32_t* keys,
         std::int8_t* bytes) noexcept {
  bin_keys(table, count, padded, limits, keys, bytes);
}

void bin_wide(const QuickByte* table, int count, std::uint32_t padded, const std::uint64_t* limits, const std::uint64_t* keys,
              std::int8_t* bytes) noexcept {
  bin_keys(table, count, padded, limits, keys, bytes);
}

#if defined(__AVX2__)

// The candidates of a group's trees after all branches.
using Candidates = void (*)(const QuickSlot* slots, std::uint32_t count, const std::int8_t* bytes, std::uint8_t* leaves) noexcept;

// `tables` times 16 bytes of the row.
template <int tables>
void shuffled(const QuickSlot* slots, std::uint32_t count, const std::int8_t* bytes, std::uint8_t* leaves) noexcept {
  constexpr int vectors = quick_lanes / 32;
  __m256i table[tables];
  for (int i = 0; i < tables; ++i) {
    table[i] = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * i)));
  }
  __m256i candidate[vectors] = {};
  __m256i next = _mm256_setzero_si256();
  for (const QuickSlot* slot = slots; slot != slots + count; ++slot) {
    next = _mm256_sub_epi8(next, _mm256_set1_epi8(-1));
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const __m256i column = _mm256_load_si256(reinterpret_cast<const __m256i*>(slot->column) + v);
      __m256i byte = _mm256_shuffle_epi8(table[0], column);
      if constexpr (tables >= 2) {  // bit 4 chooses between two tables, bit 5 between two pairs
        const __m256i fourth = _mm256_slli_epi16(column, 3);
        byte = _mm256_blendv_epi8(byte, _mm256_shuffle_epi8(table[1], column), fourth);
        if constexpr (tables == 4) {
          const __m256i upper =
              _mm256_blendv_epi8(_mm256_shuffle_epi8(table[2], column), _mm256_shuffle_epi8(table[3], column), fourth);
          byte = _mm256_blendv_epi8(byte, upper, _mm256_slli_epi16(column, 2));
        }
      }
      const __m256i limit = _mm256_load_si256(reinterpret_cast<const __m256i*>(slot->limit) + v);
      const __m256i first = _mm256_load_si256(reinterpret_cast<const __m256i*>(slot->first) + v);
      const __m256i within = _mm256_cmpeq_epi8(_mm256_max_epu8(candidate[v], first), candidate[v]);
      const __m256i goes = _mm256_and_si256(_mm256_cmpgt_epi8(byte, limit), within);
      candidate[v] = _mm256_blendv_epi8(candidate[v], next, goes);
    }
  }
  for (int v = 0; v < vectors; ++v) _mm256_storeu_si256(reinterpret_cast<__m256i*>(leaves) + v, candidate[v]);
}

#if defined(__AVX512BW__)

template <int tables>
__attribute__((target("avx512vbmi"))) void permuted(const QuickSlot* slots, std::uint32_t count, const std::int8_t* bytes,
                                                    std::uint8_t* leaves) noexcept {
  constexpr int vectors = quick_lanes / 64;
  __m512i table[tables];
  for (int i = 0; i < tables; ++i) table[i] = _mm512_loadu_si512(bytes + 64 * i);
  __m512i candidate[vectors] = {};
  __m512i next = _mm512_setzero_si512();
  for (const QuickSlot* slot = slots; slot != slots + count; ++slot) {
    next = _mm512_sub_epi8(next, _mm512_set1_epi8(-1));
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      const __m512i column = _mm512_load_si512(slot->column + 64 * v);
      __m512i byte = _mm512_permutexvar_epi8(column, table[0]);
      if constexpr (tables == 2) {
        const __mmask64 upper = _mm512_movepi8_mask(_mm512_slli_epi16(column, 1));
        byte = _mm512_mask_permutexvar_epi8(byte, upper, column, table[1]);
      }
      const __mmask64 above = _mm512_cmpgt_epi8_mask(byte, _mm512_load_si512(slot->limit + 64 * v));
      const __mmask64 goes = _mm512_mask_cmpge_epu8_mask(above, candidate[v], _mm512_load_si512(slot->first + 64 * v));
      candidate[v] = _mm512_mask_mov_epi8(candidate[v], goes, next);
    }
  }
  for (int v = 0; v < vectors; ++v) _mm512_storeu_si512(leaves + 64 * v, candidate[v]);
}

#endif

SKLORT_INLINE std::int64_t lanes_of(std::int64_t trees) noexcept { return trees < quick_lanes ? trees : quick_lanes; }

template <Candidates candidates>
void leaves_by(const QuickGroup* groups, std::int64_t trees, const QuickSlot* slots, const std::uint32_t* bases,
               const std::int8_t* bytes, std::uint32_t* payloads) noexcept {
  alignas(64) std::uint8_t leaves[quick_lanes];
  for (; trees > 0; trees -= quick_lanes, ++groups, bases += quick_lanes, payloads += quick_lanes) {
    candidates(slots + groups->first, groups->slots, bytes, leaves);
    for (std::int64_t lane = 0; lane < lanes_of(trees); ++lane) payloads[lane] = bases[lane] + leaves[lane];
  }
}

template <Candidates candidates>
double sum_by(const QuickGroup* groups, std::int64_t trees, const QuickSlot* slots, const std::uint32_t* bases,
              const std::int8_t* bytes, const double* values) noexcept {
  alignas(64) std::uint8_t leaves[quick_lanes];
  double sum = 0;
  for (; trees > 0; trees -= quick_lanes, ++groups, bases += quick_lanes) {
    candidates(slots + groups->first, groups->slots, bytes, leaves);
    for (std::int64_t lane = 0; lane < lanes_of(trees); ++lane) sum += values[bases[lane] + leaves[lane]];
  }
  return sum;
}

void shuffle_leaves(const QuickGroup* groups, std::int64_t trees, const QuickSlot* slots, const std::uint32_t* bases,
                    const std::int8_t* bytes, int columns, std::uint32_t* payloads) noexcept {
  const auto way = columns <= 16 ? leaves_by<shuffled<1>> : columns <= 32 ? leaves_by<shuffled<2>> : leaves_by<shuffled<4>>;
  way(groups, trees, slots, bases, bytes, payloads);
}

double shuffle_sum(const QuickGroup* groups, std::int64_t trees, const QuickSlot* slots, const std::uint32_t* bases,
                   const std::int8_t* bytes, int columns, const double* values) noexcept {
  const auto way = columns <= 16 ? sum_by<shuffled<1>> : columns <= 32 ? sum_by<shuffled<2>> : sum_by<shuffled<4>>;
  return way(groups, trees, slots, bases, bytes, values);
}

constexpr QuickWay by_shuffle = {64, shuffle_leaves, shuffle_sum};

#if defined(__AVX512BW__)

void permute_leaves(const QuickGroup* groups, std::int64_t trees, const QuickSlot* slots, const std::uint32_t* bases,
                    const std::int8_t* bytes, int columns, std::uint32_t* payloads) noexcept {
  const auto way = columns <= 64 ? leaves_by<permuted<1>> : leaves_by<permuted<2>>;
  way(groups, trees, slots, bases, bytes, payloads);
}

double permute_sum(const QuickGroup* groups, std::int64_t trees, const QuickSlot* slots, const std::uint32_t* bases,
                   const std::int8_t* bytes, int columns, const double* values) noexcept {
  const auto way = columns <= 64 ? sum_by<permuted<1>> : sum_by<permuted<2>>;
  return way(groups, trees, slots, bases, bytes, values);
}

constexpr QuickWay by_permutation = {quick_columns, permute_leaves, permute_sum};

#else

constexpr QuickWay by_permutation = {};

#endif

#else

constexpr QuickWay by_shuffle = {};
constexpr QuickWay by_permutation = {};

#endif

}  // namespace

extern const QuickLoops quick_loops = {bin, bin_wide, by_shuffle, by_permutation};

}  // namespace sklort::forest::SKLORT_HOT
