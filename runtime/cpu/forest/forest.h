// A forest as the model gives it, whatever operator and version it came in: one form for everything behind.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "op.h"

namespace sklort::forest {

// Numbered as in TreeEnsemble (ai.onnx.ml 5).
enum class Mode : std::uint8_t { leq = 0, lt = 1, gte = 2, gt = 3, eq = 4, neq = 5, member = 6 };
enum class Aggregate : std::uint8_t { average = 0, sum = 1, min = 2, max = 3 };

// A branch (>= 0) or, as its complement, a leaf (< 0).
using Ref = std::int32_t;

struct Branch {
  double threshold;
  std::int32_t feature;
  Ref yes;  // where a row goes that satisfies "x mode threshold"
  Ref no;
  std::int32_t set;  // of a member branch: index into Forest::sets
  Mode mode;
  bool nan_yes;  // a NaN goes to `yes` whatever the mode says
};

struct Addend {
  std::int32_t target;
  double weight;
};

struct Forest {
  std::int64_t features = 0;  // one more than the highest feature read
  std::int64_t targets = 1;
  Aggregate aggregate = Aggregate::sum;
  std::vector<Ref> roots;  // one for each tree, in the order of the sums
  std::vector<Branch> branches;
  std::vector<std::int32_t> leaf_begin;  // leaf i adds addends[leaf_begin[i]] .. addends[leaf_begin[i + 1] - 1]
  std::vector<Addend> addends;
  std::vector<std::vector<double>> sets;

  std::int64_t leaves() const noexcept { return static_cast<std::int64_t>(leaf_begin.size()) - 1; }
};

// What TreeEnsembleClassifier (`prefix` "class") and TreeEnsembleRegressor (`prefix` "target"), versions 1 to 4, spell alike.
// `targets` has been set by the caller. Every index is checked; a message names the attribute.
Forest from_attributes(const Node& node, const std::string& prefix, std::int64_t targets);
// TreeEnsemble of version 5.
Forest from_tree_ensemble(const Node& node);

// Throws when a row could walk in a circle. Subtrees may be shared.
void check_acyclic(const Forest& forest);

// Trees of equal structure that stand in a row, each for a target of its own, become one tree with a value for each target: how a
// forest of class probabilities is written in version 5, whose leaves have one target. The sums stay the same, addend by addend.
void merge_copies(Forest& forest);

// The branches of a tree, and how many leaves it has; more than `few_leaves` means that it has too many for a byte to number
// them, or shared subtrees, and not all branches are there.
inline constexpr std::size_t few_leaves = 256;
std::size_t leaves_below(const Forest& forest, Ref root, std::vector<Ref>& branches);

// Below about so many predicted nanoseconds one thread is faster than two.
inline constexpr double worth_sharing = 200000;

// Numbers of an attribute that comes as floats or, spelled <name>_as_tensor, as a tensor of float or double; empty when neither
// is there.
std::vector<double> numbers(const Node& node, const std::string& name);

}  // namespace sklort::forest
