// Whether a matrix holds what a model refuses: a NaN in a column that takes none, or a magnitude beyond the limit.
//
// SKLORT_FROM  element type of the matrix
#include "numbers.cuh"

extern "C" __global__ void limits(const SKLORT_FROM* from, std::int64_t row_stride, std::int64_t column_stride, std::int64_t rows,
                                  std::int64_t columns, const std::int32_t* takes_nan, double limit, std::int32_t* fault) {
  using namespace sklort::cuda;
  for (std::int64_t i = first_element(); i < rows * columns; i += element_stride()) {
    const std::int64_t column = i % columns;
    const double x = converted<double>(from[i / columns * row_stride + column * column_stride]);
    const bool wrong = is_nan(x) ? takes_nan[column] == 0 : x > limit || x < -limit;
    if (wrong) *fault = 1;
  }
}
