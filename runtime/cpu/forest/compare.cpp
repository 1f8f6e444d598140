#include "compare.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "isa.h"
#include "normal.h"
#include "threads.h"

namespace sklort::forest {

SKLORT_DECLARE(CompareLoops, compare_loops)

namespace {

constexpr std::size_t most_leaves = 256;

using Key = std::pair<std::int32_t, bool>;  // feature, and whether a NaN goes left

Key column_of(const Branch& branch) { return {branch.feature, test_of<std::uint32_t>(branch).nan_left}; }

// The branches of a tree, and how many leaves it has; more than `most_leaves` means it has too many, or shared subtrees.
std::size_t visit(const Forest& forest, Ref root, std::vector<Ref>& branches) {
  std::vector<Ref> stack{root};
  std::size_t leaves = 0;
  branches.clear();
  while (!stack.empty() && leaves <= most_leaves) {
    const Ref ref = stack.back();
    stack.pop_back();
    if (ref < 0) {
      ++leaves;
      continue;
    }
    branches.push_back(ref);
    if (branches.size() >= most_leaves) return most_leaves + 1;
    stack.push_back(forest.branches[static_cast<std::size_t>(ref)].no);
    stack.push_back(forest.branches[static_cast<std::size_t>(ref)].yes);
  }
  return leaves;
}

class Flattener {
 public:
  explicit Flattener(const Forest& forest) : forest_(forest) { out_.targets = forest.targets; }

  Compared run() {
    // Greedy: a group takes the next tree as long as no column needs more bins than a byte tells apart.
    std::map<Key, std::set<float>> thresholds;
    std::vector<Ref> branches;
    std::size_t first = 0;
    for (std::size_t tree = 0; tree < forest_.roots.size(); ++tree) {
      visit(forest_, forest_.roots[tree], branches);
      std::map<Key, std::set<float>> grown;
      for (const Ref ref : branches) {
        const Branch& branch = forest_.branches[static_cast<std::size_t>(ref)];
        const Key key = column_of(branch);
        const float threshold = float_of(test_of<std::uint32_t>(branch).key);
        if (!thresholds[key].contains(threshold)) grown[key].insert(threshold);
      }
      const bool fits = std::ranges::all_of(grown, [&](const auto& one) {
        return thresholds[one.first].size() + one.second.size() <= static_cast<std::size_t>(most_bins);
      });
      if (!fits) {
        emit(first, tree, thresholds);
        first = tree;
        thresholds.clear();
        for (const Ref ref : branches) {
          const Branch& branch = forest_.branches[static_cast<std::size_t>(ref)];
          thresholds[column_of(branch)].insert(float_of(test_of<std::uint32_t>(branch).key));
        }
      } else {
        for (auto& [key, values] : grown) thresholds[key].merge(values);
      }
    }
    emit(first, forest_.roots.size(), thresholds);
    return std::move(out_);
  }

 private:
  void emit(std::size_t first, std::size_t last, const std::map<Key, std::set<float>>& thresholds) {
    Group group;
    columns_.clear();
    ranks_.clear();
    for (const auto& [key, values] : thresholds) {
      if (values.empty()) continue;
      columns_[key] = static_cast<std::uint16_t>(group.columns.size());
      group.columns.push_back({key.first, key.second});
      const auto padded = static_cast<std::int32_t>(std::max<std::size_t>(8, std::bit_ceil(values.size() + 1)));
      group.tables.push_back({static_cast<std::int32_t>(group.thresholds.size()), padded, key.second});
      group.thresholds.insert(group.thresholds.end(), values.begin(), values.end());
      group.thresholds.resize(static_cast<std::size_t>(group.tables.back().first + padded),
                              std::numeric_limits<float>::infinity());
      ranks_.emplace_back(values.begin(), values.end());
    }
    for (std::size_t tree = first; tree < last; ++tree) emit_tree(forest_.roots[tree], group);
    out_.most_columns = std::max(out_.most_columns, static_cast<std::int64_t>(group.columns.size()));
    out_.groups.push_back(std::move(group));
  }

  void emit_tree(Ref root, Group& group) {
    CompareTree tree{};
    tree.first = static_cast<std::uint32_t>(out_.branches.size());
    leaves_.clear();
    flatten(root);
    tree.count = static_cast<std::uint32_t>(out_.branches.size()) - tree.first;
    const std::size_t padded = leaves_.size() <= 64 ? std::max<std::size_t>(8, std::bit_ceil(leaves_.size())) : most_leaves;
    tree.leaves = static_cast<std::uint32_t>(padded);
    tree.values = static_cast<std::uint32_t>(out_.values.size());
    tree.target = 0;
    bool any = false;
    for (const std::size_t leaf : leaves_) {
      for (std::int32_t i = forest_.leaf_begin[leaf]; i < forest_.leaf_begin[leaf + 1]; ++i) {
        const std::int32_t target = forest_.addends[static_cast<std::size_t>(i)].target;
        if (any && target != tree.target) tree.target = -1;
        if (!any) tree.target = target;
        any = true;
        if (tree.target < 0) break;
      }
      if (tree.target < 0) break;
    }
    const std::size_t width = tree.target < 0 ? static_cast<std::size_t>(forest_.targets) : 1;
    out_.values.resize(out_.values.size() + width * padded, 0.0);
    double* values = out_.values.data() + tree.values;
    for (std::size_t at = 0; at < leaves_.size(); ++at) {
      for (std::int32_t i = forest_.leaf_begin[leaves_[at]]; i < forest_.leaf_begin[leaves_[at] + 1]; ++i) {
        const Addend& addend = forest_.addends[static_cast<std::size_t>(i)];
        values[(width == 1 ? 0 : static_cast<std::size_t>(addend.target)) * padded + at] += addend.weight;
      }
    }
    group.trees.push_back(tree);
  }

  // At most 255 levels deep, since the tree has at most 256 leaves.
  void flatten(Ref ref) {
    if (ref < 0) {
      leaves_.push_back(static_cast<std::size_t>(~ref));
      return;
    }
    const Branch& branch = forest_.branches[static_cast<std::size_t>(ref)];
    const Test<std::uint32_t> test = test_of<std::uint32_t>(branch);
    const std::uint16_t column = columns_.at({branch.feature, test.nan_left});
    const std::vector<float>& ranks = ranks_[column];
    const auto bin = std::ranges::lower_bound(ranks, float_of(test.key)) - ranks.begin();
    const std::size_t at = out_.branches.size();
    out_.branches.push_back({column, static_cast<std::int8_t>(bin - 128), static_cast<std::uint8_t>(leaves_.size()), 0});
    flatten(test.yes_left ? branch.yes : branch.no);
    out_.branches[at].right = static_cast<std::uint8_t>(leaves_.size());
    flatten(test.yes_left ? branch.no : branch.yes);
  }

  const Forest& forest_;
  Compared out_;
  std::map<Key, std::uint16_t> columns_;
  std::vector<std::vector<float>> ranks_;
  std::vector<std::size_t> leaves_;
};

struct Prices {      // nanoseconds
  double branch;     // one row, one branch
  double leaf;       // one row, one leaf value from a table of at most 64
  double wide_leaf;  // from a larger one
  double value;      // one value binned
};

Prices prices() noexcept {
  switch (current_isa()) {
    case Isa::avx512:
      return {0.027, 0.22, 0.7, 1.8};
    case Isa::avx2:
      return {0.066, 0.7, 0.7, 4.5};
    case Isa::baseline:
      break;
  }
  return {0.13, 0.8, 0.8, 6.0};
}

int vectors_for(std::int64_t rows) noexcept { return rows <= 64 ? 1 : rows <= 128 ? 2 : rows <= 400 ? 4 : most_compare_vectors; }

}  // namespace

std::size_t Compared::bytes() const noexcept {
  std::size_t total = branches.size() * sizeof(CompareBranch) + values.size() * sizeof(double);
  for (const Group& group : groups) total += group.thresholds.size() * sizeof(float) + group.trees.size() * sizeof(CompareTree);
  return total;
}

double Compared::cost(std::int64_t rows) const noexcept {
  const Prices price = prices();
  double row = price.branch * static_cast<double>(branches.size());
  for (const Group& group : groups) {
    row += price.value * static_cast<double>(group.columns.size());
    for (const CompareTree& tree : group.trees) {
      row += (tree.leaves <= 64 ? price.leaf : price.wide_leaf) * static_cast<double>(tree.target < 0 ? targets : 1);
    }
  }
  const std::int64_t block = vectors_for(rows) * compare_rows;
  return row * static_cast<double>((rows + block - 1) / block * block);
}

std::string compare_refuses(const Forest& forest) {
  std::vector<Ref> branches;
  for (const Ref root : forest.roots) {
    if (visit(forest, root, branches) > most_leaves) return "it has a tree of more than 256 leaves";
  }
  std::set<Key> columns;
  for (const Branch& branch : forest.branches) {
    const std::uint32_t key = test_of<std::uint32_t>(branch).key;
    if (key == tree::key_never<std::uint32_t> || key == tree::key_always<std::uint32_t>)
      return "it has a test that is the same for every number";
    columns.insert(column_of(branch));
  }
  if (columns.size() > std::numeric_limits<std::uint16_t>::max()) return "it reads more than 65,535 columns";
  return {};
}

Compared compare_form(const Forest& forest) { return Flattener(forest).run(); }

void compare_sums(const Compared& compared, Call& call, const float* rows, std::int64_t features, std::int64_t count,
                  double* sums) {
  const CompareLoops& loops = SKLORT_CHOOSE(compare_loops);
  const std::int64_t targets = compared.targets;
  const int vectors = vectors_for(count);
  const std::int64_t block = vectors * compare_rows;
  const int threads = compared.cost(count) < worth_sharing ? 1 : call.threads();
  auto* all_values = call.scratch_of<float>(threads * block);
  auto* all_bins = call.scratch_of<std::int8_t>(threads * block * std::max<std::int64_t>(compared.most_columns, 1));
  auto* all_sums = call.scratch_of<double>(threads * block * targets);
  parallel(count, block, threads, [&](int worker, std::int64_t first, std::int64_t last) noexcept {
    float* values = all_values + worker * block;
    std::int8_t* bins = all_bins + worker * block * compared.most_columns;
    double* block_sums = all_sums + worker * block * targets;
    for (; first < last; first += block) {
      const std::int64_t here = std::min(block, last - first);
      std::fill_n(block_sums, block * targets, 0.0);
      std::fill_n(values + here, block - here, 0.0F);
      for (const Group& group : compared.groups) {
        for (std::size_t c = 0; c < group.columns.size(); ++c) {
          const float* value = rows + first * features + group.columns[c].feature;
          for (std::int64_t i = 0; i < here; ++i) values[i] = value[i * features];
          loops.bin(values, block, group.tables[c], group.thresholds.data(), bins + static_cast<std::int64_t>(c) * block);
        }
        loops.trees(group.trees.data(), static_cast<std::int64_t>(group.trees.size()), compared.branches.data(),
                    compared.values.data(), bins, vectors, targets, block_sums);
      }
      for (std::int64_t i = 0; i < here; ++i) {
        for (std::int64_t target = 0; target < targets; ++target)
          sums[(first + i) * targets + target] = block_sums[target * block + i];
      }
    }
  });
}

}  // namespace sklort::forest
