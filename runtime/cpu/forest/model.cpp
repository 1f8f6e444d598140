#include "model.h"

#include <algorithm>
#include <array>

#include "error.h"

namespace sklort::forest {

namespace {

Forest of_regressor(const Node& node) {
  const std::int64_t targets = node.integer("n_targets", 1);
  if (targets < 1) bad_graph("attribute 'n_targets' is ", targets, "; it must be at least 1");
  Forest forest = from_attributes(node, "target", targets);
  const std::string aggregate = node.text("aggregate_function", "SUM");
  constexpr std::array names = {"AVERAGE", "SUM", "MIN", "MAX"};
  const auto* found = std::ranges::find(names, aggregate);
  if (found == names.end()) bad_graph("attribute 'aggregate_function' is '", aggregate, "'; it must be SUM, AVERAGE, MIN or MAX");
  forest.aggregate = static_cast<Aggregate>(found - names.begin());
  return forest;
}

Forest of_classifier(const Node& node) {
  const std::size_t numbers = node.integers("classlabels_int64s").size();
  const std::size_t names = node.texts("classlabels_strings").size();
  if ((numbers == 0) == (names == 0))
    bad_graph("exactly one of 'classlabels_int64s' and 'classlabels_strings' must list the classes");
  return from_attributes(node, "class", static_cast<std::int64_t>(numbers + names));
}

}  // namespace

Forest forest_of(const Node& node) {
  if (node.op_type == "TreeEnsembleRegressor") return of_regressor(node);
  if (node.op_type == "TreeEnsembleClassifier") return of_classifier(node);
  return from_tree_ensemble(node);
}

}  // namespace sklort::forest
