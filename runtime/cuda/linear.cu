// A linear model in one kernel: columns chosen and scaled, their product with the weights, links, classes and labels. A warp
// takes 32 rows; it reads them as they lie and turns them by way of shared memory, so that each lane then has a row to itself.
//
// Products are added in a fixed order, 32 columns at a time: a row's bits do not depend on the batch. What becomes of the scores
// is that of cpu/linear/scores.hot.cpp.
//
// SKLORT_REAL     float or double
// SKLORT_BLOCK    threads
// SKLORT_OUTPUTS  columns of weights that a thread multiplies with: 1, 2, 4 or 8; missing ones are zeros
#include "columns.cuh"
#include "special.cuh"

namespace sklort::cuda {

using Number = SKLORT_REAL;
constexpr int outputs = SKLORT_OUTPUTS;
constexpr std::int64_t lanes = 32;
constexpr std::int64_t at_once = 32;  // columns

enum Link : std::int64_t { none = 0, softmax_link = 1, logistic_link = 2, share = 3, opposite = 4, complement = 5 };

struct Ending {
  std::int64_t link;
  std::int64_t nan_wins;   // the class of a row with NaN is that of its first NaN
  std::int64_t of_linked;  // the class is that of the largest linked score
  const std::int64_t* names;
  std::int64_t* labels;
  Number* linked;
  Number* raw;
};

template <int known>
__device__ __forceinline__ std::int64_t best_of(const Number* x, std::int64_t columns, bool nan_wins) {
  std::int64_t found = 0;
  Number most = x[0];
  const std::int64_t end = known > 0 ? known : columns;
#pragma unroll
  for (std::int64_t i = 1; i < end; ++i) {
    if (known > 0 && i >= columns) continue;
    const bool better =
        nan_wins ? !(less(x[i], most) || (!less(most, x[i]) && !is_nan(x[i]))) && !is_nan(most) : less(most, x[i]);
    found = better ? i : found;
    most = better ? x[i] : most;
  }
  return found;
}

// One row: `score` has `columns` numbers, which become the linked scores. `known`: how many there is room for, 0 if that is not
// known when this is compiled.
template <int known>
__device__ __forceinline__ void finish(const Ending& to, std::int64_t row, Number* score, std::int64_t columns) {
  const std::int64_t end = known > 0 ? known : columns;
  if (to.raw != nullptr) {
#pragma unroll
    for (std::int64_t i = 0; i < end; ++i) {
      if (known == 0 || i < columns) to.raw[row * columns + i] = score[i];
    }
  }
  std::int64_t best = 0;
  if (columns == 1) {
    const Number x = score[0];
    best = less(Number(0), x) ? 1 : 0;
    if (to.linked != nullptr && to.link >= share) {
      const Number second = to.link == complement ? x : logistic(x);
      const Number other = to.link == opposite ? logistic(negative(x)) : subtract(Number(1), second);
      if (to.of_linked != 0) best = less(other, second) ? 1 : 0;
      to.linked[2 * row] = other;
      to.linked[2 * row + 1] = second;
    } else if (to.linked != nullptr) {
      to.linked[row] = to.link == logistic_link ? logistic(x) : to.link == softmax_link ? add(subtract(x, x), Number(1)) : x;
    }
  } else {
    if (to.of_linked == 0) best = best_of<known>(score, columns, to.nan_wins != 0);
    if (to.link == logistic_link) {
#pragma unroll
      for (std::int64_t i = 0; i < end; ++i) {
        if (known == 0 || i < columns) score[i] = logistic(score[i]);
      }
    } else if (to.link == softmax_link) {
      Number most = score[0];
#pragma unroll
      for (std::int64_t i = 1; i < end; ++i) {
        if (known == 0 || i < columns) most = less(most, score[i]) ? score[i] : most;
      }
      double total = 0.0;
      std::int64_t taken = 0;
      if constexpr (known == 0) {  // eight sums side by side: of many terms one sum would round too often
        double sums[8] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
        for (; taken + 8 <= columns; taken += 8) {
#pragma unroll
          for (int k = 0; k < 8; ++k) {
            score[taken + k] = exponential(subtract(score[taken + k], most));
            sums[k] += wide(score[taken + k]);
          }
        }
        total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
      }
#pragma unroll
      for (std::int64_t i = taken; i < end; ++i) {
        if (known > 0 && i >= columns) continue;
        score[i] = exponential(subtract(score[i], most));
        total += wide(score[i]);
      }
#pragma unroll
      for (std::int64_t i = 0; i < end; ++i) {
        if (known == 0 || i < columns) score[i] = divide(score[i], as<Number>(total));
      }
    }
    if (to.of_linked != 0) best = best_of<known>(score, columns, to.nan_wins != 0);
    if (to.linked != nullptr) {
#pragma unroll
      for (std::int64_t i = 0; i < end; ++i) {
        if (known == 0 || i < columns) to.linked[row * columns + i] = score[i];
      }
    }
  }
  if (to.labels != nullptr) to.labels[row] = to.names != nullptr ? to.names[best] : best;
}

}  // namespace sklort::cuda

// weights: [column][padded output]. Blocks in y take `outputs` columns of weights each; more than one of them write `scores`
// alone.
extern "C" __global__ void __launch_bounds__(SKLORT_BLOCK, 2)
    linear(const SKLORT_REAL* x, std::int64_t row_stride, std::int64_t column_stride, std::int64_t rows, std::int64_t columns,
           const std::int32_t* place, const std::int32_t* first, const std::int32_t* kind, const SKLORT_REAL* number,
           const SKLORT_REAL* replacement, const SKLORT_REAL* weights, const SKLORT_REAL* bias, std::int64_t padded,
           std::int64_t targets, SKLORT_REAL* scores, std::int64_t link, std::int64_t nan_wins, std::int64_t of_linked,
           const std::int64_t* names, std::int64_t* labels, SKLORT_REAL* linked, SKLORT_REAL* raw) {
  using namespace sklort::cuda;
  SKLORT_SHARED(memory);
  const Stages<Number> stages{place, first, kind, number, replacement};
  const std::int64_t thread = threadIdx.x;
  const std::int64_t lane = thread % lanes;
  auto* turned = reinterpret_cast<Number*>(memory) + thread / lanes * lanes * (at_once + 1);
  const std::int64_t base = static_cast<std::int64_t>(blockIdx.x) * SKLORT_BLOCK + (thread - lane);
  const std::int64_t output = static_cast<std::int64_t>(blockIdx.y) * outputs;

  Number sum[outputs];
#pragma unroll
  for (int i = 0; i < outputs; ++i) sum[i] = Number(0);
  for (std::int64_t from = 0; from < columns; from += at_once) {
    const std::int64_t here = columns - from < at_once ? columns - from : at_once;
    for (std::int64_t r = 0; r < lanes; ++r) {
      const std::int64_t row = base + r;
      if (lane >= here) continue;
      Number read = Number(0);
      if (row < rows) {
        const std::int64_t column = from + lane;
        read = stages.apply(column, x[row * row_stride + stages.column(column) * column_stride]);
      }
      turned[r * (at_once + 1) + lane] = read;
    }
    __syncwarp();
    Number part[outputs];
#pragma unroll
    for (int i = 0; i < outputs; ++i) part[i] = Number(0);
    for (std::int64_t column = 0; column < here; ++column) {
      const Number mine = turned[lane * (at_once + 1) + column];
      const Number* weight = weights + (from + column) * padded + output;
#pragma unroll
      for (int i = 0; i < outputs; ++i) part[i] = fused(mine, __ldg(weight + i), part[i]);
    }
#pragma unroll
    for (int i = 0; i < outputs; ++i) sum[i] = from == 0 ? part[i] : add(sum[i], part[i]);
    __syncwarp();
  }
  const std::int64_t row = base + lane;
  if (row >= rows) return;
#pragma unroll
  for (int i = 0; i < outputs; ++i) sum[i] = add(sum[i], bias[output + i]);
  if (scores != nullptr) {
#pragma unroll
    for (int i = 0; i < outputs; ++i) {
      if (output + i < targets) scores[row * targets + output + i] = sum[i];
    }
    return;
  }
  finish<outputs>({link, nan_wins, of_linked, names, labels, linked, raw}, row, sum, targets);
}

// What remains to be done with scores of more columns than a thread has at once; they are changed in place.
extern "C" __global__ void linear_scores(SKLORT_REAL* scores, std::int64_t rows, std::int64_t targets, std::int64_t link,
                                         std::int64_t nan_wins, std::int64_t of_linked, const std::int64_t* names,
                                         std::int64_t* labels, SKLORT_REAL* linked, SKLORT_REAL* raw) {
  using namespace sklort::cuda;
  for (std::int64_t row = first_element(); row < rows; row += element_stride()) {
    finish<0>({link, nan_wins, of_linked, names, labels, linked, raw}, row, scores + row * targets, targets);
  }
}
