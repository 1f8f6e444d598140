#pragma once

#include <cstdint>

namespace sklort {

// What becomes of a row of scores s.
enum class Link : std::uint8_t {
  none,
  softmax,
  logistic,    // of each score
  share,       // of one score: 1 - logistic(s), logistic(s)
  opposite,    // of one score: logistic(-s), logistic(s)
  complement,  // of one score: 1 - s, s
};

// Whether a link makes two numbers of one.
constexpr bool makes_pairs(Link link) noexcept { return link >= Link::share; }

struct ScoreTask {
  std::int64_t columns;  // scores in a row
  std::int64_t stride;   // of the scores, from row to row: 1 for one column, else whole vectors
  Link link;
  bool nan_wins;  // the class of a row with NaN is that of its first NaN; otherwise nothing is above a NaN or below
  bool linked;    // the class is that of the largest linked score, which may be one of several after rounding
};

template <class T>
struct ScoreLoops {
  // The number of elements from row to row that `finish` expects.
  std::int64_t (*stride)(std::int64_t columns) noexcept;
  // The class and the linked scores of each of n rows; `best` or `out` may be null; not
  // `out` where the class is that of the linked scores. A single score stands for the second of two
  // classes, which it is above 0. A row's results do not depend on n.
  void (*finish)(const ScoreTask& task, const T* scores, std::int64_t n, std::int32_t* best, T* out) noexcept;
};

}  // namespace sklort
