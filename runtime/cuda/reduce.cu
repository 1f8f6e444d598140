// Sums, extrema and their places, and softmax along the middle of three axes: x[outer][size][inner]. A thread takes one line of
// `size` elements; the order of its additions does not depend on the batch.
//
// SKLORT_REAL  float or double
#include "special.cuh"

namespace sklort::cuda {

using Number = SKLORT_REAL;

struct Line {
  const Number* first;
  std::int64_t step;

  __device__ __forceinline__ Number at(std::int64_t i) const { return first[i * step]; }
};

struct Itself {
  __device__ static __forceinline__ double of(double x) { return x; }
};
struct Square {
  __device__ static __forceinline__ double of(double x) { return x * x; }
};
struct Magnitude {
  __device__ static __forceinline__ double of(double x) { return bits_as<double>(bits_as<std::uint64_t>(x) & ~(1ULL << 63)); }
};

// Up to 128 terms, in eight sums side by side.
template <class Term>
__device__ __forceinline__ double block_sum(const Line& line, std::int64_t first, std::int64_t count) {
  double total = 0.0;
  std::int64_t i = 0;
  if (count >= 8) {
    double sums[8];
#pragma unroll
    for (int k = 0; k < 8; ++k) sums[k] = Term::of(wide(line.at(first + k)));
    for (i = 8; i + 8 <= count; i += 8) {
#pragma unroll
      for (int k = 0; k < 8; ++k) sums[k] += Term::of(wide(line.at(first + i + k)));
    }
    total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  }
  for (; i < count; ++i) total += Term::of(wide(line.at(first + i)));
  return total;
}

// In double, in the order of cpu/pairwise.h: more than 128 terms are halved first. The halves that wait are kept in a list.
template <class Term>
__device__ __forceinline__ double pairwise(const Line& line, std::int64_t size) {
  constexpr int deepest = 40;
  std::int64_t first[deepest];
  std::int64_t count[deepest];
  double left[deepest];
  bool right[deepest];  // whether the second half is at work
  int depth = 0;
  first[0] = 0;
  count[0] = size;
  right[0] = false;
  for (;;) {
    while (count[depth] > 128) {
      first[depth + 1] = first[depth];
      count[depth + 1] = count[depth] / 2 / 8 * 8;
      right[++depth] = false;
    }
    double sum = block_sum<Term>(line, first[depth], count[depth]);
    for (;;) {
      if (depth == 0) return sum;
      --depth;  // to what was halved
      if (!right[depth]) break;
      sum = left[depth] + sum;
    }
    left[depth] = sum;
    right[depth] = true;
    const std::int64_t half = count[depth] / 2 / 8 * 8;
    first[depth + 1] = first[depth] + half;
    count[depth + 1] = count[depth] - half;
    right[++depth] = false;
  }
}

// A line of neighbours is added pairwise, one across rows in their order: as NumPy does.
template <class Term>
__device__ __forceinline__ double sum_of(const Line& line, std::int64_t size) {
  if (line.step == 1) return pairwise<Term>(line, size);
  double total = 0.0;
  for (std::int64_t i = 0; i < size; ++i) total += Term::of(wide(line.at(i)));
  return total;
}

// NaN wins, the first one of them or the last.
template <bool largest>
__device__ __forceinline__ std::int64_t place_of(const Line& line, std::int64_t size, bool last) {
  std::int64_t found = 0;
  Number best = line.at(0);
  for (std::int64_t i = 1; i < size; ++i) {
    const Number x = line.at(i);
    const bool above = largest ? less(best, x) : less(x, best);
    const bool equal = !less(best, x) && !less(x, best) && !is_nan(x) && !is_nan(best);
    const bool better = last ? above || equal || is_nan(x) : !is_nan(best) && (above || is_nan(x));
    found = better ? i : found;
    best = better ? x : best;
  }
  return found;
}

enum Reduction : std::int64_t { reduce_sum, reduce_mean, reduce_sum_square, reduce_l1, reduce_l2, reduce_max, reduce_min };

}  // namespace sklort::cuda

extern "C" __global__ void reduce(std::int64_t kind, const SKLORT_REAL* x, std::int64_t outer, std::int64_t size,
                                  std::int64_t inner, SKLORT_REAL* to) {
  using namespace sklort::cuda;
  for (std::int64_t i = first_element(); i < outer * inner; i += element_stride()) {
    const Line line{x + i / inner * size * inner + i % inner, inner};
    switch (kind) {
      case reduce_sum:
        to[i] = as<Number>(sum_of<Itself>(line, size));
        break;
      case reduce_mean:
        to[i] = as<Number>(sum_of<Itself>(line, size) / static_cast<double>(size));
        break;
      case reduce_sum_square:
        to[i] = as<Number>(sum_of<Square>(line, size));
        break;
      case reduce_l1:
        to[i] = as<Number>(sum_of<Magnitude>(line, size));
        break;
      case reduce_l2:
        to[i] = as<Number>(root(sum_of<Square>(line, size)));
        break;
      case reduce_max:
        to[i] = line.at(place_of<true>(line, size, false));
        break;
      default:
        to[i] = line.at(place_of<false>(line, size, false));
    }
  }
}

extern "C" __global__ void arg_extremum(std::int64_t largest, std::int64_t last, const SKLORT_REAL* x, std::int64_t outer,
                                        std::int64_t size, std::int64_t inner, std::int64_t* to) {
  using namespace sklort::cuda;
  for (std::int64_t i = first_element(); i < outer * inner; i += element_stride()) {
    const Line line{x + i / inner * size * inner + i % inner, inner};
    to[i] = largest != 0 ? place_of<true>(line, size, last != 0) : place_of<false>(line, size, last != 0);
  }
}

extern "C" __global__ void softmax_along(const SKLORT_REAL* x, std::int64_t outer, std::int64_t size, std::int64_t inner,
                                         SKLORT_REAL* to) {
  using namespace sklort::cuda;
  for (std::int64_t i = first_element(); i < outer * inner; i += element_stride()) {
    const std::int64_t at = i / inner * size * inner + i % inner;
    const Line line{x + at, inner};
    const Number most = line.at(place_of<true>(line, size, false));
    for (std::int64_t j = 0; j < size; ++j) to[at + j * inner] = exponential(subtract(line.at(j), most));
    const Number whole = as<Number>(pairwise<Itself>(Line{to + at, inner}, size));
    for (std::int64_t j = 0; j < size; ++j) to[at + j * inner] = divide(to[at + j * inner], whole);
  }
}

// norm: 0 the largest magnitude, 1 the sum of magnitudes, 2 the root of the sum of squares: added in double, four columns side by
// side. Rows whose norm is 0 stay.
extern "C" __global__ void normalise(std::int64_t norm, const SKLORT_REAL* x, std::int64_t rows, std::int64_t columns,
                                     SKLORT_REAL* to) {
  using namespace sklort::cuda;
  for (std::int64_t row = first_element(); row < rows; row += element_stride()) {
    const Line line{x + row * columns, 1};
    double sums[4] = {0.0, 0.0, 0.0, 0.0};
    for (std::int64_t i = 0; i < columns; i += 4) {
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        if (i + k >= columns) continue;
        const double term = norm == 2 ? Square::of(wide(line.at(i + k))) : Magnitude::of(wide(line.at(i + k)));
        if (norm == 0) {
          sums[0] = is_nan(sums[0]) || term <= sums[0] ? sums[0] : term;
        } else {
          sums[k] += term;
        }
      }
    }
    const double size = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    const Number measure = as<Number>(norm == 2 ? root(size) : size);
    const bool zero = bits_as<double>(bits_as<std::uint64_t>(wide(measure)) << 1) == 0.0;
    for (std::int64_t i = 0; i < columns; ++i) to[row * columns + i] = divide(line.at(i), zero ? Number(1) : measure);
  }
}
