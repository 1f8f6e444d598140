#include "scores.h"

#include "isa.h"

namespace sklort {

SKLORT_DECLARE(ScoreLoops<float>, score_floats)
SKLORT_DECLARE(ScoreLoops<double>, score_doubles)

namespace {

template <class T>
const ScoreLoops<T>& chosen() noexcept {
  if constexpr (sizeof(T) == sizeof(float)) {
    return SKLORT_CHOOSE(score_floats);
  } else {
    return SKLORT_CHOOSE(score_doubles);
  }
}

template <class T>
void copy_rows(const T* from, std::int64_t stride, std::int64_t rows, std::int64_t columns, T* to) noexcept {
  for (std::int64_t row = 0; row < rows; ++row) std::copy_n(from + row * stride, columns, to + row * columns);
}

}  // namespace

template <class T>
Scores<T>::Scores(std::int64_t columns, Link link, bool nan_wins, bool linked)
    : loops_(&chosen<T>()), task_{columns, loops_->stride(columns), link, nan_wins, linked && link != Link::none} {}

template <class T>
void Scores<T>::finish(const T* scores, std::int64_t first, std::int64_t count, const Labels& names,
                       const Targets& to) const noexcept {
  if (to.raw != nullptr) copy_rows(scores, task_.stride, count, task_.columns, to.raw + first * task_.columns);
  const bool copies = to.linked != nullptr && task_.link == Link::none;
  if (copies) copy_rows(scores, task_.stride, count, task_.columns, to.linked + first * task_.columns);
  T* linked = to.linked == nullptr || copies ? nullptr : to.linked + first * width();
  std::int32_t best[most_rows];
  if (linked != nullptr || to.labels != nullptr) {
    loops_->finish(task_, scores, count, to.labels == nullptr ? nullptr : best, linked);
  }
  if (to.labels == nullptr) return;
  if (names.empty()) {
    std::copy_n(best, count, to.labels->template as<std::int64_t>() + first);
  } else {
    names.write(*to.labels, first, best, count);
  }
}

template class Scores<float>;
template class Scores<double>;

}  // namespace sklort
