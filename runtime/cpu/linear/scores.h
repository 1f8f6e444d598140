// The end of a linear model: rows of scores become labels and probabilities, a block of rows at a time while they are in the
// cache.
#pragma once

#include <algorithm>
#include <cstdint>

#include "labels.h"
#include "op.h"
#include "scores.hot.h"
#include "threads.h"

namespace sklort {

template <class T>
class Scores {
 public:
  // Where the results go; what is null is not computed.
  struct Targets {
    Tensor* labels = nullptr;
    T* linked = nullptr;  // `width()` numbers a row
    T* raw = nullptr;     // `columns` numbers a row
  };

  // `linked`: the class is that of the largest linked score, and `Targets::linked` must be there.
  Scores(std::int64_t columns, Link link, bool nan_wins, bool linked = false);

  std::int64_t width() const noexcept { return makes_pairs(task_.link) ? 2 : task_.columns; }
  std::int64_t stride() const noexcept { return task_.stride; }
  Link link() const noexcept { return task_.link; }

  // make(worker, first, count, scores, stride) writes the scores of `count` rows from row `first` on, `stride` apart; it may
  // write what lies between. `chunk` rows are worth a thread. Without `names` a label is the number of its class.
  template <class Make>
  void run(Call& call, std::int64_t rows, std::int64_t chunk, const Labels& names, const Targets& to, Make&& make) const {
    const std::int64_t stride = task_.stride;
    const std::int64_t block = block_rows();
    T* wide = block * stride <= on_stack ? nullptr : call.scratch_of<T>(block * stride * call.threads());
    parallel(rows, chunk, call.threads(), [&](int worker, std::int64_t first, std::int64_t last) noexcept {
      alignas(64) T narrow[on_stack];
      T* scores = wide == nullptr ? narrow : wide + worker * block * stride;
      for (; first < last; first += block) {
        const std::int64_t count = std::min(block, last - first);
        make(worker, first, count, scores, stride);
        finish(scores, first, count, names, to);
      }
    });
  }

  // So many rows are made at once, at most.
  std::int64_t block_rows() const noexcept {
    const std::int64_t fitting = on_stack / task_.stride;
    return fitting < least_rows ? most_rows : std::min(fitting, most_rows);
  }

 private:
  static constexpr std::int64_t on_stack = 2048;  // elements
  static constexpr std::int64_t least_rows = 32;
  static constexpr std::int64_t most_rows = 128;

  void finish(const T* scores, std::int64_t first, std::int64_t count, const Labels& names, const Targets& to) const noexcept;

  const ScoreLoops<T>* loops_;
  ScoreTask task_;
};

}  // namespace sklort
