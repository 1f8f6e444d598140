#include "gather.hot.h"

#include "hot.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace sklort::forest::SKLORT_HOT {
namespace {

#if defined(__AVX512BW__)

inline constexpr int lanes = 16;

SKLORT_INLINE __m512i counted() noexcept { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }

SKLORT_INLINE __mmask16 first_lanes(std::int64_t count) noexcept {
  return static_cast<__mmask16>(count >= lanes ? 0xFFFF : count <= 0 ? 0 : (1 << count) - 1);
}

// Keys of many rows: lane i reads from keys + row[i].
struct RowKeys {
  const std::uint32_t* keys;
  SKLORT_INLINE __m512i at(__m512i row, __m512i column) const noexcept {
    return _mm512_i32gather_epi32(_mm512_add_epi32(row, column), keys, 4);
  }
};

// At most 32 keys of one row, in two registers.
struct HeldKeys {
  __m512i low;
  __m512i high;
  SKLORT_INLINE __m512i at(__m512i, __m512i column) const noexcept { return _mm512_permutex2var_epi32(low, column, high); }
};

// One step down of 16 paths, each at node `place`, whose children count from `base`.
template <class Keys>
SKLORT_INLINE __m512i step(const tree::NarrowNode* nodes, __m512i at, __m512i base, const Keys& keys, __m512i row) noexcept {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  const __m512i place = _mm512_add_epi32(at, base);
  const __m512i low = _mm512_i32gather_epi64(_mm512_castsi512_si256(place), nodes, 8);
  const __m512i high = _mm512_i32gather_epi64(_mm512_extracti64x4_epi64(place, 1), nodes, 8);
  const __m512i where = _mm512_permutex2var_epi32(low, even, high);
  const __m512i limit = _mm512_permutex2var_epi32(low, odd, high);
  const __m512i key = keys.at(row, _mm512_and_si512(where, _mm512_set1_epi32(0xFF)));
  const __m512i child = _mm512_srli_epi32(where, 8);
  return _mm512_mask_add_epi32(child, _mm512_cmpgt_epu32_mask(key, limit), child, _mm512_set1_epi32(1));
}

SKLORT_INLINE __m512i payload_of(const tree::NarrowNode* nodes, __m512i place) noexcept {
  return _mm512_i32gather_epi32(place, reinterpret_cast<const std::uint32_t*>(nodes) + 1, 8);
}

// The upper levels, for `vectors` times 16 rows: the number of the exit each row takes.
template <int vectors>
SKLORT_INLINE void descend(const Top& top, const RowKeys& keys, const __m512i (&row)[vectors], __m512i (&at)[vectors]) noexcept {
  const __m512i column[2] = {_mm512_load_si512(top.column), _mm512_load_si512(top.column + 16)};
  const __m512i limit[2] = {_mm512_load_si512(top.limit), _mm512_load_si512(top.limit + 16)};
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) at[v] = _mm512_set1_epi32(1);
  for (std::uint32_t level = 0; level < Top::levels; ++level) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const __m512i key = keys.at(row[v], _mm512_permutex2var_epi32(column[0], at[v], column[1]));
      const __mmask16 right = _mm512_cmpgt_epu32_mask(key, _mm512_permutex2var_epi32(limit[0], at[v], limit[1]));
      at[v] = _mm512_add_epi32(at[v], at[v]);
      at[v] = _mm512_mask_add_epi32(at[v], right, at[v], _mm512_set1_epi32(1));
    }
  }
  // Entries 32 to 63 would follow: counted from 0, they number the exits.
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) at[v] = _mm512_and_si512(at[v], _mm512_set1_epi32(Top::size - 1));
}

// The first nodes that are not in registers; returns their level.
template <int vectors>
SKLORT_INLINE std::int32_t begin(const Top* top, const RowKeys& keys, const __m512i (&row)[vectors],
                                 __m512i (&at)[vectors]) noexcept {
  if (top != nullptr) {
    descend<vectors>(*top, keys, row, at);
    const __m512i exit[2] = {_mm512_load_si512(top->exit), _mm512_load_si512(top->exit + 16)};
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) at[v] = _mm512_permutex2var_epi32(exit[0], at[v], exit[1]);
    return static_cast<std::int32_t>(Top::levels);
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) at[v] = _mm512_setzero_si512();
  return 0;
}

template <int vectors>
SKLORT_INLINE void row_starts(std::int64_t stride, std::int64_t rows, __m512i (&row)[vectors]) noexcept {
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    const __m512i number = _mm512_min_epi32(_mm512_add_epi32(counted(), _mm512_set1_epi32(v * lanes)),
                                            _mm512_set1_epi32(static_cast<int>(rows) - 1));
    row[v] = _mm512_mullo_epi32(number, _mm512_set1_epi32(static_cast<int>(stride)));
  }
}

// A tree whose paths are about equally long: every row takes every step.
template <int vectors>
SKLORT_INLINE void even_rows(const tree::NarrowNode* nodes, const Top* top, const std::uint32_t* keys, std::int64_t stride,
                             std::int64_t rows, std::int32_t depth, std::uint32_t* payloads) noexcept {
  __m512i row[vectors];
  __m512i at[vectors];
  row_starts<vectors>(stride, rows, row);
  for (std::int32_t level = begin<vectors>(top, {keys}, row, at); level < depth; ++level) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) at[v] = step(nodes, at[v], _mm512_setzero_si512(), RowKeys{keys}, row[v]);
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v)
    _mm512_mask_storeu_epi32(payloads + v * lanes, first_lanes(rows - v * lanes), payload_of(nodes, at[v]));
}

inline constexpr int crowd = 256;

// Rows on their way through a tree: which ones, and where they are. Those that have arrived leave, the others close up.
struct Crowd {
  alignas(64) std::uint32_t numbers[crowd + lanes];
  alignas(64) std::uint32_t places[crowd + lanes];
  int active;
};

void walk_on(const tree::NarrowNode* nodes, const std::uint32_t* keys, std::int64_t stride, Crowd& rows,
             std::uint32_t* payloads) noexcept {
  constexpr int levels = 4;  // before the rows close up
  const __m512i width = _mm512_set1_epi32(static_cast<int>(stride));
  while (rows.active > 0) {
    int kept = 0;
    for (int first = 0; first < rows.active; first += 4 * lanes) {
      __m512i number[4];
      __m512i row[4];
      __m512i at[4];
      __m512i before[4];
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        const __mmask16 here = first_lanes(rows.active - first - v * lanes);
        number[v] = _mm512_maskz_loadu_epi32(here, rows.numbers + first + v * lanes);
        at[v] = _mm512_maskz_loadu_epi32(here, rows.places + first + v * lanes);
        row[v] = _mm512_mullo_epi32(number[v], width);
      }
#pragma GCC unroll 4
      for (int level = 0; level < levels; ++level) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) {
          before[v] = at[v];
          at[v] = step(nodes, at[v], _mm512_setzero_si512(), RowKeys{keys}, row[v]);
        }
      }
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        const __mmask16 here = first_lanes(rows.active - first - v * lanes);
        const __mmask16 moved = _mm512_mask_cmpneq_epi32_mask(here, at[v], before[v]);
        const __mmask16 arrived = static_cast<__mmask16>(here & ~moved);
        if (arrived != 0) _mm512_mask_i32scatter_epi32(payloads, arrived, number[v], payload_of(nodes, at[v]), 4);
        _mm512_storeu_si512(rows.places + kept, _mm512_maskz_compress_epi32(moved, at[v]));
        _mm512_storeu_si512(rows.numbers + kept, _mm512_maskz_compress_epi32(moved, number[v]));
        kept += __builtin_popcount(moved);
      }
    }
    rows.active = kept;
  }
}

void uneven_rows(const tree::NarrowNode* nodes, const Top* top, const std::uint32_t* keys, std::int64_t stride, std::int64_t rows,
                 std::uint32_t* payloads) noexcept {
  Crowd going;
  going.active = static_cast<int>(rows);
  for (int first = 0; first < rows; first += 4 * lanes) {
    __m512i row[4];
    __m512i at[4];
    row_starts<4>(stride, rows - first, row);
    begin<4>(top, {keys + first * stride}, row, at);
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      _mm512_storeu_si512(going.places + first + v * lanes, at[v]);
      _mm512_storeu_si512(going.numbers + first + v * lanes, _mm512_add_epi32(counted(), _mm512_set1_epi32(first + v * lanes)));
    }
  }
  walk_on(nodes, keys, stride, going, payloads);
}

void tree(const tree::NarrowNode* nodes, const Top* top, const std::uint32_t* keys, std::int64_t stride, std::int64_t rows,
          std::int32_t depth, bool even, std::uint32_t* payloads) noexcept {
  std::int64_t at = 0;
  if (!even) {
    for (; at < rows; at += crowd) {
      const std::int64_t here = rows - at < crowd ? rows - at : crowd;
      uneven_rows(nodes, top, keys + at * stride, stride, here, payloads + at);
    }
    return;
  }
  for (; rows - at >= 4 * lanes; at += 4 * lanes)
    even_rows<4>(nodes, top, keys + at * stride, stride, 4 * lanes, depth, payloads + at);
  if (rows - at > 2 * lanes) return even_rows<4>(nodes, top, keys + at * stride, stride, rows - at, depth, payloads + at);
  if (rows - at > lanes) return even_rows<2>(nodes, top, keys + at * stride, stride, rows - at, depth, payloads + at);
  if (rows - at > 0) even_rows<1>(nodes, top, keys + at * stride, stride, rows - at, depth, payloads + at);
}

template <int vectors, class Keys>
SKLORT_INLINE void trees_of(const tree::NarrowNode* nodes, const std::size_t* first, std::int64_t first_stride,
                            std::int64_t trees, const Keys& keys, std::int32_t depth, bool even,
                            std::uint32_t* payloads) noexcept {
  alignas(64) std::uint32_t places[vectors * lanes];
  nodes += first[0];
  for (int i = 0; i < vectors * lanes; ++i)
    places[i] = static_cast<std::uint32_t>(first[(i < trees ? i : trees - 1) * first_stride] - first[0]);
  __m512i base[vectors];
  __m512i at[vectors];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) {
    base[v] = _mm512_load_si512(places + v * lanes);
    at[v] = _mm512_setzero_si512();
  }
  for (std::int32_t level = 0; level < depth; ++level) {
    __mmask16 moved = 0;
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      const __m512i next = step(nodes, at[v], base[v], keys, _mm512_setzero_si512());
      moved = static_cast<__mmask16>(moved | _mm512_cmpneq_epi32_mask(next, at[v]));
      at[v] = next;
    }
    if (!even && moved == 0) break;
  }
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v)
    _mm512_mask_storeu_epi32(payloads + v * lanes, first_lanes(trees - v * lanes),
                             payload_of(nodes, _mm512_add_epi32(at[v], base[v])));
}

template <class Keys>
SKLORT_INLINE void row_with(const tree::NarrowNode* nodes, const std::size_t* first, std::int64_t first_stride,
                            std::int64_t trees, const Keys& keys, std::int32_t depth, bool even,
                            std::uint32_t* payloads) noexcept {
  while (trees > 0) {
    if (trees > 4 * lanes) {
      trees_of<8>(nodes, first, first_stride, trees, keys, depth, even, payloads);
    } else if (trees > 2 * lanes) {
      trees_of<4>(nodes, first, first_stride, trees, keys, depth, even, payloads);
    } else {
      trees_of<2>(nodes, first, first_stride, trees, keys, depth, even, payloads);
    }
    const std::int64_t done = trees > 4 * lanes ? 8 * lanes : 4 * lanes;
    first += done * first_stride;
    payloads += done;
    trees -= done;
  }
}

void row(const tree::NarrowNode* nodes, const std::size_t* first, std::int64_t first_stride, std::int64_t trees,
         const std::uint32_t* keys, std::int64_t columns, std::int32_t depth, bool even, std::uint32_t* payloads) noexcept {
  if (columns <= 2 * lanes) {
    const HeldKeys held{_mm512_maskz_loadu_epi32(first_lanes(columns), keys),
                        _mm512_maskz_loadu_epi32(first_lanes(columns - lanes), keys + lanes)};
    return row_with(nodes, first, first_stride, trees, held, depth, even, payloads);
  }
  row_with(nodes, first, first_stride, trees, RowKeys{keys}, depth, even, payloads);
}

#elif defined(__AVX2__)

inline constexpr int lanes = 8;

SKLORT_INLINE __m256i counted() noexcept { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }

// One step down of 8 paths; see above.
SKLORT_INLINE __m256i step(const tree::NarrowNode* nodes, __m256i at, __m256i base, const std::uint32_t* keys,
                           __m256i row) noexcept {
  const auto* words = reinterpret_cast<const int*>(nodes);
  const __m256i place = _mm256_add_epi32(at, base);
  const __m256i where = _mm256_i32gather_epi32(words, place, 8);
  const __m256i limit = _mm256_i32gather_epi32(words + 1, place, 8);
  const __m256i column = _mm256_and_si256(where, _mm256_set1_epi32(0xFF));
  const __m256i key = _mm256_i32gather_epi32(reinterpret_cast<const int*>(keys), _mm256_add_epi32(row, column), 4);
  const __m256i at_most = _mm256_cmpeq_epi32(_mm256_max_epu32(key, limit), limit);  // -1 where it is
  return _mm256_add_epi32(_mm256_add_epi32(_mm256_srli_epi32(where, 8), _mm256_set1_epi32(1)), at_most);
}

// `vectors` times 8 paths to their ends.
template <int vectors>
SKLORT_INLINE void follow(const tree::NarrowNode* nodes, const __m256i (&base)[vectors], const std::uint32_t* keys,
                          const __m256i (&row)[vectors], std::int32_t depth, bool even, std::int64_t count,
                          std::uint32_t* payloads) noexcept {
  __m256i at[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) at[v] = _mm256_setzero_si256();
  for (std::int32_t level = 0; level < depth; ++level) {
    __m256i moved = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const __m256i next = step(nodes, at[v], base[v], keys, row[v]);
      moved = _mm256_or_si256(moved, _mm256_xor_si256(next, at[v]));
      at[v] = next;
    }
    if (!even && _mm256_testz_si256(moved, moved) != 0) break;
  }
  const auto* words = reinterpret_cast<const int*>(nodes) + 1;
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    const __m256i here = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count) - v * lanes), counted());
    const __m256i payload = _mm256_i32gather_epi32(words, _mm256_add_epi32(at[v], base[v]), 8);
    _mm256_maskstore_epi32(reinterpret_cast<int*>(payloads) + v * lanes, here, payload);
  }
}

template <int vectors>
SKLORT_INLINE void rows_of(const tree::NarrowNode* nodes, const std::uint32_t* keys, std::int64_t stride, std::int64_t rows,
                           std::int32_t depth, bool even, std::uint32_t* payloads) noexcept {
  __m256i base[vectors];
  __m256i row[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    base[v] = _mm256_setzero_si256();
    const __m256i number = _mm256_min_epi32(_mm256_add_epi32(counted(), _mm256_set1_epi32(v * lanes)),
                                            _mm256_set1_epi32(static_cast<int>(rows) - 1));
    row[v] = _mm256_mullo_epi32(number, _mm256_set1_epi32(static_cast<int>(stride)));
  }
  follow<vectors>(nodes, base, keys, row, depth, even, rows, payloads);
}

void tree(const tree::NarrowNode* nodes, const Top*, const std::uint32_t* keys, std::int64_t stride, std::int64_t rows,
          std::int32_t depth, bool even, std::uint32_t* payloads) noexcept {
  std::int64_t at = 0;
  for (; rows - at >= 4 * lanes; at += 4 * lanes)
    rows_of<4>(nodes, keys + at * stride, stride, 4 * lanes, depth, even, payloads + at);
  if (rows - at > lanes) return rows_of<4>(nodes, keys + at * stride, stride, rows - at, depth, even, payloads + at);
  if (rows - at > 0) rows_of<1>(nodes, keys + at * stride, stride, rows - at, depth, even, payloads + at);
}

void row(const tree::NarrowNode* nodes, const std::size_t* first, std::int64_t first_stride, std::int64_t trees,
         const std::uint32_t* keys, std::int64_t, std::int32_t depth, bool even, std::uint32_t* payloads) noexcept {
  constexpr int vectors = 4;
  for (; trees > 0; trees -= vectors * lanes, first += vectors * lanes * first_stride, payloads += vectors * lanes) {
    alignas(32) std::uint32_t places[vectors * lanes];
    for (int i = 0; i < vectors * lanes; ++i)
      places[i] = static_cast<std::uint32_t>(first[(i < trees ? i : trees - 1) * first_stride] - first[0]);
    __m256i base[vectors];
    __m256i row[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      base[v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(places + v * lanes));
      row[v] = _mm256_setzero_si256();
    }
    follow<vectors>(nodes + first[0], base, keys, row, depth, even, trees, payloads);
  }
}

#endif

}  // namespace

#if defined(__AVX2__)
extern const GatherLoops gather_loops = {tree, row};
#else
extern const GatherLoops gather_loops = {nullptr, nullptr};
#endif

}  // namespace sklort::forest::SKLORT_HOT
