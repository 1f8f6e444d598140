// Slices of an array chosen by number: to[outer][j][inner] = from[outer][index[j]][inner]. Negative numbers count from the end;
// one that is none is told by `fault`, where there is one, and its slice is not written.
//
// SKLORT_ITEM   an unsigned integer of the elements' size
// SKLORT_INDEX  std::int64_t or std::int32_t
#include "device.cuh"

extern "C" __global__ void gather(const SKLORT_ITEM* from, const SKLORT_INDEX* index, std::int64_t outer, std::int64_t size,
                                  std::int64_t chosen, std::int64_t inner, SKLORT_ITEM* to, std::int32_t* fault) {
  using namespace sklort::cuda;
  const std::int64_t count = outer * chosen * inner;
  for (std::int64_t i = first_element(); i < count; i += element_stride()) {
    const std::int64_t within = i % inner;
    const std::int64_t j = i / inner % chosen;
    std::int64_t at = index[j];
    if (at < 0) at += size;
    if (at < 0 || at >= size) {
      if (fault != nullptr) *fault = 1;
    } else {
      to[i] = from[(i / inner / chosen * size + at) * inner + within];
    }
  }
}
