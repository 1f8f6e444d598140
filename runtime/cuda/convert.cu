// Numbers of one element type as another.
//
// SKLORT_FROM, SKLORT_TO: the types
#include "numbers.cuh"

extern "C" __global__ void convert(const SKLORT_FROM* from, std::int64_t count, SKLORT_TO* to) {
  using namespace sklort::cuda;
  for (std::int64_t i = first_element(); i < count; i += element_stride()) to[i] = converted<SKLORT_TO>(from[i]);
}
