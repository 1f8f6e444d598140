#include "compare.h"

#include <algorithm>

#include "chip.h"
#include "isa.h"
#include "threads.h"

namespace sklort::forest {

SKLORT_DECLARE(CompareLoops, compare_loops)

namespace {

struct Prices {      // nanoseconds
  double branch;     // one row, one branch, in blocks of the most rows
  double leaf;       // one row, one leaf value from a table of at most 64
  double wide_leaf;  // from a larger one
  double value;      // one value binned
  double wide_value;
};

Prices prices() noexcept {
  switch (current_isa()) {
    case Isa::avx512:
      return {0.012, 0.15, 0.45, 1.2, 3.0};
    case Isa::avx2:
      return {0.025, 0.5, 0.5, 2.5, 3.0};
    case Isa::baseline:
      break;
  }
  return {0.06, 0.6, 0.6, 3.0, 4.0};
}

// The next rows, of so many that are left.
int vectors_for(std::int64_t rows) noexcept { return rows <= 64 ? 1 : rows <= 128 ? 2 : rows <= 400 ? 4 : most_compare_vectors; }

// By how much a branch costs more in smaller blocks: what it waits for is spread over fewer rows.
double dearer(int vectors) noexcept { return vectors == 1 ? 2.0 : vectors == 2 ? 1.2 : vectors == 4 ? 1.05 : 1.0; }

void bin(const CompareLoops& loops, const float* values, std::int64_t count, const Group& group, std::size_t column,
         std::int8_t* bins) noexcept {
  loops.bin(values, count, group.tables[column], group.thresholds.data(), bins);
}

void bin(const CompareLoops& loops, const double* values, std::int64_t count, const Group& group, std::size_t column,
         std::int8_t* bins) noexcept {
  loops.bin_doubles(values, count, group.tables[column], group.double_thresholds.data(), bins);
}

}  // namespace

std::size_t Compared::bytes() const noexcept {
  std::size_t total = branches.size() * sizeof(CompareBranch) + values.size() * sizeof(double);
  for (const Group& group : groups) {
    total += group.thresholds.size() * sizeof(float) + group.double_thresholds.size() * sizeof(double);
    total += group.trees.size() * sizeof(CompareTree) + group.columns.size() * (sizeof(Column) + sizeof(BinTable));
  }
  return total;
}

double Compared::cost(std::int64_t rows) const noexcept {
  const Prices price = prices();
  const double all_branches = price.branch * static_cast<double>(branches.size());
  const double others = (doubles ? price.wide_value : price.value) * static_cast<double>(columns) +
                        price.leaf * static_cast<double>(leaves) + price.wide_leaf * static_cast<double>(wide_leaves);
  const std::int64_t most = most_compare_vectors * compare_rows;
  double total = (all_branches + others) * static_cast<double>(rows / most * most);
  for (std::int64_t left = rows % most; left > 0;) {
    const int vectors = vectors_for(left);
    total += (all_branches * dearer(vectors) + others) * static_cast<double>(vectors * compare_rows);
    left -= vectors * compare_rows;
  }
  return total;
}

template <class Value>
void compare_sums(const Compared& compared, Call& call, const Value* rows, std::int64_t features, std::int64_t count,
                  double* sums) {
  const CompareLoops& loops = SKLORT_CHOOSE(compare_loops);
  const bool gather = gathers_are_fast();
  const std::int64_t targets = compared.targets;
  const std::int64_t block = vectors_for(count) * compare_rows;
  const int threads = compared.cost(count) < worth_sharing ? 1 : call.threads();
  auto* all_values = call.scratch_of<Value>(threads * block);
  auto* all_bins = call.scratch_of<std::int8_t>(threads * block * std::max<std::int64_t>(compared.most_columns, 1));
  auto* all_sums = call.scratch_of<double>(threads * block * targets);
  parallel(count, block, threads, [&](int worker, std::int64_t first, std::int64_t last) noexcept {
    Value* values = all_values + worker * block;
    std::int8_t* bins = all_bins + worker * block * compared.most_columns;
    double* block_sums = all_sums + worker * block * targets;
    for (std::int64_t here = 0; first < last; first += here) {
      const int vectors = vectors_for(last - first);
      const std::int64_t padded = vectors * compare_rows;
      here = std::min(padded, last - first);
      std::fill_n(block_sums, padded * targets, 0.0);
      std::fill_n(values + here, padded - here, Value{});
      for (const Group& group : compared.groups) {
        std::int32_t feature = -1;
        for (std::size_t c = 0; c < group.columns.size(); ++c) {
          if (group.columns[c].feature != feature) {
            feature = group.columns[c].feature;
            const Value* value = rows + first * features + feature;
            for (std::int64_t i = 0; i < here; ++i) values[i] = value[i * features];
          }
          bin(loops, values, padded, group, c, bins + static_cast<std::int64_t>(c) * padded);
        }
        loops.trees(group.trees.data(), static_cast<std::int64_t>(group.trees.size()), compared.branches.data(),
                    compared.values.data(), bins, vectors, targets, gather, block_sums);
      }
      loops.finish(block_sums, padded, targets, here, sums + first * targets);
    }
  });
}

template void compare_sums(const Compared&, Call&, const float*, std::int64_t, std::int64_t, double*);
template void compare_sums(const Compared&, Call&, const double*, std::int64_t, std::int64_t, double*);

}  // namespace sklort::forest
