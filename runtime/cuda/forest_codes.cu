// Rows, rank-coded: codes[column * count + row] is how many thresholds of the column are below the row's key, found by halving.
//
// SKLORT_KEY, SKLORT_VALUE: of the forest and its rows, as in forest_tile.cu
#include "forest_keys.cuh"

// The thresholds of column i are thresholds[begin[i]] to thresholds[begin[i + 1]], in ascending order, each once.
extern "C" __global__ void forest_codes(const SKLORT_VALUE* rows, std::int64_t row_stride, std::int64_t column_stride,
                                        std::int64_t count, const std::int32_t* features, const std::int32_t* nan_left,
                                        std::int64_t columns, const SKLORT_KEY* thresholds, const std::int64_t* begin,
                                        std::uint16_t* codes) {
  using namespace sklort::cuda;
  using Key = SKLORT_KEY;
  const Rows<SKLORT_VALUE> matrix{rows, row_stride, column_stride, count};
  for (std::int64_t i = first_element(); i < columns * count; i += element_stride()) {
    const std::int64_t row = i % count;
    const std::int64_t column = i / count;
    const Key key = KeyOf<Key, SKLORT_VALUE>::of(matrix.at(row, features[column]), nan_key<Key>(nan_left[column]));
    std::int64_t left = begin[column];
    std::int64_t right = begin[column + 1];
    while (left < right) {
      const std::int64_t middle = left + (right - left) / 2;
      if (__ldg(thresholds + middle) < key) {
        left = middle + 1;
      } else {
        right = middle;
      }
    }
    codes[i] = static_cast<std::uint16_t>(left - begin[column]);
  }
}
