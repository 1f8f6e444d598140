#include <bit>
#include <utility>

#include "forest.h"

namespace sklort::forest {

namespace {

// The one target of a tree's leaves; -1 when there are several, or a leaf that is reached twice or adds other than once.
class Targets {
 public:
  explicit Targets(const Forest& forest) : forest_(forest), seen_(static_cast<std::size_t>(forest.leaves()), 0) {}

  std::int32_t of(Ref root) {
    ++mark_;
    std::int32_t target = -1;
    stack_.assign(1, root);
    std::size_t visits = 0;
    while (!stack_.empty()) {
      const Ref ref = stack_.back();
      stack_.pop_back();
      if (ref >= 0) {
        if (++visits > forest_.branches.size()) return -1;
        stack_.push_back(forest_.branches[static_cast<std::size_t>(ref)].no);
        stack_.push_back(forest_.branches[static_cast<std::size_t>(ref)].yes);
        continue;
      }
      const auto leaf = static_cast<std::size_t>(~ref);
      if (std::exchange(seen_[leaf], mark_) == mark_) return -1;
      if (forest_.leaf_begin[leaf + 1] != forest_.leaf_begin[leaf] + 1) return -1;
      const std::int32_t here = forest_.addends[static_cast<std::size_t>(forest_.leaf_begin[leaf])].target;
      if (target >= 0 && here != target) return -1;
      target = here;
    }
    return target;
  }

 private:
  const Forest& forest_;
  std::vector<std::uint32_t> seen_;
  std::uint32_t mark_ = 0;
  std::vector<Ref> stack_;
};

bool same_test(const Branch& a, const Branch& b) {
  return a.feature == b.feature && a.mode == b.mode && a.nan_yes == b.nan_yes &&
         std::bit_cast<std::uint64_t>(a.threshold) == std::bit_cast<std::uint64_t>(b.threshold) && a.mode != Mode::member;
}

// Pairs the leaves of two trees of equal structure; false when the structures differ.
bool pair_leaves(const Forest& forest, Ref first, Ref second, std::vector<std::pair<Ref, Ref>>& stack,
                 std::vector<std::pair<Ref, Ref>>& leaves) {
  stack.assign(1, {first, second});
  leaves.clear();
  while (!stack.empty()) {
    const auto [a, b] = stack.back();
    stack.pop_back();
    if ((a < 0) != (b < 0)) return false;
    if (a < 0) {
      leaves.emplace_back(a, b);
      continue;
    }
    const Branch& x = forest.branches[static_cast<std::size_t>(a)];
    const Branch& y = forest.branches[static_cast<std::size_t>(b)];
    if (!same_test(x, y)) return false;
    stack.emplace_back(x.no, y.no);
    stack.emplace_back(x.yes, y.yes);
  }
  return true;
}

}  // namespace

void merge_copies(Forest& forest) {
  if (forest.targets < 2 || forest.roots.size() < 2) return;
  Targets targets(forest);
  std::vector<std::int32_t> target;
  for (const Ref root : forest.roots) target.push_back(targets.of(root));

  std::vector<Ref> roots;
  std::vector<Ref> next(static_cast<std::size_t>(forest.leaves()), 0);  // the leaf (as a Ref) whose addends follow; 0: none
  std::vector<std::pair<Ref, Ref>> stack;
  std::vector<std::pair<Ref, Ref>> leaves;
  bool merged = false;
  for (std::size_t tree = 0; tree < forest.roots.size();) {
    roots.push_back(forest.roots[tree]);
    std::vector<char> taken(static_cast<std::size_t>(forest.targets), 0);
    std::size_t last = tree;  // the latest tree of the group
    if (target[tree] >= 0) taken[static_cast<std::size_t>(target[tree])] = 1;
    while (target[tree] >= 0 && last + 1 < forest.roots.size()) {
      const std::int32_t other = target[last + 1];
      if (other < 0 || taken[static_cast<std::size_t>(other)] != 0) break;
      if (!pair_leaves(forest, forest.roots[last], forest.roots[last + 1], stack, leaves)) break;
      for (const auto& [a, b] : leaves) next[static_cast<std::size_t>(~a)] = b;
      taken[static_cast<std::size_t>(other)] = 1;
      ++last;
      merged = true;
    }
    tree = last + 1;
  }
  if (!merged) return;
  forest.roots = std::move(roots);
  std::vector<std::int32_t> begin(1, 0);
  std::vector<Addend> addends;
  begin.reserve(forest.leaf_begin.size());
  addends.reserve(forest.addends.size());
  // Leaves of the copies are not reached any more; they keep their numbers and lose their addends.
  std::vector<char> absorbed(next.size(), 0);
  for (const Ref ref : next) {
    if (ref < 0) absorbed[static_cast<std::size_t>(~ref)] = 1;
  }
  for (std::size_t leaf = 0; leaf < next.size(); ++leaf) {
    for (Ref at = ~static_cast<Ref>(leaf); absorbed[leaf] == 0 && at < 0; at = next[static_cast<std::size_t>(~at)]) {
      const auto from = static_cast<std::size_t>(~at);
      for (std::int32_t i = forest.leaf_begin[from]; i < forest.leaf_begin[from + 1]; ++i)
        addends.push_back(forest.addends[static_cast<std::size_t>(i)]);
    }
    begin.push_back(static_cast<std::int32_t>(addends.size()));
  }
  forest.leaf_begin = std::move(begin);
  forest.addends = std::move(addends);
}

}  // namespace sklort::forest
