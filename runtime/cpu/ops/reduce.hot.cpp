#include "reduce.hot.h"

#include "pairwise.h"
#include "simd_math.h"

namespace sklort::SKLORT_HOT {
namespace {

template <class Function, class T>
void sum_rows(const T* from, std::int64_t rows, std::int64_t columns, double* sums) noexcept {
  for (std::int64_t row = 0; row < rows; ++row) sums[row] = pairwise<Function>(from + row * columns, columns);
}

template <class Function, class T>
void add_columns(const T* from, std::int64_t rows, std::int64_t stride, std::int64_t width, double* __restrict sums) noexcept {
  for (std::int64_t row = 0; row < rows; ++row, from += stride) {
    for (std::int64_t i = 0; i < width; ++i) sums[i] += Function::apply(static_cast<double>(from[i]));
  }
}

// NaN wins. Eight at a time whatever the instruction set, so that of two zeros the same one is found.
template <bool top, class T>
T extremum(const T* from, std::int64_t count) noexcept {
  typedef T Eight __attribute__((vector_size(8 * sizeof(T)), aligned(alignof(T)), may_alias));
  T best = from[0];
  std::int64_t i = 1;
  if (count >= 16) {
    Eight some = *reinterpret_cast<const Eight*>(from);
    for (i = 8; i + 8 <= count; i += 8) {
      const Eight x = *reinterpret_cast<const Eight*>(from + i);
      some = ((top ? x > some : x < some) | (x != x)) ? x : some;
    }
    best = some[0];
    for (int k = 1; k < 8; ++k) best = (top ? some[k] > best : some[k] < best) | (some[k] != some[k]) ? some[k] : best;
  }
  for (; i < count; ++i) best = (top ? from[i] > best : from[i] < best) | (from[i] != from[i]) ? from[i] : best;
  return best;
}

template <bool top, class T>
void extremum_rows(const T* from, std::int64_t rows, std::int64_t columns, T* results) noexcept {
  for (std::int64_t row = 0; row < rows; ++row) results[row] = extremum<top>(from + row * columns, columns);
}

template <class T>
T largest(const T* from, std::int64_t count) noexcept {
  return extremum<true>(from, count);
}

constexpr std::int64_t block = 512;

// The sum of exp(x - top), by way of a block's exponentials.
template <class T>
double sum_exp(const T* from, std::int64_t count, T top) noexcept {
  T powers[block];
  double total = 0;
  for (std::int64_t i = 0; i < count; i += block) {
    const std::int64_t size = count - i < block ? count - i : block;
    for (std::int64_t k = 0; k < size; ++k) powers[k] = from[i + k] - top;
    map(powers, size, [](Vector<T> x) { return exp<T>(x); });
    total += pairwise<Itself>(powers, size);
  }
  return total;
}

// Calls finish(row, top, log(sum(exp(x - top)))) for each row, `top` its largest element. Exponentials of short rows are taken
// for as many of them at once as fill a block.
template <class T, class Finish>
SKLORT_INLINE void each_log_sum(const T* from, std::int64_t rows, std::int64_t columns, Finish finish) noexcept {
  const std::int64_t together = columns < block ? block / columns : 1;
  T powers[block];
  T tops[block];
  for (std::int64_t first = 0; first < rows; first += together) {
    const std::int64_t some = rows - first < together ? rows - first : together;
    const T* x = from + first * columns;
    for (std::int64_t row = 0; row < some; ++row) tops[row] = largest(x + row * columns, columns);
    if (columns >= block) {
      finish(first, tops[0], __builtin_log(sum_exp(x, columns, tops[0])));
      continue;
    }
    for (std::int64_t row = 0; row < some; ++row) {
      for (std::int64_t i = row * columns; i < (row + 1) * columns; ++i) powers[i] = x[i] - tops[row];
    }
    map(powers, some * columns, [](Vector<T> power) { return exp<T>(power); });
    for (std::int64_t row = 0; row < some; ++row) {
      finish(first + row, tops[row], __builtin_log(pairwise<Itself>(powers + row * columns, columns)));
    }
  }
}

template <class T>
void log_sum_exp(const T* from, std::int64_t rows, std::int64_t columns, double* results) noexcept {
  constexpr T infinity = __builtin_huge_val();
  if (columns == 0) {
    for (std::int64_t row = 0; row < rows; ++row) results[row] = -static_cast<double>(infinity);
    return;
  }
  each_log_sum(from, rows, columns, [results](std::int64_t row, T top, double rest) {
    // Nothing to add to an infinity of either sign.
    results[row] = top == infinity || top == -infinity ? static_cast<double>(top) : static_cast<double>(top) + rest;
  });
}

// Exponentials are taken for as many short rows at once as fill a block.
template <class T>
void softmax(const T* from, std::int64_t rows, std::int64_t columns, T* to) noexcept {
  if (columns == 0) return;
  const std::int64_t together = columns < block ? block / columns : 1;
  for (std::int64_t first = 0; first < rows; first += together) {
    const std::int64_t some = rows - first < together ? rows - first : together;
    const T* x = from + first * columns;
    T* y = to + first * columns;
    for (std::int64_t row = 0; row < some; ++row) {
      const T top = largest(x + row * columns, columns);
      for (std::int64_t i = row * columns; i < (row + 1) * columns; ++i) y[i] = x[i] - top;
    }
    map(y, some * columns, [](Vector<T> power) { return exp<T>(power); });
    for (std::int64_t row = 0; row < some; ++row) {
      const T total = static_cast<T>(pairwise<Itself>(y + row * columns, columns));
      for (std::int64_t i = row * columns; i < (row + 1) * columns; ++i) y[i] /= total;
    }
  }
}

template <class T>
void log_softmax(const T* from, std::int64_t rows, std::int64_t columns, T* to) noexcept {
  if (columns == 0) return;
  each_log_sum(from, rows, columns, [=](std::int64_t row, T top, double rest) {
    const T total = static_cast<T>(rest);
    for (std::int64_t i = row * columns; i < (row + 1) * columns; ++i) to[i] = (from[i] - top) - total;
  });
}

template <class T>
constexpr RunLoops<T> loops_of = {{sum_rows<Itself, T>, sum_rows<Magnitude, T>, sum_rows<Square, T>},
                                  {add_columns<Itself, T>, add_columns<Magnitude, T>, add_columns<Square, T>},
                                  extremum_rows<true, T>,
                                  extremum_rows<false, T>,
                                  log_sum_exp<T>,
                                  softmax<T>,
                                  log_softmax<T>};

}  // namespace

extern const ReduceLoops reduce_loops = {loops_of<float>, loops_of<double>};

}  // namespace sklort::SKLORT_HOT
