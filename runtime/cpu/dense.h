// Products of rows with a matrix: MatMul, Gemm and the linear models.
//
// Whatever the batch and the threads, the result of a row has the same bits: the order of its additions follows from the matrix's
// shape and the instruction set.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "dense.hot.h"

namespace sklort {

// Numbers in rows and columns, anywhere in memory.
template <class T>
struct Matrix {
  const T* data;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t row_stride;
  std::int64_t column_stride;

  static Matrix row_major(const T* data, std::int64_t rows, std::int64_t columns) { return {data, rows, columns, columns, 1}; }
  Matrix transposed() const { return {data, columns, rows, column_stride, row_stride}; }
};

// A matrix packed for the instruction set of the moment.
template <class T>
class Dense {
 public:
  static std::int64_t memory_size(std::int64_t rows, std::int64_t columns) noexcept;

  // Into its own memory, each element times `scale`. `bias`, one number for each column, may be null.
  Dense(const Matrix<T>& matrix, const T* bias, T scale = 1);
  // Into memory of the caller: `memory_size` elements, aligned to 64 bytes.
  Dense(const Matrix<T>& matrix, const T* bias, T scale, T* memory) noexcept;

  std::int64_t inputs() const noexcept { return packed_.k; }
  std::int64_t outputs() const noexcept { return packed_.m; }
  // y[n, outputs] = x[n, inputs] times the matrix, plus the bias.
  void run(const T* x, std::int64_t n, T* y, int threads) const;
  // So many rows are worth a thread of their own.
  std::int64_t chunk() const noexcept;
  // `run` on the calling thread, for callers that divide the rows themselves.
  void run_here(const T* x, std::int64_t n, T* y) const noexcept { run_here(x, n, y, packed_.m); }
  // The same into rows that are `stride` apart: what lies between `outputs` and the stride may be written, too.
  void run_here(const T* x, std::int64_t n, T* y, std::int64_t stride) const noexcept;

 private:
  const DenseLoops<T>* loops_;  // the packing is theirs: another instruction set chosen later does not change it
  std::unique_ptr<void, decltype(&std::free)> own_{nullptr, std::free};
  PackedMatrix<T> packed_;
};

}  // namespace sklort
