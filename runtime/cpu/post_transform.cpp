#include "post_transform.h"

#include <algorithm>
#include <cmath>

#include "error.h"
#include "isa.h"
#include "post_transform.hot.h"

namespace sklort {

SKLORT_DECLARE(PostTransformLoops<float>, post_transform_floats)
SKLORT_DECLARE(PostTransformLoops<double>, post_transform_doubles)

PostTransform post_transform_of(const std::string& name) {
  if (name == "NONE") return PostTransform::none;
  if (name == "SOFTMAX") return PostTransform::softmax;
  if (name == "LOGISTIC") return PostTransform::logistic;
  if (name == "SOFTMAX_ZERO") return PostTransform::softmax_zero;
  if (name == "PROBIT") return PostTransform::probit;
  bad_graph("attribute 'post_transform' must be NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT, got '", name, "'");
}

namespace {

template <class T>
void softmax_zero(T* scores, std::int64_t columns) noexcept {
  if (columns == 0) return;
  const T most = *std::max_element(scores, scores + columns);
  const T factor = std::exp(-most);
  T total = 0;
  for (std::int64_t i = 0; i < columns; ++i) {
    const bool zero = std::abs(scores[i]) <= static_cast<T>(1e-7);
    scores[i] = zero ? scores[i] * factor : std::exp(scores[i] - most);
    total += scores[i];
  }
  for (std::int64_t i = 0; i < columns; ++i) scores[i] = total == 0 ? T{0.5} : scores[i] / total;
}

// Winitzki's approximation of the inverse error function.
template <class T>
T probit(T value) noexcept {
  const T x = value * 2 - 1;
  const T product = (1 - x) * (1 + x);
  if (product == 0) return 0;
  const T log = std::log(product);
  const T first = static_cast<T>(2 / (3.14159265358979323846 * 0.147)) + T{0.5} * log;
  const T root = std::sqrt(-first + std::sqrt(first * first - log / static_cast<T>(0.147)));
  return static_cast<T>(1.41421356) * (x < 0 ? -root : root);
}

template <class T>
void apply_with(const PostTransformLoops<T>& loops, PostTransform transform, T* scores, std::int64_t rows,
                std::int64_t columns) noexcept {
  switch (transform) {
    case PostTransform::none:
      break;
    case PostTransform::logistic:
      loops.logistic(scores, rows * columns);
      break;
    case PostTransform::softmax:
      loops.softmax(scores, rows, columns);
      break;
    case PostTransform::softmax_zero:
      for (std::int64_t row = 0; row < rows; ++row) softmax_zero(scores + row * columns, columns);
      break;
    case PostTransform::probit:
      std::transform(scores, scores + rows * columns, scores, probit<T>);
      break;
  }
}

}  // namespace

void apply(PostTransform transform, float* scores, std::int64_t rows, std::int64_t columns) noexcept {
  apply_with(SKLORT_CHOOSE(post_transform_floats), transform, scores, rows, columns);
}

void apply(PostTransform transform, double* scores, std::int64_t rows, std::int64_t columns) noexcept {
  apply_with(SKLORT_CHOOSE(post_transform_doubles), transform, scores, rows, columns);
}

}  // namespace sklort
