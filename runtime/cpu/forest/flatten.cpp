// A forest in the form of compare-all.
#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "compare.h"
#include "normal.h"

namespace sklort::forest {

namespace {

// A column of 512 rows is 512 bytes.
constexpr std::size_t cached_columns = 96;

using Which = std::pair<std::int32_t, bool>;  // feature, and whether a NaN goes left

std::uint32_t four_times(std::size_t byte) noexcept { return static_cast<std::uint32_t>(byte & 0xFF) * 0x01010101U; }

std::size_t columns_for(std::size_t thresholds) noexcept { return (thresholds + most_bins - 1) / most_bins; }

template <class Key>
class Flattener {
  using Number = std::conditional_t<sizeof(Key) == 4, float, double>;
  using Thresholds = std::map<Which, std::set<Number>>;

 public:
  explicit Flattener(const Forest& forest) : forest_(forest) {
    out_.targets = forest.targets;
    out_.doubles = sizeof(Key) == 8;
  }

  Compared run() {
    // Greedy: a group takes the next tree as long as its columns stay in the nearest cache.
    Thresholds thresholds;
    std::size_t columns = 0;
    std::vector<Ref> branches;
    std::size_t first = 0;
    for (std::size_t tree = 0; tree < forest_.roots.size(); ++tree) {
      leaves_below(forest_, forest_.roots[tree], branches);
      Thresholds grown;
      for (const Ref ref : branches) {
        const auto [which, threshold] = test(ref);
        if (!thresholds[which].contains(threshold)) grown[which].insert(threshold);
      }
      std::size_t after = columns;
      for (const auto& [which, values] : grown) {
        const std::size_t before = thresholds[which].size();
        after += columns_for(before + values.size()) - columns_for(before);
      }
      if (after > cached_columns && tree > first) {
        emit(first, tree, thresholds);
        first = tree;
        thresholds.clear();
        for (const Ref ref : branches) {
          const auto [which, threshold] = test(ref);
          thresholds[which].insert(threshold);
        }
        after = 0;
        for (const auto& [which, values] : thresholds) after += columns_for(values.size());
      } else {
        for (auto& [which, values] : grown) thresholds[which].merge(values);
      }
      columns = after;
    }
    emit(first, forest_.roots.size(), thresholds);
    return std::move(out_);
  }

 private:
  std::pair<Which, Number> test(Ref ref) const {
    const Branch& branch = forest_.branches[static_cast<std::size_t>(ref)];
    const Test<Key> found = test_of<Key>(branch);
    return {{branch.feature, found.nan_left}, number_of(found.key)};
  }

  void emit(std::size_t first, std::size_t last, const Thresholds& thresholds) {
    Group group;
    ranks_.clear();
    auto& flat = kept(group);
    for (const auto& [which, values] : thresholds) {
      if (values.empty()) continue;
      Ranks& ranks = ranks_[which];
      ranks.column = static_cast<std::uint32_t>(group.columns.size());
      ranks.values.assign(values.begin(), values.end());
      for (std::size_t at = 0; at < ranks.values.size(); at += most_bins) {
        const std::size_t here = std::min<std::size_t>(most_bins, ranks.values.size() - at);
        const auto padded = static_cast<std::int32_t>(std::max<std::size_t>(8, std::bit_ceil(here + 1)));
        group.columns.push_back({which.first, which.second});
        group.tables.push_back({static_cast<std::int32_t>(flat.size()), padded, which.second});
        flat.insert(flat.end(), ranks.values.begin() + static_cast<std::ptrdiff_t>(at),
                    ranks.values.begin() + static_cast<std::ptrdiff_t>(at + here));
        flat.resize(static_cast<std::size_t>(group.tables.back().first + padded), std::numeric_limits<Number>::infinity());
      }
    }
    for (std::size_t tree = first; tree < last; ++tree) emit_tree(forest_.roots[tree], group);
    const auto columns = static_cast<std::int64_t>(group.columns.size());
    out_.columns += columns;
    out_.most_columns = std::max(out_.most_columns, columns);
    out_.groups.push_back(std::move(group));
  }

  static auto& kept(Group& group) noexcept {
    if constexpr (sizeof(Key) == 4) {
      return group.thresholds;
    } else {
      return group.double_thresholds;
    }
  }

  void emit_tree(Ref root, Group& group) {
    CompareTree tree{};
    tree.first = static_cast<std::uint32_t>(out_.branches.size());
    leaves_.clear();
    flatten(root);
    tree.count = static_cast<std::uint32_t>(out_.branches.size()) - tree.first;
    const std::size_t padded = leaves_.size() <= 64 ? std::max<std::size_t>(8, std::bit_ceil(leaves_.size())) : few_leaves;
    tree.leaves = static_cast<std::uint32_t>(padded);
    tree.values = static_cast<std::uint32_t>(out_.values.size());
    tree.target = the_target();
    const std::size_t width = tree.target < 0 ? static_cast<std::size_t>(forest_.targets) : 1;
    (padded <= 64 ? out_.leaves : out_.wide_leaves) += static_cast<std::int64_t>(width);
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

  // The one target of the tree at hand; -1 when it has several.
  std::int32_t the_target() const {
    std::int32_t target = -1;
    for (const std::size_t leaf : leaves_) {
      for (std::int32_t i = forest_.leaf_begin[leaf]; i < forest_.leaf_begin[leaf + 1]; ++i) {
        const std::int32_t here = forest_.addends[static_cast<std::size_t>(i)].target;
        if (target >= 0 && here != target) return -1;
        target = here;
      }
    }
    return std::max(target, 0);
  }

  // At most 255 levels deep, since the tree has at most 256 leaves.
  void flatten(Ref ref) {
    if (ref < 0) {
      leaves_.push_back(static_cast<std::size_t>(~ref));
      return;
    }
    const Branch& branch = forest_.branches[static_cast<std::size_t>(ref)];
    const Test<Key> found = test_of<Key>(branch);
    const Ranks& ranks = ranks_.at({branch.feature, found.nan_left});
    const auto rank =
        static_cast<std::size_t>(std::ranges::lower_bound(ranks.values, number_of(found.key)) - ranks.values.begin());
    const std::size_t at = out_.branches.size();
    const auto column = static_cast<std::uint32_t>(ranks.column + rank / most_bins);
    out_.branches.push_back({column, four_times(rank % most_bins - 128), four_times(leaves_.size()), 0});
    flatten(found.yes_left ? branch.yes : branch.no);
    out_.branches[at].right = four_times(leaves_.size());
    flatten(found.yes_left ? branch.no : branch.yes);
  }

  struct Ranks {
    std::uint32_t column;  // the first one of the feature
    std::vector<Number> values;
  };

  const Forest& forest_;
  Compared out_;
  std::map<Which, Ranks> ranks_;
  std::vector<std::size_t> leaves_;
};

template <class Key>
std::string refuses(const Forest& forest) {
  std::vector<Ref> branches;
  for (const Ref root : forest.roots) {
    if (leaves_below(forest, root, branches) > few_leaves) return "it has a tree of more than 256 leaves";
  }
  for (const Branch& branch : forest.branches) {
    const Key key = test_of<Key>(branch).key;
    if (key == tree::key_never<Key> || key == tree::key_always<Key>) return "it has a test that is the same for every number";
  }
  return {};
}

}  // namespace

std::string compare_refuses(const Forest& forest, bool doubles) {
  return doubles ? refuses<std::uint64_t>(forest) : refuses<std::uint32_t>(forest);
}

Compared compare_form(const Forest& forest, bool doubles) {
  Compared compared = doubles ? Flattener<std::uint64_t>(forest).run() : Flattener<std::uint32_t>(forest).run();
  compared.branches.shrink_to_fit();
  compared.values.shrink_to_fit();
  return compared;
}

}  // namespace sklort::forest
