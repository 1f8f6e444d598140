#pragma once

#include <cstdint>

namespace sklort {

// A matrix of k rows and m columns as the loops want it, and what is added to each row of a product with it.
template <class T>
struct PackedMatrix {
  std::int64_t k;
  std::int64_t m;
  const T* weights;
  const T* bias;  // m numbers and padding; -0.0 where nothing is added
};

template <class T>
struct DenseLoops {
  // Elements of `weights` and of `bias` together, the bias last.
  std::int64_t (*size)(std::int64_t k, std::int64_t m) noexcept;
  // Element (i, j) of the matrix is from[i * row_stride + j * column_stride]. `bias` may be null. `memory` is aligned to 64
  // bytes.
  PackedMatrix<T> (*pack)(const T* from, std::int64_t row_stride, std::int64_t column_stride, std::int64_t k, std::int64_t m,
                          const T* bias, T* memory) noexcept;
  // y[n, m] = x[n, k] times the matrix, plus the bias. k > 0. Rows of y are `stride` apart; what lies between m and the stride
  // may be written, too.
  void (*rows)(const PackedMatrix<T>& matrix, const T* x, std::int64_t n, T* y, std::int64_t stride) noexcept;
};

}  // namespace sklort
