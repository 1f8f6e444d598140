#include "general.h"

#include <algorithm>
#include <cmath>

namespace sklort::forest {

namespace {

bool takes_yes(const Forest& forest, const Branch& branch, double x) noexcept {
  if (std::isnan(x) && branch.nan_yes) return true;
  switch (branch.mode) {  // comparisons with a NaN are false, but for "differs"
    case Mode::leq:
      return x <= branch.threshold;
    case Mode::lt:
      return x < branch.threshold;
    case Mode::gte:
      return x >= branch.threshold;
    case Mode::gt:
      return x > branch.threshold;
    case Mode::eq:
      return x == branch.threshold;
    case Mode::neq:
      return x != branch.threshold;
    case Mode::member: {
      const std::vector<double>& set = forest.sets[static_cast<std::size_t>(branch.set)];
      return !std::isnan(x) && std::binary_search(set.begin(), set.end(), x);
    }
  }
  return false;
}

}  // namespace

void sum_general(const Forest& forest, const double* rows, std::int64_t features, std::int64_t count, double* sums) noexcept {
  const bool extreme = forest.aggregate == Aggregate::min || forest.aggregate == Aggregate::max;
  // The start of a minimum or maximum; a target that no leaf names stays NaN until the end, where it becomes 0.
  std::fill_n(sums, count * forest.targets, extreme ? std::nan("") : 0.0);
  for (std::int64_t row = 0; row < count; ++row, rows += features, sums += forest.targets) {
    for (const Ref root : forest.roots) {
      Ref at = root;
      while (at >= 0) {
        const Branch& branch = forest.branches[static_cast<std::size_t>(at)];
        at = takes_yes(forest, branch, rows[branch.feature]) ? branch.yes : branch.no;
      }
      const auto leaf = static_cast<std::size_t>(~at);
      for (std::int32_t i = forest.leaf_begin[leaf]; i < forest.leaf_begin[leaf + 1]; ++i) {
        const Addend& addend = forest.addends[static_cast<std::size_t>(i)];
        double& sum = sums[addend.target];
        if (!extreme) {
          sum += addend.weight;
        } else if (std::isnan(sum)) {
          sum = addend.weight;
        } else {
          sum = forest.aggregate == Aggregate::min ? std::min(sum, addend.weight) : std::max(sum, addend.weight);
        }
      }
    }
    if (extreme) {
      for (std::int64_t target = 0; target < forest.targets; ++target) {
        if (std::isnan(sums[target])) sums[target] = 0.0;
      }
    }
  }
  if (forest.aggregate == Aggregate::average && !forest.roots.empty()) {
    sums -= count * forest.targets;
    for (std::int64_t i = 0; i < count * forest.targets; ++i) sums[i] /= static_cast<double>(forest.roots.size());
  }
}

}  // namespace sklort::forest
