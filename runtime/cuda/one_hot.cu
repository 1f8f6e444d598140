// Whole numbers to rows with a one at their category's place, by a search in the sorted categories.
//
// SKLORT_FROM  element type of the numbers
#include "numbers.cuh"

namespace sklort::cuda {

// Whether a number is one that std::int64_t holds, cut off after the point; and that.
template <class From>
__device__ __forceinline__ bool whole(From given, std::int64_t& to) {
  if constexpr (IsReal<From>::value) {
    const double number = wide(given);
    if (!(number > -9223372036854775808.0 && number < 9223372036854775808.0)) return false;
    to = static_cast<std::int64_t>(number);
  } else {
    to = static_cast<std::int64_t>(given);
  }
  return true;
}

}  // namespace sklort::cuda

// place: of each sorted category, its column. A number that is no category is told by `fault`.
extern "C" __global__ void one_hot(const SKLORT_FROM* x, std::int64_t count, const std::int64_t* categories,
                                   const std::int32_t* place, std::int64_t size, std::int64_t columns, float* to,
                                   std::int32_t* fault) {
  using namespace sklort::cuda;
  for (std::int64_t i = first_element(); i < count; i += element_stride()) {
    std::int64_t wanted = 0;
    bool known = whole(x[i], wanted);
    std::int64_t left = 0;
    std::int64_t right = size;
    while (left < right) {
      const std::int64_t middle = left + (right - left) / 2;
      if (categories[middle] < wanted) {
        left = middle + 1;
      } else {
        right = middle;
      }
    }
    known = known && left < size && categories[left] == wanted;
    if (!known) *fault = 1;
    for (std::int64_t column = 0; column < columns; ++column)
      to[i * columns + column] = known && place[left] == column ? 1.0F : 0.0F;
  }
}
