// From rows of scores to classes and probabilities. Rows lie in lanes: a block of as many rows as there are lanes is transposed,
// so that the maximum, the sum and the exponentials of all of them are taken at once, and transposed back. A row alone is not
// worth that; it sees the same operations in the same order.
#include "scores.hot.h"

#include "pairwise.h"
#include "simd_math.h"
#include "transpose.h"

namespace sklort::SKLORT_HOT {
namespace {

template <class T>
using Index = decltype(Vector<T>{} < Vector<T>{});

constexpr std::int64_t most_columns = 128;  // of a block: a longer row is work enough by itself

constexpr std::int64_t least(std::int64_t a, std::int64_t b) noexcept { return a < b ? a : b; }

// x takes the lead from `best`.
template <class T>
SKLORT_INLINE Index<T> leads(Vector<T> x, Vector<T> best, bool nan_wins) noexcept {
  return nan_wins ? (~(x <= best)) & (best == best) : x > best;
}

template <class T>
SKLORT_INLINE bool leads(T x, T best, bool nan_wins) noexcept {
  return nan_wins ? !(x <= best) & (best == best) : x > best;
}

// --- one row --------------------------------------------------------------------------------------------------------

template <class T>
std::int32_t best_of(const T* x, std::int64_t columns, bool nan_wins) noexcept {
  std::int32_t found = 0;
  T most = x[0];
  for (std::int64_t i = 1; i < columns; ++i) {
    const bool better = leads(x[i], most, nan_wins);
    found = better ? static_cast<std::int32_t>(i) : found;
    most = better ? x[i] : most;
  }
  return found;
}

template <class T>
void softmax_row(const T* x, std::int64_t columns, T* out) noexcept {
  constexpr std::int64_t L = lanes<T>;
  T most = x[0];
  for (std::int64_t i = 1; i < columns; ++i) most = x[i] > most ? x[i] : most;
  if (columns <= most_columns) {  // beyond the columns there is padding, whatever it holds
    alignas(vector_bytes) T powers[most_columns];
    std::int64_t left = 0;
    do {  // there is a column
      store(powers + left, exp<T>(load(x + left) - most));
      left += L;
    } while (left < columns);
    const T total = static_cast<T>(pairwise<Itself>(powers, columns));
    left = 0;
    for (; left + L <= columns; left += L) store(out + left, part_of<T>(load(powers + left), broadcast(total)));
    if (left == columns) return;
    store(powers, part_of<T>(load(powers + left), broadcast(total)));
    for (std::int64_t i = 0; left + i < columns; ++i) out[left + i] = powers[i];
    return;
  }
  map(x, out, columns, [=](Vector<T> score) noexcept { return exp<T>(score - most); });
  const T total = static_cast<T>(pairwise<Itself>(out, columns));
  map(out, columns, [=](Vector<T> power) noexcept { return part_of<T>(power, broadcast(total)); });
}

template <class T>
void link_row(Link link, const T* x, std::int64_t columns, T* out) noexcept {
  switch (link) {
    case Link::softmax:
      return softmax_row(x, columns, out);
    case Link::logistic:
      return map(x, out, columns, [](Vector<T> value) noexcept { return logistic<T>(value); });
    default:
      for (std::int64_t i = 0; i < columns; ++i) out[i] = x[i];
  }
}

template <class T>
void finish_rows(const ScoreTask& task, const T* scores, std::int64_t n, std::int32_t* best, T* out) noexcept {
  for (std::int64_t row = 0; row < n; ++row) {
    const T* x = scores + row * task.stride;
    T* to = out == nullptr ? nullptr : out + row * task.columns;
    if (to != nullptr) link_row(task.link, x, task.columns, to);
    if (best != nullptr) best[row] = best_of(task.linked ? to : x, task.columns, task.nan_wins);
  }
}

// --- blocks of rows -------------------------------------------------------------------------------------------------

// The block's scores with rows in lanes: column i is tile[i * L].
template <class T>
SKLORT_INLINE void gather(const ScoreTask& task, const T* scores, std::int64_t rows, T* tile) noexcept {
  constexpr std::int64_t L = lanes<T>;
  for (std::int64_t left = 0; left < task.columns; left += L) {
    Vector<T> part[L];
    if (rows == L) {
      for (std::int64_t r = 0; r < L; ++r) part[r] = load(scores + r * task.stride + left);
    } else {
      for (std::int64_t r = 0; r < L; ++r) part[r] = r < rows ? load(scores + r * task.stride + left) : Vector<T>{};
    }
    transpose<T>(part);
    for (std::int64_t i = 0; i < L; ++i) store(tile + (left + i) * L, part[i]);
  }
}

// The other way, into rows that follow each other. The last columns come first: what a row writes too much falls on columns that
// are yet to be written, except at the end of the block.
template <class T>
SKLORT_INLINE void scatter(const T* tile, std::int64_t columns, std::int64_t rows, T* out, bool more) noexcept {
  constexpr std::int64_t L = lanes<T>;
  const T* end = out + (more ? L + rows * columns : rows * columns);
  for (std::int64_t left = (columns - 1) / L * L; left >= 0; left -= L) {
    Vector<T> part[L];
    for (std::int64_t i = 0; i < L; ++i) part[i] = load(tile + (left + i) * L);
    transpose<T>(part);
    const std::int64_t width = least(L, columns - left);
    for (std::int64_t r = 0; r < rows; ++r) {
      T* to = out + r * columns + left;
      if (end - to >= L) {
        store(to, part[r]);
      } else {
        alignas(vector_bytes) T last[L];
        store(last, part[r]);
        for (std::int64_t i = 0; i < width; ++i) to[i] = last[i];
      }
    }
  }
}

template <class T>
SKLORT_INLINE void write(Index<T> found, std::int64_t rows, std::int32_t* best) noexcept {
  if (rows == lanes<T>) {
    for (std::int64_t r = 0; r < lanes<T>; ++r) best[r] = static_cast<std::int32_t>(found[r]);
  } else {
    for (std::int64_t r = 0; r < rows; ++r) best[r] = static_cast<std::int32_t>(found[r]);
  }
}

// A vector in double: as many vectors as its elements need.
template <class T>
struct Wide {
  static constexpr int count = static_cast<int>(sizeof(double) / sizeof(T));
  Vector<double> part[count];
};

SKLORT_INLINE Wide<double> widen(const double* from) noexcept { return {{load(from)}}; }
SKLORT_INLINE Wide<float> widen(const float* from) noexcept {
  typedef float Half __attribute__((vector_size(vector_bytes / 2), may_alias));
  const auto* halves = reinterpret_cast<const Half*>(from);
  return {{__builtin_convertvector(halves[0], Vector<double>), __builtin_convertvector(halves[1], Vector<double>)}};
}

SKLORT_INLINE Vector<double> narrow(const Wide<double>& wide) noexcept { return wide.part[0]; }
SKLORT_INLINE Vector<float> narrow(const Wide<float>& wide) noexcept {
  typedef float Half __attribute__((vector_size(vector_bytes / 2), may_alias));
  alignas(vector_bytes) float both[lanes<float>];
  auto* halves = reinterpret_cast<Half*>(both);
  for (int i = 0; i < 2; ++i) halves[i] = __builtin_convertvector(wide.part[i], Half);
  return load(both);
}

template <class T>
SKLORT_INLINE Wide<T> operator+(Wide<T> a, const Wide<T>& b) noexcept {
  for (int i = 0; i < Wide<T>::count; ++i) a.part[i] += b.part[i];
  return a;
}

// The sum of the columns, in the order of `pairwise`.
template <class T>
SKLORT_INLINE Vector<T> sum_columns(const T* tile, std::int64_t columns) noexcept {
  constexpr std::int64_t L = lanes<T>;
  Wide<T> total{};
  std::int64_t i = 0;
  if (columns >= 8) {
    Wide<T> sums[8];
    for (int k = 0; k < 8; ++k) sums[k] = widen(tile + k * L);
    for (i = 8; i + 8 <= columns; i += 8) {
      for (int k = 0; k < 8; ++k) sums[k] = sums[k] + widen(tile + (i + k) * L);
    }
    total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  }
  for (; i < columns; ++i) total = total + widen(tile + i * L);
  return narrow(total);
}

template <class T>
SKLORT_INLINE void link_tile(Link link, std::int64_t columns, T* tile) noexcept {
  constexpr std::int64_t L = lanes<T>;
  if (link == Link::logistic) {
    for (std::int64_t i = 0; i < columns; ++i) store(tile + i * L, logistic<T>(load(tile + i * L)));
  }
  if (link != Link::softmax) return;
  Vector<T> most = load(tile);
  for (std::int64_t i = 1; i < columns; ++i) {
    const Vector<T> x = load(tile + i * L);
    most = x > most ? x : most;
  }
  for (std::int64_t i = 0; i < columns; ++i) store(tile + i * L, exp<T>(load(tile + i * L) - most));
  const Vector<T> total = sum_columns(tile, columns);
  for (std::int64_t i = 0; i < columns; ++i) store(tile + i * L, part_of<T>(load(tile + i * L), total));
}

template <class T>
SKLORT_INLINE void choose(const ScoreTask& task, const T* tile, std::int64_t rows, std::int32_t* best) noexcept {
  Index<T> found{};
  Vector<T> most = load(tile);
  for (std::int64_t i = 1; i < task.columns; ++i) {
    const Vector<T> x = load(tile + i * lanes<T>);
    const Index<T> better = leads<T>(x, most, task.nan_wins);
    found = better ? Index<T>{} + static_cast<std::int32_t>(i) : found;
    most = better ? x : most;
  }
  write<T>(found, rows, best);
}

template <class T>
void finish_block(const ScoreTask& task, const T* scores, std::int64_t rows, std::int32_t* best, T* out, bool more) noexcept {
  constexpr std::int64_t L = lanes<T>;
  alignas(vector_bytes) T tile[most_columns * L];
  gather<T>(task, scores, rows, tile);
  if (best != nullptr && !task.linked) choose(task, tile, rows, best);
  if (out == nullptr) return;
  link_tile(task.link, task.columns, tile);
  if (best != nullptr && task.linked) choose(task, tile, rows, best);
  scatter<T>(tile, task.columns, rows, out, more);
}

// --- one score a row ------------------------------------------------------------------------------------------------

// Two numbers for each of `rows` rows.
template <class T>
SKLORT_INLINE void write_pairs(Vector<T> first, Vector<T> second, std::int64_t rows, T* out) noexcept {
  constexpr std::int64_t L = lanes<T>;
  const Vector<T> low = interleave_low<T>(first, second);
  const Vector<T> high = interleave_high<T>(first, second);
  if (rows == L) {
    store(out, low);
    store(out + L, high);
    return;
  }
  alignas(vector_bytes) T both[2 * L];
  store(both, low);
  store(both + L, high);
  for (std::int64_t i = 0; i < 2 * rows; ++i) out[i] = both[i];
}

template <class T>
void finish_single(const ScoreTask& task, const T* scores, std::int64_t n, std::int32_t* best, T* out) noexcept {
  constexpr std::int64_t L = lanes<T>;
  if (best != nullptr && !task.linked) {
    for (std::int64_t row = 0; row < n; ++row) best[row] = scores[row] > 0 ? 1 : 0;
  }
  if (out == nullptr) return;
  if (!makes_pairs(task.link)) {
    if (task.link == Link::logistic) return map(scores, out, n, [](Vector<T> x) noexcept { return logistic<T>(x); });
    for (std::int64_t row = 0; row < n; ++row)
      out[row] = task.link == Link::softmax ? scores[row] - scores[row] + 1 : scores[row];
    return;
  }
  for (std::int64_t row = 0; row < n; row += L) {
    const std::int64_t rows = least(L, n - row);
    Vector<T> x{};
    if (rows == L) {
      x = load(scores + row);
    } else {
      alignas(vector_bytes) T padded[L] = {};
      for (std::int64_t i = 0; i < rows; ++i) padded[i] = scores[row + i];
      x = load(padded);
    }
    const Vector<T> one = broadcast(T{1});
    const Vector<T> second = task.link == Link::complement ? x : logistic<T>(x);
    write_pairs<T>(task.link == Link::opposite ? logistic<T>(-x) : one - second, second, rows, out + 2 * row);
  }
  if (best == nullptr || !task.linked) return;
  for (std::int64_t row = 0; row < n; ++row) best[row] = out[2 * row + 1] > out[2 * row] ? 1 : 0;
}

template <class T>
std::int64_t stride(std::int64_t columns) noexcept {
  return columns == 1 ? 1 : (columns + lanes<T> - 1) / lanes<T> * lanes<T>;
}

template <class T>
void finish(const ScoreTask& task, const T* scores, std::int64_t n, std::int32_t* best, T* out) noexcept {
  constexpr std::int64_t L = lanes<T>;
  if (task.columns == 1) return finish_single(task, scores, n, best, out);
  if (task.columns > most_columns) return finish_rows(task, scores, n, best, out);
  for (std::int64_t row = 0; row < n; row += L) {
    const std::int64_t rows = least(L, n - row);
    const T* x = scores + row * task.stride;
    std::int32_t* classes = best == nullptr ? nullptr : best + row;
    T* to = out == nullptr ? nullptr : out + row * task.columns;
    if (rows <= 2) {
      finish_rows(task, x, rows, classes, to);
    } else {
      finish_block(task, x, rows, classes, to, row + rows < n && (n - row - rows) * task.columns >= L);
    }
  }
}

}  // namespace

extern const ScoreLoops<float> score_floats = {stride<float>, finish<float>};
extern const ScoreLoops<double> score_doubles = {stride<double>, finish<double>};

}  // namespace sklort::SKLORT_HOT
