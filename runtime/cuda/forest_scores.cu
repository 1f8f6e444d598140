// What the tree operators make of their sums: base values, averages, post-transforms, classes. A thread for each row; the order
// of operations is that of cpu/ops/tree_ensemble.cpp. `sums` is changed in place.
//
// SKLORT_OUT: float or double, of the scores
#include "special.cuh"

// divisor: 0, or what an average divides by. base: null, or one number for each column.
extern "C" __global__ void forest_scores(double* sums, std::int64_t count, std::int64_t columns, double divisor,
                                         const double* base, std::int64_t post, SKLORT_OUT* scores) {
  using namespace sklort::cuda;
  for (std::int64_t row = first_element(); row < count; row += element_stride()) {
    double* score = sums + row * columns;
    if (divisor != 0.0) {
      for (std::int64_t i = 0; i < columns; ++i) score[i] = score[i] / divisor;
    }
    if (base != nullptr) {
      for (std::int64_t i = 0; i < columns; ++i) score[i] += base[i];
    }
    transform(post, score, columns);
    for (std::int64_t i = 0; i < columns; ++i) scores[row * columns + i] = as<SKLORT_OUT>(score[i]);
  }
}

// rounded: scores are compared as the floats they are given as. scores and labels may be null; without `names` a label is the
// number of its class.
extern "C" __global__ void forest_classes(double* sums, std::int64_t count, std::int64_t columns, const double* base,
                                          std::int64_t post, std::int64_t one_score, std::int64_t positive, std::int64_t rounded,
                                          const std::int64_t* names, SKLORT_OUT* scores, std::int64_t* labels) {
  using namespace sklort::cuda;
  const auto shown = [&](double score) { return rounded != 0 ? wide(narrow(score)) : score; };
  for (std::int64_t row = first_element(); row < count; row += element_stride()) {
    double* score = sums + row * columns;
    std::int64_t winner = 0;
    if (one_score != 0) {
      const double one = score[0] + score[1] + (base != nullptr ? base[0] : 0.0);  // one of the two is 0
      const bool odds = positive == 0 || post == post_logistic;
      winner = shown(one) > (positive != 0 ? 0.5 : 0.0) ? 1 : 0;
      score[0] = odds ? -one : 1.0 - one;
      score[1] = one;
    } else {
      for (std::int64_t i = 0; i < columns && base != nullptr; ++i) score[i] += base[i];
      for (std::int64_t i = 1; i < columns; ++i) winner = shown(score[winner]) < shown(score[i]) ? i : winner;
    }
    if (labels != nullptr) labels[row] = names != nullptr ? names[winner] : winner;
    if (scores == nullptr) continue;
    // The two columns of one score say one thing: only the logistic function and probit have a meaning for them.
    if (one_score == 0 || (post != post_softmax && post != post_softmax_zero)) transform(post, score, columns);
    for (std::int64_t i = 0; i < columns; ++i) scores[row * columns + i] = as<SKLORT_OUT>(score[i]);
  }
}
