#pragma once

#include <cstdint>

namespace sklort {

// What is done to every number of a block, with a number for each.
enum class StageKind : std::uint8_t { subtract, add, multiply, divide, at_least, at_most, fill_nan, fill_equal, round };

template <class T>
struct Stage {
  StageKind kind;
  const T* numbers;      // as many as there are in a full block
  const T* replacement;  // of fill_equal: what stands for the number
};

template <class T>
struct ColumnLoops {
  // x[i] = the stages of x[i], for i < count.
  void (*apply)(const Stage<T>* stages, std::int64_t stage_count, T* x, std::int64_t count) noexcept;
  // `rows` times `width` numbers, from rows that are `stride` apart to rows that are `to_stride` apart, as To. Nothing else is
  // written, and nothing past `end` is read.
  void (*copy_floats)(const float* from, std::int64_t stride, const float* end, std::int64_t rows, std::int64_t width, T* to,
                      std::int64_t to_stride) noexcept;
  void (*copy_doubles)(const double* from, std::int64_t stride, const double* end, std::int64_t rows, std::int64_t width, T* to,
                       std::int64_t to_stride) noexcept;
  // scores[row] += the rows of `table` that index[i * rows + row] says, for each of `count` i. Rows of scores and of the table
  // have `stride` numbers.
  void (*add)(const T* table, const std::int32_t* index, std::int64_t count, std::int64_t rows, std::int64_t stride,
              T* scores) noexcept;
  // scores += the rows of `table` that index[i] says, each times values[i], for each of `count` i: the scores of one row.
  void (*add_times)(const T* table, const std::int32_t* index, const double* values, std::int64_t count, std::int64_t stride,
                    T* scores) noexcept;
};

}  // namespace sklort
