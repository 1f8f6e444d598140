// Products of rows with a packed matrix. Whatever n is, an element of the product is added up in one order, which k and m fix:
//
// - panels, lanes along m: up to three vectors of columns at a time; k is cut into segments, each added up from its first row
//   to its last, and then the segments. The segments exist for the single row, which takes them at once so as not to wait for
//   each addition.
// - dots, lanes along k, when m is small: four vectors take every fourth one along k, are added, then halved until one number
//   remains. As many rows as there are lanes are halved together.
//
// Compiled with contraction: on machines that have it, each multiplication and addition is one fused operation.
#include "dense.hot.h"

#include "simd.h"
#include "transpose.h"

namespace sklort::SKLORT_HOT {
namespace {

// Rows at once and the vectors of columns for them, by the number of registers.
#if defined(__AVX512F__)
constexpr int block = 8;
#else
constexpr int block = 4;
#endif
constexpr std::int64_t panel_vectors = 3;
constexpr std::int64_t segments = 4;
constexpr std::int64_t worth_segments = 16;

constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }

template <class T>
bool use_dots(std::int64_t k, std::int64_t m) noexcept {
  constexpr std::int64_t halving = 4;  // in multiplications
  return m <= 4 && m * (divide_up(k, lanes<T>) + halving) < k * divide_up(m, lanes<T>);
}

template <class T>
void copy(const T* from, std::int64_t count, T* to) noexcept {
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
}

// --- panels ---------------------------------------------------------------------------------------------------------

// Calls function(first, vectors) for panels of at most three vectors, as even as possible.
template <class Function>
SKLORT_INLINE void for_panels(std::int64_t vectors, Function function) noexcept {
  std::int64_t panels = divide_up(vectors, panel_vectors);
  for (std::int64_t first = 0; first < vectors; --panels) {
    const std::int64_t width = divide_up(vectors - first, panels);
    function(first, width);
    first += width;
  }
}

constexpr std::int64_t segment_end(std::int64_t segment, std::int64_t k) noexcept {
  return segment == segments - 1 ? k : (segment + 1) * (k / segments);
}

// out[r][v]: `rows` rows times a panel.
template <class T, int rows, int V>
SKLORT_INLINE void multiply_rows(const T* x, std::int64_t k, const T* w, Vector<T> (&out)[rows][V]) noexcept {
  const auto segment = [&](std::int64_t first, std::int64_t last, Vector<T>(&sum)[rows][V]) {
    for (std::int64_t i = first; i < last; ++i) {
      Vector<T> column[V];
      for (int v = 0; v < V; ++v) column[v] = load(w + (i * V + v) * lanes<T>);
      for (int r = 0; r < rows; ++r) {
        const Vector<T> value = broadcast(x[r * k + i]);
        for (int v = 0; v < V; ++v) sum[r][v] += value * column[v];
      }
    }
  };
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < V; ++v) out[r][v] = Vector<T>{};
  }
  if (k < worth_segments) return segment(0, k, out);
  segment(0, segment_end(0, k), out);
  for (std::int64_t s = 1; s < segments; ++s) {
    Vector<T> sum[rows][V] = {};
    segment(segment_end(s - 1, k), segment_end(s, k), sum);
    for (int r = 0; r < rows; ++r) {
      for (int v = 0; v < V; ++v) out[r][v] += sum[r][v];
    }
  }
}

// The same for one row: its segments side by side.
template <class T, int V>
SKLORT_INLINE void multiply_row(const T* x, std::int64_t k, const T* w, Vector<T> (&out)[1][V]) noexcept {
  if (k < worth_segments) return multiply_rows<T, 1, V>(x, k, w, out);
  Vector<T> sum[segments][V] = {};
  const std::int64_t step = k / segments;
  for (std::int64_t i = 0; i < step; ++i) {
    for (std::int64_t s = 0; s < segments; ++s) {
      const Vector<T> value = broadcast(x[s * step + i]);
      for (int v = 0; v < V; ++v) sum[s][v] += value * load(w + ((s * step + i) * V + v) * lanes<T>);
    }
  }
  for (std::int64_t i = segments * step; i < k; ++i) {
    const Vector<T> value = broadcast(x[i]);
    for (int v = 0; v < V; ++v) sum[segments - 1][v] += value * load(w + (i * V + v) * lanes<T>);
  }
  for (int v = 0; v < V; ++v) {
    out[0][v] = sum[0][v];
    for (std::int64_t s = 1; s < segments; ++s) out[0][v] += sum[s][v];
  }
}

// Writes `width` columns of each row. `room`: how many elements may be written after the first of the first row; what a row
// writes too much is overwritten by the next ones, where the panel is the only one.
template <class T, int rows, int V>
SKLORT_INLINE void finish(const Vector<T> (&out)[rows][V], const T* bias, T* y, std::int64_t stride, std::int64_t width,
                          std::int64_t room) noexcept {
  for (int r = 0; r < rows; ++r) {
    if (r * stride + V * lanes<T> <= room) {
      for (int v = 0; v < V; ++v) store(y + r * stride + v * lanes<T>, out[r][v] + load(bias + v * lanes<T>));
    } else {
      alignas(vector_bytes) T last[V * lanes<T>];
      for (int v = 0; v < V; ++v) store(last + v * lanes<T>, out[r][v] + load(bias + v * lanes<T>));
      copy(last, width, y + r * stride);
    }
  }
}

template <class T, int V>
void panel(const PackedMatrix<T>& matrix, std::int64_t first, const T* x, std::int64_t n, T* y, std::int64_t stride) noexcept {
  const std::int64_t k = matrix.k;
  const std::int64_t m = matrix.m;
  const std::int64_t column = first * lanes<T>;
  const T* w = matrix.weights + column * k;
  const T* bias = matrix.bias + column;
  const std::int64_t rest = m - column;
  const std::int64_t width = rest < V * lanes<T> ? rest : V * lanes<T>;
  const bool only = first == 0 && width == m;
  const bool padded = width == V * lanes<T> || column + V * lanes<T> <= stride;
  const auto room = [&](std::int64_t row) { return padded ? INT64_MAX : only && stride == m ? (n - row) * m : 0; };
  std::int64_t row = 0;
  for (; row + block <= n; row += block) {
    Vector<T> out[block][V];
    if (first == 0) {
      const char* ahead = reinterpret_cast<const char*>(x + (row + 2 * block) * k);
      const std::int64_t bytes = block * k * static_cast<std::int64_t>(sizeof(T));
      for (std::int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(ahead + i);
    }
    multiply_rows<T, block, V>(x + row * k, k, w, out);
    finish<T, block, V>(out, bias, y + row * stride + column, stride, width, room(row));
  }
  for (; row < n; ++row) {
    Vector<T> out[1][V];
    multiply_row<T, V>(x + row * k, k, w, out);
    finish<T, 1, V>(out, bias, y + row * stride + column, stride, width, room(row));
  }
}

template <class T>
void panels(const PackedMatrix<T>& matrix, const T* x, std::int64_t n, T* y, std::int64_t stride) noexcept {
  for_panels(divide_up(matrix.m, lanes<T>), [&](std::int64_t first, std::int64_t vectors) {
    if (vectors == 1) {
      panel<T, 1>(matrix, first, x, n, y, stride);
    } else if (vectors == 2) {
      panel<T, 2>(matrix, first, x, n, y, stride);
    } else {
      panel<T, 3>(matrix, first, x, n, y, stride);
    }
  });
}

template <class T>
void pack_panels(const T* from, std::int64_t row_stride, std::int64_t column_stride, std::int64_t k, std::int64_t m,
                 T* to) noexcept {
  for_panels(divide_up(m, lanes<T>), [&](std::int64_t first, std::int64_t vectors) {
    const std::int64_t left = first * lanes<T>;
    const std::int64_t width = vectors * lanes<T>;
    const std::int64_t filled = m - left < width ? m - left : width;
    for (std::int64_t i = 0; i < k; ++i) {
      for (std::int64_t j = 0; j < filled; ++j) to[j] = from[i * row_stride + (left + j) * column_stride];
      for (std::int64_t j = filled; j < width; ++j) to[j] = T{0};
      to += width;
    }
  });
}

// --- dots -----------------------------------------------------------------------------------------------------------

// In groups of `size` lanes, adds the second half of each group to the first; the halves of `b` follow those of `a`.
template <class T, int size, int... index>
SKLORT_INLINE Vector<T> halve(Vector<T> a, Vector<T> b, Indices<index...>) noexcept {
  constexpr int half = size / 2;
  return pick<T, (index / half * size + index % half)...>(a, b) + pick<T, (index / half * size + index % half + half)...>(a, b);
}

// Lane i: the sum over the lanes of vectors[i].
template <class T, int size = static_cast<int>(lanes<T>)>
SKLORT_INLINE Vector<T> sums(const Vector<T>* vectors) noexcept {
  if constexpr (size == 1) {
    return vectors[0];
  } else {
    Vector<T> halves[size / 2];
    for (int i = 0; i < size / 2; ++i) {
      halves[i] = halve<T, size>(vectors[2 * i], vectors[2 * i + 1], Lanes<T>{});
    }
    return sums<T, size / 2>(halves);
  }
}

// x times one column, not yet added up along the lanes: `full` vectors, of which there are `few` where that is not negative, and
// the `tail`, the last vector of x with zeros beyond its end.
template <class T, int few>
SKLORT_INLINE Vector<T> products(const T* x, std::int64_t full, const T* w, Vector<T> tail) noexcept {
  Vector<T> sum[4] = {};
  std::int64_t i = 0;
  if constexpr (few < 0) {
    for (; i + 4 <= full; i += 4) {
      for (int a = 0; a < 4; ++a) sum[a] += load(x + (i + a) * lanes<T>) * load(w + (i + a) * lanes<T>);
    }
  }
  for (int a = 0; a < (few < 0 ? 3 : few); ++a) {
    if (few >= 0 || i + a < full) sum[a] += load(x + (i + a) * lanes<T>) * load(w + (i + a) * lanes<T>);
  }
  sum[3] += tail * load(w + full * lanes<T>);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

template <class T>
using Mask = decltype(Vector<T>{} < Vector<T>{});

// As many rows as there are lanes, or `rows` of them. The vector that holds a row's tail may reach into the rows behind it, but
// not past `end`.
template <class T, int few, bool all>
SKLORT_INLINE void dot_block(const PackedMatrix<T>& matrix, std::int64_t full, Mask<T> inside, const T* x, std::int64_t rows,
                             const T* end, T* y, std::int64_t stride) noexcept {
  constexpr std::int64_t L = lanes<T>;
  const std::int64_t k = matrix.k;
  const std::int64_t m = matrix.m;
  Vector<T> tails[L] = {};
  for (std::int64_t r = 0; r < (all ? L : rows); ++r) {
    const T* last = x + r * k + full * L;
    if (all || end - last >= L) {
      tails[r] = inside ? load(last) : Vector<T>{};
    } else {
      alignas(vector_bytes) T padded[L] = {};
      copy(last, k - full * L, padded);
      tails[r] = load(padded);
    }
  }
  for (std::int64_t j = 0; j < m; ++j) {
    const T* w = matrix.weights + j * (full + 1) * L;
    Vector<T> partial[L] = {};
    for (std::int64_t r = 0; r < (all ? L : rows); ++r) partial[r] = products<T, few>(x + r * k, full, w, tails[r]);
    const Vector<T> result = sums<T>(partial) + matrix.bias[j];
    if (all && stride == 1) {
      store(y, result);
    } else {
      alignas(vector_bytes) T column[L];
      store(column, result);
      for (std::int64_t r = 0; r < (all ? L : rows); ++r) y[r * stride + j] = column[r];
    }
  }
}

template <class T, int few>
void dots(const PackedMatrix<T>& matrix, std::int64_t full, const T* x, std::int64_t n, T* y, std::int64_t stride) noexcept {
  constexpr std::int64_t L = lanes<T>;
  const std::int64_t k = matrix.k;
  const T* end = x + n * k;
  Mask<T> inside;
  for (std::int64_t lane = 0; lane < L; ++lane) inside[lane] = lane < k - full * L ? -1 : 0;
  std::int64_t row = 0;
  for (; row + L <= n && end - (x + (row + L - 1) * k + full * L) >= L; row += L) {
    dot_block<T, few, true>(matrix, full, inside, x + row * k, L, end, y + row * stride, stride);
  }
  for (; row < n; row += L) {
    dot_block<T, few, false>(matrix, full, inside, x + row * k, n - row < L ? n - row : L, end, y + row * stride, stride);
  }
}

template <class T>
void dots(const PackedMatrix<T>& matrix, const T* x, std::int64_t n, T* y, std::int64_t stride) noexcept {
  const std::int64_t full = (matrix.k - 1) / lanes<T>;  // vectors before the last one, which may be partial
  switch (full) {
    case 0:
      return dots<T, 0>(matrix, full, x, n, y, stride);
    case 1:
      return dots<T, 1>(matrix, full, x, n, y, stride);
    case 2:
      return dots<T, 2>(matrix, full, x, n, y, stride);
    case 3:
      return dots<T, 3>(matrix, full, x, n, y, stride);
    default:
      return dots<T, -1>(matrix, full, x, n, y, stride);
  }
}

template <class T>
void pack_dots(const T* from, std::int64_t row_stride, std::int64_t column_stride, std::int64_t k, std::int64_t m,
               T* to) noexcept {
  const std::int64_t padded = divide_up(k, lanes<T>) * lanes<T>;
  for (std::int64_t j = 0; j < m; ++j) {
    for (std::int64_t i = 0; i < k; ++i) to[i] = from[i * row_stride + j * column_stride];
    for (std::int64_t i = k; i < padded; ++i) to[i] = T{0};
    to += padded;
  }
}

// --- the table ------------------------------------------------------------------------------------------------------

template <class T>
std::int64_t weights_size(std::int64_t k, std::int64_t m) noexcept {
  if (use_dots<T>(k, m)) return m * divide_up(k, lanes<T>) * lanes<T>;
  return k * divide_up(m, lanes<T>) * lanes<T>;
}

template <class T>
std::int64_t size(std::int64_t k, std::int64_t m) noexcept {
  return weights_size<T>(k, m) + divide_up(m, lanes<T>) * lanes<T>;
}

template <class T>
PackedMatrix<T> pack(const T* from, std::int64_t row_stride, std::int64_t column_stride, std::int64_t k, std::int64_t m,
                     const T* bias, T* memory) noexcept {
  if (use_dots<T>(k, m)) {
    pack_dots(from, row_stride, column_stride, k, m, memory);
  } else {
    pack_panels(from, row_stride, column_stride, k, m, memory);
  }
  T* added = memory + weights_size<T>(k, m);
  for (std::int64_t j = 0; j < divide_up(m, lanes<T>) * lanes<T>; ++j) added[j] = bias != nullptr && j < m ? bias[j] : -T{0};
  return {k, m, memory, added};
}

template <class T>
void rows(const PackedMatrix<T>& matrix, const T* x, std::int64_t n, T* y, std::int64_t stride) noexcept {
  if (use_dots<T>(matrix.k, matrix.m)) {
    dots(matrix, x, n, y, stride);
  } else {
    panels(matrix, x, n, y, stride);
  }
}

}  // namespace

extern const DenseLoops<float> dense_floats = {size<float>, pack<float>, rows<float>};
extern const DenseLoops<double> dense_doubles = {size<double>, pack<double>, rows<double>};

}  // namespace sklort::SKLORT_HOT
