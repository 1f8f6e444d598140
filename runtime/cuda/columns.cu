// Columns of an input, chosen and scaled, into a matrix: to[row * to_width + to_column[i]] for column i.
//
// SKLORT_FROM: element type of the input; SKLORT_TO: float or double, of the matrix
#include "columns.cuh"
#include "numbers.cuh"

extern "C" __global__ void columns(const SKLORT_FROM* from, std::int64_t row_stride, std::int64_t column_stride,
                                   std::int64_t rows, std::int64_t width, const std::int32_t* place, const std::int32_t* first,
                                   const std::int32_t* kind, const SKLORT_TO* number, const SKLORT_TO* replacement,
                                   const std::int32_t* to_column, std::int64_t to_width, SKLORT_TO* to) {
  using namespace sklort::cuda;
  const Stages<SKLORT_TO> stages{place, first, kind, number, replacement};
  for (std::int64_t i = first_element(); i < rows * width; i += element_stride()) {
    const std::int64_t row = i / width;
    const std::int64_t column = i % width;
    const SKLORT_FROM x = from[row * row_stride + stages.column(column) * column_stride];
    const std::int64_t at = to_column == nullptr ? column : to_column[column];
    to[row * to_width + at] = stages.apply(column, converted<SKLORT_TO>(x));
  }
}
