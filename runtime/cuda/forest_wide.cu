// The keys of rows that are too wide for a tile in shared memory: keys[column * count + row], column 0 being 0.
//
// SKLORT_KEY, SKLORT_VALUE: as in forest_tile.cu
#include "forest_keys.cuh"

extern "C" __global__ void forest_wide(const SKLORT_VALUE* rows, std::int64_t row_stride, std::int64_t column_stride,
                                       std::int64_t count, const std::int32_t* features, const std::int32_t* nan_left,
                                       std::int64_t columns, SKLORT_KEY* keys) {
  using namespace sklort::cuda;
  using Key = SKLORT_KEY;
  const Rows<SKLORT_VALUE> matrix{rows, row_stride, column_stride, count};
  for (std::int64_t i = first_element(); i < (columns + 1) * count; i += element_stride()) {
    const std::int64_t row = i % count;
    const std::int64_t column = i / count - 1;
    keys[i] =
        column < 0 ? Key{0} : KeyOf<Key, SKLORT_VALUE>::of(matrix.at(row, features[column]), nan_key<Key>(nan_left[column]));
  }
}
