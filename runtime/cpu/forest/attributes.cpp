// From the attributes of the three tree operators to a Forest.
#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <unordered_map>

#include "forest.h"

namespace sklort::forest {

namespace {

using Ints = std::span<const std::int64_t>;

void same_length(const char* name, std::size_t got, std::size_t expected, const char* of) {
  if (got != expected) bad_graph("attribute '", name, "' has ", got, " entries, but '", of, "' has ", expected);
}

std::int32_t checked(std::int64_t value, std::int64_t limit, const char* name, std::size_t at) {
  if (value < 0 || value >= limit) bad_graph("attribute '", name, "'[", at, "] is ", value, ", which is not in 0..", limit - 1);
  return static_cast<std::int32_t>(value);
}

// Every index must fit the 32 bits of a Ref.
void check_size(std::size_t count) {
  if (count > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) / 2)
    bad_graph("the forest has more nodes than 2^30");
}

std::int32_t feature(std::int64_t value, const char* name, std::size_t at) {
  return checked(value, std::numeric_limits<std::int32_t>::max(), name, at);
}

std::vector<double> numbers_of(const Tensor& tensor, const std::string& name) {
  if (tensor.dtype == DType::float32) {
    const auto span = tensor.span<float>();
    return {span.begin(), span.end()};
  }
  if (tensor.dtype == DType::float64) {
    const auto span = tensor.span<double>();
    return {span.begin(), span.end()};
  }
  bad_graph("attribute '", name, "' must hold float or double, got ", dtype_name(tensor.dtype));
}

Mode mode_of(std::string_view name, bool& leaf) {
  constexpr std::array names = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"};
  leaf = name == "LEAF";
  if (leaf) return Mode::leq;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return static_cast<Mode>(i);
  }
  bad_graph("attribute 'nodes_modes' has the unknown mode '", name, "'");
}

// (tree, node) pairs to positions in the attribute lists.
class Index {
 public:
  Index(Ints trees, Ints nodes) : trees_(trees), nodes_(nodes) {
    // What converters write: the nodes of a tree in one run, numbered 0, 1, 2 ... in it.
    for (std::size_t i = 0; i < trees.size(); ++i) {
      if (i == 0 || trees[i] != trees[i - 1]) {
        dense_ = dense_ && starts_.emplace(trees[i], i).second;
        run_ = i;
      }
      dense_ = dense_ && nodes[i] == static_cast<std::int64_t>(i - run_);
      if (!dense_) break;
    }
    if (dense_) return;
    starts_.clear();
    for (std::size_t i = 0; i < trees.size(); ++i) {
      if (!sparse_.emplace(key(trees[i], nodes[i]), i).second) bad_graph("tree ", trees[i], " has two nodes numbered ", nodes[i]);
    }
  }

  std::size_t at(std::int64_t tree, std::int64_t node, const char* name) const {
    if (dense_) {
      const auto start = starts_.find(tree);
      if (start != starts_.end() && node >= 0) {
        const std::size_t position = start->second + static_cast<std::size_t>(node);
        if (position < trees_.size() && trees_[position] == tree) return position;
      }
    } else {
      const auto found = sparse_.find(key(tree, node));
      if (found != sparse_.end() && trees_[found->second] == tree && nodes_[found->second] == node) return found->second;
    }
    bad_graph("attribute '", name, "' names node ", node, " of tree ", tree, ", which does not exist");
  }

 private:
  static std::uint64_t key(std::int64_t tree, std::int64_t node) {
    constexpr std::int64_t limit = std::int64_t{1} << 32;
    if (tree < 0 || tree >= limit || node < 0 || node >= limit)
      bad_graph("tree ", tree, " node ", node, ": numbers must be in 0..2^32-1");
    return static_cast<std::uint64_t>(tree) << 32 | static_cast<std::uint64_t>(node);
  }

  Ints trees_;
  Ints nodes_;
  bool dense_ = true;
  std::size_t run_ = 0;
  std::unordered_map<std::int64_t, std::size_t> starts_;
  std::unordered_map<std::uint64_t, std::size_t> sparse_;
};

// skl2onnx writes the number of a leaf (options decision_leaf and decision_path) once for each class, all under the one target.
// Added up, as the standard has it, they are no leaf's number; counted once, as onnxruntime does with one target, they are.
void count_repeated_weights_once(Forest& forest) {
  const auto same = [](const Addend& a, const Addend& b) { return a.target == b.target && a.weight == b.weight; };
  std::size_t end = 0;
  std::int32_t begin = 0;
  for (std::size_t leaf = 1; leaf < forest.leaf_begin.size(); ++leaf) {
    const auto first = forest.addends.begin() + begin;
    const auto last = forest.addends.begin() + forest.leaf_begin[leaf];
    begin = forest.leaf_begin[leaf];
    const bool repeats = last - first > 1 && std::all_of(first + 1, last, [&](const Addend& each) { return same(*first, each); });
    const auto kept = repeats ? first + 1 : last;
    end = static_cast<std::size_t>(std::copy(first, kept, forest.addends.begin() + static_cast<std::ptrdiff_t>(end)) -
                                   forest.addends.begin());
    forest.leaf_begin[leaf] = static_cast<std::int32_t>(end);
  }
  forest.addends.resize(end);
}

}  // namespace

std::vector<double> numbers(const Node& node, const std::string& name) {
  const std::string tensor_name = name + "_as_tensor";
  if (const Tensor* tensor = node.tensor(tensor_name)) return numbers_of(*tensor, tensor_name);
  const auto floats = node.floats(name);
  return {floats.begin(), floats.end()};
}

Forest from_attributes(const Node& node, const std::string& prefix, std::int64_t targets) {
  Forest forest;
  forest.targets = targets;
  const Ints trees = node.integers("nodes_treeids");
  const Ints ids = node.integers("nodes_nodeids");
  const Ints features = node.integers("nodes_featureids");
  const Ints yes = node.integers("nodes_truenodeids");
  const Ints no = node.integers("nodes_falsenodeids");
  const Ints nan_yes = node.integers("nodes_missing_value_tracks_true");
  const std::vector<double> values = numbers(node, "nodes_values");
  const std::vector<std::string> modes = node.texts("nodes_modes");
  const std::size_t count = trees.size();
  check_size(count);
  same_length("nodes_nodeids", ids.size(), count, "nodes_treeids");
  same_length("nodes_featureids", features.size(), count, "nodes_treeids");
  same_length("nodes_truenodeids", yes.size(), count, "nodes_treeids");
  same_length("nodes_falsenodeids", no.size(), count, "nodes_treeids");
  same_length("nodes_modes", modes.size(), count, "nodes_treeids");
  same_length("nodes_values", values.size(), count, "nodes_treeids");
  if (!nan_yes.empty()) same_length("nodes_missing_value_tracks_true", nan_yes.size(), count, "nodes_treeids");

  const Index index(trees, ids);
  std::vector<Ref> refs(count);  // of each position: its branch, or the complement of its leaf
  std::vector<Mode> mode(count);
  Ref branches = 0;
  Ref leaves = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bool leaf = false;
    mode[i] = mode_of(modes[i], leaf);
    refs[i] = leaf ? ~leaves++ : branches++;
  }
  forest.branches.reserve(static_cast<std::size_t>(branches));
  for (std::size_t i = 0; i < count; ++i) {
    if (refs[i] < 0) continue;
    Branch branch{};
    branch.threshold = values[i];
    branch.feature = feature(features[i], "nodes_featureids", i);
    branch.mode = mode[i];
    branch.nan_yes = !nan_yes.empty() && nan_yes[i] != 0;
    branch.yes = refs[index.at(trees[i], yes[i], "nodes_truenodeids")];
    branch.no = refs[index.at(trees[i], no[i], "nodes_falsenodeids")];
    forest.branches.push_back(branch);
    forest.features = std::max<std::int64_t>(forest.features, branch.feature + 1);
  }
  std::unordered_map<std::int64_t, bool> seen;
  for (std::size_t i = 0; i < count; ++i) {
    if ((i == 0 || trees[i] != trees[i - 1]) && seen.emplace(trees[i], true).second) forest.roots.push_back(refs[i]);
  }

  const std::string tree_name = prefix + "_treeids";
  const std::string node_name = prefix + "_nodeids";
  const std::string id_name = prefix + "_ids";
  const std::string weight_name = prefix + "_weights";
  const Ints leaf_trees = node.integers(tree_name);
  const Ints leaf_nodes = node.integers(node_name);
  const Ints leaf_ids = node.integers(id_name);
  const std::vector<double> weights = numbers(node, weight_name);
  same_length(node_name.c_str(), leaf_nodes.size(), leaf_trees.size(), tree_name.c_str());
  same_length(id_name.c_str(), leaf_ids.size(), leaf_trees.size(), tree_name.c_str());
  same_length(weight_name.c_str(), weights.size(), leaf_trees.size(), tree_name.c_str());
  // Counted, then placed, so that the addends of a leaf keep the order of the model. A weight on a branch is never reached.
  std::vector<Ref> owner(weights.size());
  forest.leaf_begin.assign(static_cast<std::size_t>(leaves) + 1, 0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    owner[i] = refs[index.at(leaf_trees[i], leaf_nodes[i], node_name.c_str())];
    checked(leaf_ids[i], targets, id_name.c_str(), i);
    if (owner[i] < 0) ++forest.leaf_begin[static_cast<std::size_t>(~owner[i]) + 1];
  }
  for (std::size_t i = 1; i < forest.leaf_begin.size(); ++i) forest.leaf_begin[i] += forest.leaf_begin[i - 1];
  forest.addends.resize(static_cast<std::size_t>(forest.leaf_begin.back()));
  std::vector<std::int32_t> next(forest.leaf_begin.begin(), forest.leaf_begin.end() - 1);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (owner[i] >= 0) continue;
    const auto place = static_cast<std::size_t>(next[static_cast<std::size_t>(~owner[i])]++);
    forest.addends[place] = {static_cast<std::int32_t>(leaf_ids[i]), weights[i]};
  }
  if (prefix == "target" && targets == 1) count_repeated_weights_once(forest);
  return forest;
}

Forest from_tree_ensemble(const Node& node) {
  Forest forest;
  forest.targets = node.integer("n_targets", 1);
  if (forest.targets < 1) bad_graph("attribute 'n_targets' is ", forest.targets, "; it must be at least 1");
  const std::int64_t aggregate = node.integer("aggregate_function", 1);
  if (aggregate < 0 || aggregate > 3) bad_graph("attribute 'aggregate_function' is ", aggregate, "; it must be 0 to 3");
  forest.aggregate = static_cast<Aggregate>(aggregate);

  const Ints roots = node.integers("tree_roots");
  const Ints features = node.integers("nodes_featureids");
  const Ints yes = node.integers("nodes_truenodeids");
  const Ints no = node.integers("nodes_falsenodeids");
  const Ints yes_leaf = node.integers("nodes_trueleafs");
  const Ints no_leaf = node.integers("nodes_falseleafs");
  const Ints nan_yes = node.integers("nodes_missing_value_tracks_true");
  const Ints leaf_targets = node.integers("leaf_targetids");
  const auto required = [&](const char* name) -> const Tensor& {
    const Tensor* tensor = node.tensor(name);
    if (tensor == nullptr) bad_graph("attribute '", name, "' is missing");
    return *tensor;
  };
  const Tensor& modes = required("nodes_modes");
  if (modes.dtype != DType::uint8) bad_graph("attribute 'nodes_modes' must hold uint8, got ", dtype_name(modes.dtype));
  const std::vector<double> splits = numbers_of(required("nodes_splits"), "nodes_splits");
  const std::vector<double> weights = numbers_of(required("leaf_weights"), "leaf_weights");
  const std::size_t count = features.size();
  check_size(count + weights.size());
  same_length("nodes_truenodeids", yes.size(), count, "nodes_featureids");
  same_length("nodes_falsenodeids", no.size(), count, "nodes_featureids");
  same_length("nodes_trueleafs", yes_leaf.size(), count, "nodes_featureids");
  same_length("nodes_falseleafs", no_leaf.size(), count, "nodes_featureids");
  same_length("nodes_modes", static_cast<std::size_t>(modes.count()), count, "nodes_featureids");
  same_length("nodes_splits", splits.size(), count, "nodes_featureids");
  same_length("leaf_targetids", leaf_targets.size(), weights.size(), "leaf_weights");
  if (!nan_yes.empty()) same_length("nodes_missing_value_tracks_true", nan_yes.size(), count, "nodes_featureids");

  // Sets of member nodes follow one another in node order, each ended by a NaN.
  if (const Tensor* members = node.tensor("membership_values")) {
    forest.sets.emplace_back();
    for (const double value : numbers_of(*members, "membership_values")) {
      if (std::isnan(value)) {
        forest.sets.emplace_back();
      } else {
        forest.sets.back().push_back(value);
      }
    }
    forest.sets.pop_back();
  }
  std::size_t next_set = 0;
  const auto ref = [&](Ints to, Ints is_leaf, std::size_t i, const char* name) -> Ref {
    if (is_leaf[i] != 0) return ~checked(to[i], static_cast<std::int64_t>(weights.size()), name, i);
    return checked(to[i], static_cast<std::int64_t>(count), name, i);
  };
  forest.branches.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    Branch& branch = forest.branches[i];
    if (modes.as<std::uint8_t>()[i] > 6)
      bad_graph("attribute 'nodes_modes'[", i, "] is ", int{modes.as<std::uint8_t>()[i]}, "; it must be 0 to 6");
    branch.mode = static_cast<Mode>(modes.as<std::uint8_t>()[i]);
    branch.threshold = splits[i];
    branch.feature = feature(features[i], "nodes_featureids", i);
    branch.nan_yes = !nan_yes.empty() && nan_yes[i] != 0;
    branch.yes = ref(yes, yes_leaf, i, "nodes_truenodeids");
    branch.no = ref(no, no_leaf, i, "nodes_falsenodeids");
    if (branch.mode == Mode::member) {
      if (next_set >= forest.sets.size())
        bad_graph("attribute 'membership_values' has fewer sets than there are BRANCH_MEMBER nodes");
      std::ranges::sort(forest.sets[next_set]);
      branch.set = static_cast<std::int32_t>(next_set++);
    }
    forest.features = std::max<std::int64_t>(forest.features, branch.feature + 1);
  }
  for (std::size_t i = 0; i < roots.size(); ++i) {
    forest.roots.push_back(checked(roots[i], static_cast<std::int64_t>(count), "tree_roots", i));
  }
  forest.addends.resize(weights.size());
  forest.leaf_begin.resize(weights.size() + 1);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    forest.addends[i] = {checked(leaf_targets[i], forest.targets, "leaf_targetids", i), weights[i]};
    forest.leaf_begin[i + 1] = static_cast<std::int32_t>(i + 1);
  }
  return forest;
}

std::size_t leaves_below(const Forest& forest, Ref root, std::vector<Ref>& branches) {
  std::vector<Ref> stack{root};
  std::size_t leaves = 0;
  branches.clear();
  while (!stack.empty() && leaves <= few_leaves) {
    const Ref ref = stack.back();
    stack.pop_back();
    if (ref < 0) {
      ++leaves;
      continue;
    }
    branches.push_back(ref);
    if (branches.size() >= few_leaves) return few_leaves + 1;
    stack.push_back(forest.branches[static_cast<std::size_t>(ref)].no);
    stack.push_back(forest.branches[static_cast<std::size_t>(ref)].yes);
  }
  return leaves;
}

void check_acyclic(const Forest& forest) {
  enum class State : char { unseen, open, done };
  std::vector<State> state(forest.branches.size(), State::unseen);
  std::vector<Ref> stack;
  for (const Ref root : forest.roots) {
    stack.push_back(root);
    while (!stack.empty()) {
      const Ref ref = stack.back();
      if (ref < 0 || state[static_cast<std::size_t>(ref)] == State::done) {
        stack.pop_back();
        continue;
      }
      const Branch& branch = forest.branches[static_cast<std::size_t>(ref)];
      State& here = state[static_cast<std::size_t>(ref)];
      if (here == State::open) {  // both subtrees are done
        here = State::done;
        stack.pop_back();
        continue;
      }
      here = State::open;
      for (const Ref child : {branch.no, branch.yes}) {
        if (child < 0) continue;
        if (state[static_cast<std::size_t>(child)] == State::open) bad_graph("a tree has a cycle");
        stack.push_back(child);
      }
    }
  }
}

}  // namespace sklort::forest
