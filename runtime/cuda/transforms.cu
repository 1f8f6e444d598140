// The rarer post-transforms, over rows of scores in place.
//
// SKLORT_REAL: float or double
#include "special.cuh"

// mirrored: of two columns the first is first made the second with the sign turned.
extern "C" __global__ void transforms(SKLORT_REAL* scores, std::int64_t rows, std::int64_t columns, std::int64_t post,
                                      std::int64_t mirrored) {
  using namespace sklort::cuda;
  for (std::int64_t row = first_element(); row < rows; row += element_stride()) {
    SKLORT_REAL* score = scores + row * columns;
    if (mirrored != 0) score[0] = negative(score[1]);
    transform(post, score, columns);
  }
}
