#pragma once

#include <cstdint>

namespace sklort {

// What is done to an element before it is added.
enum class Added : std::uint8_t { itself, magnitude, square };

// Of T = float or double; sums are taken in double.
template <class T>
struct RunLoops {
  // sums[row] = sum over the row's `columns` elements, which lie together. The order of the additions is that of NumPy's pairwise
  // sum of doubles: eight running sums for each 128 elements, halves above.
  void (*sum_rows[3])(const T* from, std::int64_t rows, std::int64_t columns, double* sums);
  // sums[i] += sum over rows of element i, row after row; `width` of them out of rows `stride` apart.
  void (*add_columns[3])(const T* from, std::int64_t rows, std::int64_t stride, std::int64_t width, double* sums);
  // The largest and the smallest of each row; NaN wins.
  void (*max_rows)(const T* from, std::int64_t rows, std::int64_t columns, T* results);
  void (*min_rows)(const T* from, std::int64_t rows, std::int64_t columns, T* results);
  // log(sum(exp(x))) of each row, from the largest element down.
  void (*log_sum_exp)(const T* from, std::int64_t rows, std::int64_t columns, double* results);
  void (*softmax)(const T* from, std::int64_t rows, std::int64_t columns, T* to);
  void (*log_softmax)(const T* from, std::int64_t rows, std::int64_t columns, T* to);
};

struct ReduceLoops {
  RunLoops<float> floats;
  RunLoops<double> doubles;
};

}  // namespace sklort
