#include "forest_arrays.h"

#include <nanobind/stl/string.h>

#include <type_traits>
#include <utility>
#include <vector>

#include "forest/portable.h"
#include "values.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace sklort {
namespace {

using forest::Forest;
using forest::Packed;
using forest::Portable;

template <class T>
nb::object array(const std::vector<T>& from) {
  Tensor tensor{dtype_of<T>::value, {static_cast<std::int64_t>(from.size())}, const_cast<T*>(from.data()), {}};
  return value_to_python(Value::of(std::move(tensor)), nullptr);
}

// One member of each element.
template <class Element, class Get>
nb::object column(const std::vector<Element>& from, Get get) {
  std::vector<std::decay_t<decltype(get(from[0]))>> values;
  values.reserve(from.size());
  for (const Element& one : from) values.push_back(get(one));
  return array(values);
}

void add_packed(nb::dict& to, const Packed& packed) {
  to["wide"] = packed.wide;
  to["dense"] = packed.dense;
  to["width"] = packed.width;
  to["column_features"] = column(packed.columns, [](const auto& one) { return one.feature; });
  to["column_nan_left"] = column(packed.columns, [](const auto& one) { return static_cast<std::int32_t>(one.nan_left); });
  to["tree_first"] = column(packed.trees, [](const auto& one) { return static_cast<std::int64_t>(one.first); });
  to["tree_nodes"] = column(packed.trees, [](const auto& one) { return static_cast<std::int64_t>(one.nodes); });
  to["tree_depth"] = column(packed.trees, [](const auto& one) { return one.depth; });
  to["tree_target"] = column(packed.trees, [](const auto& one) { return one.target; });
  to["values"] = array(packed.values);
  const std::size_t words = packed.wide ? 2 * packed.wide_nodes.size() : packed.narrow_nodes.size();
  const void* nodes = packed.wide ? static_cast<const void*>(packed.wide_nodes.data()) : packed.narrow_nodes.data();
  Tensor tensor{DType::uint64, {static_cast<std::int64_t>(words)}, const_cast<void*>(nodes), {}};
  to["nodes"] = value_to_python(Value::of(std::move(tensor)), nullptr);
}

void add_general(nb::dict& to, const Forest& forest) {
  to["roots"] = array(forest.roots);
  to["thresholds"] = column(forest.branches, [](const auto& one) { return one.threshold; });
  to["features_read"] = column(forest.branches, [](const auto& one) { return one.feature; });
  to["yes"] = column(forest.branches, [](const auto& one) { return one.yes; });
  to["no"] = column(forest.branches, [](const auto& one) { return one.no; });
  to["set"] = column(forest.branches, [](const auto& one) { return one.set; });
  to["mode"] = column(forest.branches, [](const auto& one) { return static_cast<std::int32_t>(one.mode); });
  to["nan_yes"] = column(forest.branches, [](const auto& one) { return static_cast<std::int32_t>(one.nan_yes); });
  to["leaf_begin"] = array(forest.leaf_begin);
  to["addend_target"] = column(forest.addends, [](const auto& one) { return one.target; });
  to["addend_weight"] = column(forest.addends, [](const auto& one) { return one.weight; });
  std::vector<std::int32_t> begin(1, 0);
  std::vector<double> members;
  for (const std::vector<double>& set : forest.sets) {
    members.insert(members.end(), set.begin(), set.end());
    begin.push_back(static_cast<std::int32_t>(members.size()));
  }
  to["set_begin"] = array(begin);
  to["members"] = array(members);
}

nb::dict forest_arrays(std::string op_type, int version, const nb::dict& attributes, bool doubles) {
  Keep keep;
  Node node;
  node.domain = "ai.onnx.ml";
  node.op_type = std::move(op_type);
  node.version = version;
  for (const auto& [key, value] : attributes) {
    const std::string name = nb::cast<std::string>(key);
    node.attributes.emplace(name, attribute_from_python(name, value, keep));
  }
  const Portable made = forest::portable_of(node, doubles);
  nb::dict to;
  to["features"] = made.forest.features;
  to["targets"] = made.forest.targets;
  to["trees"] = made.trees;
  to["aggregate"] = static_cast<int>(made.forest.aggregate);
  to["refuses"] = made.refuses;
  to["one_target"] = made.one_target;
  to["positive"] = made.positive;
  if (made.packed) {
    add_packed(to, *made.packed);
  } else {
    add_general(to, made.forest);
  }
  return to;
}

}  // namespace

void add_forest_arrays(nb::module_& module) {
  module.def("forest_arrays", &forest_arrays, "op_type"_a, "version"_a, "attributes"_a, "doubles"_a,
             "The forest of a node as arrays, packed as common/tree.h says or, where `refuses` is not empty, branch by branch.");
}

}  // namespace sklort
