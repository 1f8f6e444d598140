#include "post_transform.hot.h"

#include "simd_math.h"

namespace sklort::SKLORT_HOT {
namespace {

template <class T>
void logistic_all(T* scores, std::int64_t count) noexcept {
  map(scores, scores, count, [](Vector<T> x) noexcept { return logistic<T>(x); });
}

// The rows are short, the exponentials expensive: those are taken over many rows at once.
template <class T>
void softmax_block(T* scores, std::int64_t rows, std::int64_t columns) noexcept {
  for (std::int64_t row = 0; row < rows; ++row) {
    T* x = scores + row * columns;
    T most = x[0];
    for (std::int64_t i = 1; i < columns; ++i) most = x[i] > most ? x[i] : most;
    for (std::int64_t i = 0; i < columns; ++i) x[i] -= most;
  }
  map(scores, scores, rows * columns, [](Vector<T> x) noexcept { return exp<T>(x); });
  for (std::int64_t row = 0; row < rows; ++row) {
    T* x = scores + row * columns;
    T total = x[0];
    for (std::int64_t i = 1; i < columns; ++i) total += x[i];
    for (std::int64_t i = 0; i < columns; ++i) x[i] /= total;
  }
}

template <class T>
void softmax(T* scores, std::int64_t rows, std::int64_t columns) noexcept {
  if (columns == 0) return;
  const std::int64_t block = columns < 1024 ? 1024 / columns : 1;
  for (std::int64_t row = 0; row < rows; row += block) {
    softmax_block(scores + row * columns, rows - row < block ? rows - row : block, columns);
  }
}

}  // namespace

extern const PostTransformLoops<float> post_transform_floats = {logistic_all<float>, softmax<float>};
extern const PostTransformLoops<double> post_transform_doubles = {logistic_all<double>, softmax<double>};

}  // namespace sklort::SKLORT_HOT
