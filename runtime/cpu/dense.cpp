#include "dense.h"

#include <algorithm>
#include <new>

#include "isa.h"
#include "threads.h"

namespace sklort {

SKLORT_DECLARE(DenseLoops<float>, dense_floats)
SKLORT_DECLARE(DenseLoops<double>, dense_doubles)

namespace {

template <class T>
const DenseLoops<T>& chosen() noexcept {
  if constexpr (sizeof(T) == sizeof(float)) {
    return SKLORT_CHOOSE(dense_floats);
  } else {
    return SKLORT_CHOOSE(dense_doubles);
  }
}

void* aligned(std::size_t bytes) {
  void* memory = std::aligned_alloc(64, (std::max<std::size_t>(bytes, 1) + 63) / 64 * 64);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

template <class T>
std::int64_t Dense<T>::memory_size(std::int64_t rows, std::int64_t columns) noexcept {
  return chosen<T>().size(rows, columns);
}

template <class T>
Dense<T>::Dense(const Matrix<T>& matrix, const T* bias, T scale, T* memory) noexcept
    : loops_(&chosen<T>()),
      packed_(loops_->pack(matrix.data, matrix.row_stride, matrix.column_stride, matrix.rows, matrix.columns, bias, memory)) {
  if (scale == T{1}) return;
  for (T* weight = memory; weight != packed_.bias; ++weight) *weight *= scale;
}

template <class T>
Dense<T>::Dense(const Matrix<T>& matrix, const T* bias, T scale)
    : Dense(matrix, bias, scale, static_cast<T*>(aligned(memory_size(matrix.rows, matrix.columns) * sizeof(T)))) {
  own_.reset(const_cast<T*>(packed_.weights));
}

template <class T>
std::int64_t Dense<T>::chunk() const noexcept {
  // About 20 us of work. A large matrix passes over more rows than that, since it comes from far each time, but not over more
  // than stay in the cache meanwhile.
  constexpr std::int64_t work = std::int64_t{1} << 17;
  constexpr std::int64_t large = (std::int64_t{1} << 17) / static_cast<std::int64_t>(sizeof(T));
  constexpr std::int64_t cached = (std::int64_t{1} << 19) / static_cast<std::int64_t>(sizeof(T));
  const std::int64_t k = std::max<std::int64_t>(packed_.k, 1);
  const std::int64_t size = k * std::max<std::int64_t>(packed_.m, 1);
  const std::int64_t rows = std::min(std::max<std::int64_t>(work / size, size > large ? 128 : 0), cached / k);
  return std::max<std::int64_t>(rows / 16 * 16, 16);
}

template <class T>
void Dense<T>::run_here(const T* x, std::int64_t n, T* y, std::int64_t stride) const noexcept {
  if (packed_.k > 0) {
    loops_->rows(packed_, x, n, y, stride);
    return;
  }
  for (std::int64_t row = 0; row < n; ++row) {
    for (std::int64_t i = 0; i < packed_.m; ++i) y[row * stride + i] = T{0} + packed_.bias[i];
  }
}

template <class T>
void Dense<T>::run(const T* x, std::int64_t n, T* y, int threads) const {
  std::int64_t rows = chunk();
  if (packed_.k * packed_.m >= 8192 && n < rows * threads) rows = (n / threads + 16) / 16 * 16;  // each row is work enough
  if (n <= rows) return run_here(x, n, y);
  parallel(n, rows, threads, [&](std::int64_t first, std::int64_t last) noexcept {
    // A thread that works alone is given everything at once.
    for (; first < last; first += rows) {
      run_here(x + first * packed_.k, std::min(rows, last - first), y + first * packed_.m);
    }
  });
}

template class Dense<float>;
template class Dense<double>;

}  // namespace sklort
