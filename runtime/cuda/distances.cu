// Distances between rows, in double from differences, and products of rows, feature after feature as the CPU adds them; and the
// nearest of them.
//
// SKLORT_FROM   float or double, of the rows
// SKLORT_POINT  float or double, of the points they are compared with
// SKLORT_TO     float or double, of what is written
#include "special.cuh"
#include "tree.h"

namespace sklort::cuda {

enum Term : std::int64_t { squares = 0, absolutes = 1, maximum = 2, products = 3 };

constexpr std::int64_t side = 16;     // rows and points of a block
constexpr std::int64_t at_once = 32;  // features
constexpr std::int64_t searchers = 128;

__device__ __forceinline__ double magnitude(double x) { return bits_as<double>(bits_as<std::uint64_t>(x) & ~(1ULL << 63)); }

__device__ __forceinline__ double added(std::int64_t term, double sum, double x, double y) {
  if (term == products) return sum + x * y;
  const double d = x - y;
  if (term == squares) return sum + d * d;
  if (term == absolutes) return sum + magnitude(d);
  return !is_nan(sum) && !(magnitude(d) <= sum) ? magnitude(d) : sum;  // NaN stays
}

}  // namespace sklort::cuda

// rooted: the root of a sum of squares. decay: where it is not 0, exp(-decay d) of a squared distance d.
extern "C" __global__ void __launch_bounds__(256)
    distances(const SKLORT_FROM* x, std::int64_t rows, const SKLORT_POINT* y, std::int64_t points, std::int64_t features,
              std::int64_t term, std::int64_t rooted, double decay, SKLORT_TO* to) {
  using namespace sklort::cuda;
  SKLORT_SHARED(memory);
  auto* some_rows = reinterpret_cast<double*>(memory);
  double* some_points = some_rows + side * (at_once + 1);
  const std::int64_t thread = threadIdx.x;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * side + thread / side;
  double sum = 0.0;
  for (std::int64_t first = 0; first < points; first += side) {
    const std::int64_t point = first + thread % side;
    sum = 0.0;
    for (std::int64_t from = 0; from < features; from += at_once) {
      const std::int64_t here = features - from < at_once ? features - from : at_once;
      for (std::int64_t i = thread; i < side * at_once; i += side * side) {
        const std::int64_t which = i / at_once;
        const std::int64_t feature = i % at_once;
        const std::int64_t r = static_cast<std::int64_t>(blockIdx.x) * side + which;
        const std::int64_t p = first + which;
        const bool inside = feature < here;
        some_rows[which * (at_once + 1) + feature] = inside && r < rows ? wide(x[r * features + from + feature]) : 0.0;
        some_points[which * (at_once + 1) + feature] = inside && p < points ? wide(y[p * features + from + feature]) : 0.0;
      }
      __syncthreads();
      const double* a = some_rows + thread / side * (at_once + 1);
      const double* b = some_points + thread % side * (at_once + 1);
      for (std::int64_t i = 0; i < here; ++i) sum = added(term, sum, a[i], b[i]);
      __syncthreads();
    }
    if (row < rows && point < points) {
      const double made = decay != 0.0 ? exponential(sum * -decay) : rooted != 0 ? root(sum) : sum;
      to[row * points + point] = as<SKLORT_TO>(made);
    }
  }
}

// The k nearest points of each row, a block for each: of equal distances the lower index first, NaN last. reduced: [row][point].
extern "C" __global__ void __launch_bounds__(128) nearest(const double* reduced, std::int64_t points, std::int64_t k,
                                                          std::int64_t rooted, SKLORT_TO* distances_to, std::int64_t* indices) {
  using namespace sklort::cuda;
  SKLORT_SHARED(memory);
  auto* keys = reinterpret_cast<std::uint64_t*>(memory);
  auto* places = reinterpret_cast<std::int64_t*>(memory + searchers * sizeof(std::uint64_t));
  const std::int64_t thread = threadIdx.x;
  const double* mine = reduced + static_cast<std::int64_t>(blockIdx.x) * points;
  std::uint64_t last_key = 0;
  std::int64_t last_place = -1;
  for (std::int64_t found = 0; found < k; ++found) {
    std::uint64_t best = ~std::uint64_t{0};
    std::int64_t place = points;
    for (std::int64_t i = thread; i < points; i += searchers) {
      const std::uint64_t key = sklort::tree::key_of_bits(bits_as<std::uint64_t>(mine[i]), ~std::uint64_t{0});
      const bool left = key > last_key || (key == last_key && i > last_place);
      if (left && (key < best || (key == best && i < place))) {
        best = key;
        place = i;
      }
    }
    keys[thread] = best;
    places[thread] = place;
    __syncthreads();
    for (std::int64_t half = searchers / 2; half > 0; half /= 2) {
      if (thread < half) {
        const std::uint64_t other = keys[thread + half];
        const std::int64_t there = places[thread + half];
        if (other < keys[thread] || (other == keys[thread] && there < places[thread])) {
          keys[thread] = other;
          places[thread] = there;
        }
      }
      __syncthreads();
    }
    last_key = keys[0];
    last_place = places[0];
    if (thread == 0) {
      const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * k + found;
      const double value = mine[last_place];
      distances_to[at] = as<SKLORT_TO>(rooted != 0 ? root(value) : value);
      indices[at] = last_place;
    }
    __syncthreads();
  }
}
