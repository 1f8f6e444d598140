#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <new>
#include <utility>

#include "normal.h"
#include "packed.h"

namespace sklort::forest {

template <class T>
void Aligned<T>::Free::operator()(T* memory) const noexcept {
  std::free(memory);
}

template <class T>
void Aligned<T>::assign(const std::vector<T>& from) {
  const std::size_t bytes = (from.size() * sizeof(T) + 63) / 64 * 64;
  auto* memory = static_cast<T*>(std::aligned_alloc(64, std::max<std::size_t>(bytes, 64)));
  if (memory == nullptr) throw std::bad_alloc();
  data_.reset(memory);
  size_ = from.size();
  if (!from.empty()) std::memcpy(memory, from.data(), from.size() * sizeof(T));
}

template class Aligned<tree::NarrowNode>;
template class Aligned<tree::WideNode>;

std::string walk_refuses(const Forest& forest) {
  if (forest.aggregate == Aggregate::min || forest.aggregate == Aggregate::max)
    return "it takes the minimum or maximum of its trees";
  for (const Branch& branch : forest.branches) {
    if (branch.mode >= Mode::eq) return "it tests for equality or membership";
  }
  return {};
}

namespace {

// Entries come in the order of the leaves, tree by tree and from left to right. Those of a deep forest, most of whose leaves are
// pure where it tells classes, are stored once if they are equal.
class LeafTable {
 public:
  LeafTable(std::int64_t width, std::vector<double>& values, bool once)
      : width_(static_cast<std::size_t>(width)), values_(values), once_(once), slots_(once ? 1024 : 0, 0) {}

  std::uint32_t entry(const double* value) {
    if (!once_) {
      if (count_ >= std::numeric_limits<std::uint32_t>::max() - 1) bad_graph("the forest has too many leaves");
      values_.insert(values_.end(), value, value + width_);
      return static_cast<std::uint32_t>(count_++);
    }
    if ((count_ + 1) * 2 > slots_.size()) grow();
    std::size_t slot = hash(value) & (slots_.size() - 1);
    for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
      if (std::memcmp(values_.data() + (slots_[slot] - 1) * width_, value, width_ * sizeof(double)) == 0) return slots_[slot] - 1;
    }
    if (count_ >= std::numeric_limits<std::uint32_t>::max() - 1) bad_graph("the forest has too many different leaf values");
    values_.insert(values_.end(), value, value + width_);
    slots_[slot] = static_cast<std::uint32_t>(++count_);
    return slots_[slot] - 1;
  }

 private:
  std::size_t hash(const double* value) const noexcept {
    std::uint64_t mixed = 0x9E3779B97F4A7C15U;
    for (std::size_t i = 0; i < width_; ++i) {
      mixed = (mixed ^ std::bit_cast<std::uint64_t>(value[i])) * 0xFF51AFD7ED558CCDU;
      mixed ^= mixed >> 32;
    }
    return mixed;
  }

  void grow() {
    std::vector<std::uint32_t> old = std::exchange(slots_, std::vector<std::uint32_t>(slots_.size() * 2, 0));
    for (const std::uint32_t entry : old) {
      if (entry == 0) continue;
      std::size_t slot = hash(values_.data() + (entry - 1) * width_) & (slots_.size() - 1);
      while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = entry;
    }
  }

  std::size_t width_;
  std::vector<double>& values_;
  bool once_;
  std::size_t count_ = 0;
  std::vector<std::uint32_t> slots_;  // entry + 1; 0: empty
};

// The one target of each tree; empty when some tree has several.
std::vector<std::int32_t> single_targets(const Forest& forest) {
  std::vector<std::int32_t> targets;
  std::vector<Ref> stack;
  for (const Ref root : forest.roots) {
    std::int32_t target = -1;
    std::size_t visits = 0;
    stack.assign(1, root);
    while (!stack.empty()) {
      const Ref ref = stack.back();
      stack.pop_back();
      if (ref >= 0) {
        if (++visits > forest.branches.size()) return {};  // shared subtrees: not worth another visit
        stack.push_back(forest.branches[static_cast<std::size_t>(ref)].no);
        stack.push_back(forest.branches[static_cast<std::size_t>(ref)].yes);
        continue;
      }
      const auto leaf = static_cast<std::size_t>(~ref);
      for (std::int32_t i = forest.leaf_begin[leaf]; i < forest.leaf_begin[leaf + 1]; ++i) {
        const std::int32_t here = forest.addends[static_cast<std::size_t>(i)].target;
        if (target >= 0 && here != target) return {};
        target = here;
      }
    }
    targets.push_back(std::max(target, 0));
  }
  return targets;
}

// Whether some tree has more than 256 leaves: no form that numbers leaves by a byte takes it.
bool deep(const Forest& forest) {
  std::vector<Ref> branches;
  return std::ranges::any_of(forest.roots, [&](Ref root) { return leaves_below(forest, root, branches) > few_leaves; });
}

// Shared subtrees are unfolded; a model that unfolds to more nodes than this is refused.
constexpr std::size_t most_nodes = std::size_t{1} << 28;

template <class Node>
Node make_node(std::uint64_t key, std::uint32_t child, std::uint32_t column) {
  if constexpr (std::is_same_v<Node, tree::NarrowNode>) {
    return key << 32 | static_cast<std::uint64_t>(child) << 8 | column;
  } else {
    return Node{key, child, column};
  }
}

// By how many levels the longest path may exceed the mean one, when all paths are followed as far.
constexpr double even_excess = 2.0;

void place(const tree::NarrowNode* nodes, std::uint32_t at, std::uint32_t heap, Top& top) {
  if (heap >= Top::size) {
    top.exit[heap - Top::size] = at;
    return;
  }
  const tree::NarrowNode node = nodes[at];
  const auto column = static_cast<std::uint32_t>(node & 0xFF);
  const std::uint32_t child = static_cast<std::uint32_t>(node) >> 8;
  const bool leaf = child == at;
  top.column[heap] = column;
  top.limit[heap] = leaf ? ~std::uint32_t{0} : static_cast<std::uint32_t>(node >> 32);
  place(nodes, child, 2 * heap, top);
  place(nodes, leaf ? at : child + 1, 2 * heap + 1, top);
}

Top top_of(const tree::NarrowNode* nodes) {
  Top top{};
  place(nodes, 0, 1, top);
  return top;
}

template <class Key, class Node>
class Packer {
 public:
  Packer(const Forest& forest, Packed& packed, const std::map<std::pair<std::int32_t, bool>, std::uint32_t>& columns)
      : forest_(forest),
        packed_(packed),
        columns_(columns),
        table_(packed.width, packed.values, deep(forest)),
        value_(static_cast<std::size_t>(packed.width)) {}

  // False when a tree does not fit the narrow form.
  bool run(std::vector<Node>& nodes) {
    double depths = 0;
    for (std::size_t i = 0; i < forest_.roots.size(); ++i) {
      nodes.resize((nodes.size() + 1) / 2 * 2);  // pairs of siblings begin at even places
      packed_.trees[i].first = nodes.size();
      if (!pack_tree(forest_.roots[i], nodes, packed_.trees[i])) return false;
      depths += packed_.trees[i].depth;
      packed_.deepest = std::max(packed_.deepest, packed_.trees[i].depth);
      packed_.even = packed_.even && packed_.trees[i].even;
      if constexpr (std::is_same_v<Node, tree::NarrowNode>) {
        if (packed_.trees[i].depth >= static_cast<std::int32_t>(Top::levels)) {
          packed_.trees[i].top = static_cast<std::int32_t>(packed_.tops.size());
          packed_.tops.push_back(top_of(nodes.data() + packed_.trees[i].first));
        }
      }
    }
    packed_.mean_depth = forest_.roots.empty() ? 0 : depths / static_cast<double>(forest_.roots.size());
    return true;
  }

 private:
  struct Visit {
    Ref ref;
    std::uint32_t at;
    std::int32_t depth;
  };

  bool pack_tree(Ref root, std::vector<Node>& nodes, Tree& tree) {
    const std::size_t first = nodes.size();
    nodes.resize(first + 2);  // the root, and a place that keeps the pairs even
    tree.depth = 0;
    tree.top = -1;
    double leaves = 0;
    double levels = 0;  // of all leaves
    std::vector<Visit>& stack = stack_;
    stack.assign(1, {root, 0, 0});
    while (!stack.empty()) {
      const Visit visit = stack.back();
      stack.pop_back();
      if (visit.ref < 0) {
        nodes[first + visit.at] = make_node<Node>(leaf(static_cast<std::size_t>(~visit.ref)), visit.at, 0);
        leaves += 1;
        levels += visit.depth;
        continue;
      }
      const Branch& branch = forest_.branches[static_cast<std::size_t>(visit.ref)];
      const Test<Key> test = test_of<Key>(branch);
      const std::size_t child = nodes.size() - first;
      tree.depth = std::max(tree.depth, visit.depth + 1);
      if (static_cast<std::size_t>(visit.depth) >= forest_.branches.size()) bad_graph("a tree has a cycle");
      if (nodes.size() > most_nodes) bad_graph("the forest's shared subtrees unfold to more than 2^28 nodes");
      if (std::is_same_v<Node, tree::NarrowNode> && child + 2 > tree::narrow_nodes) return false;
      nodes.resize(nodes.size() + 2);
      const auto pair = static_cast<std::uint32_t>(child);
      nodes[first + visit.at] = make_node<Node>(test.key, pair, columns_.at({branch.feature, test.nan_left}));
      stack.push_back({test.yes_left ? branch.no : branch.yes, pair + 1, visit.depth + 1});
      stack.push_back({test.yes_left ? branch.yes : branch.no, pair, visit.depth + 1});
    }
    tree.nodes = nodes.size() - first;
    tree.even = tree.depth - levels / leaves < even_excess;
    return true;
  }

  std::uint32_t leaf(std::size_t leaf) {
    std::ranges::fill(value_, 0.0);
    for (std::int32_t i = forest_.leaf_begin[leaf]; i < forest_.leaf_begin[leaf + 1]; ++i) {
      const Addend& addend = forest_.addends[static_cast<std::size_t>(i)];
      value_[packed_.width == 1 ? 0 : static_cast<std::size_t>(addend.target)] += addend.weight;
    }
    return table_.entry(value_.data());
  }

  const Forest& forest_;
  Packed& packed_;
  const std::map<std::pair<std::int32_t, bool>, std::uint32_t>& columns_;
  LeafTable table_;
  std::vector<double> value_;
  std::vector<Visit> stack_;
};

// False when the narrow form cannot hold the forest.
template <class Key, class Node>
bool pack_into(const Forest& forest, Packed& packed, Aligned<Node>& kept) {
  packed.trees.resize(forest.roots.size());
  const std::vector<std::int32_t> targets = single_targets(forest);
  packed.width = targets.empty() && !forest.roots.empty() ? forest.targets : 1;
  for (std::size_t i = 0; i < packed.trees.size(); ++i) packed.trees[i].target = packed.width == 1 ? targets[i] : 0;
  const bool common = !targets.empty() && std::ranges::all_of(targets, [&](std::int32_t one) { return one == targets[0]; });
  packed.target = common && packed.width == 1 ? targets[0] : -1;

  std::map<std::pair<std::int32_t, bool>, std::uint32_t> columns;
  for (const Branch& branch : forest.branches) columns.try_emplace({branch.feature, test_of<Key>(branch).nan_left}, 0);
  packed.dense = true;
  for (auto& [which, column] : columns) {
    packed.dense = packed.dense && which.first == static_cast<std::int32_t>(packed.columns.size()) &&
                   which.second == columns.begin()->first.second;
    packed.columns.push_back({which.first, which.second});
    column = static_cast<std::uint32_t>(packed.columns.size());
  }
  if (std::is_same_v<Node, tree::NarrowNode> && packed.columns.size() >= tree::narrow_columns) return false;
  std::vector<Node> nodes;
  if (!Packer<Key, Node>(forest, packed, columns).run(nodes)) return false;
  kept.assign(nodes);
  return true;
}

}  // namespace

std::optional<Packed> pack_narrow(const Forest& forest) {
  Packed packed;
  if (!pack_into<std::uint32_t>(forest, packed, packed.narrow_nodes)) return std::nullopt;
  return packed;
}

Packed pack_wide(const Forest& forest) {
  Packed packed;
  packed.wide = true;
  pack_into<std::uint64_t>(forest, packed, packed.wide_nodes);
  return packed;
}

}  // namespace sklort::forest
