#include "row_layout.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "axes.h"

namespace sklort {

namespace {

using Kind = RowLayout::Kind;
using Inputs = std::span<const RowLayout>;
using Dims = std::vector<std::int64_t>;
using Found = std::optional<std::vector<Dims>>;  // the outputs' trailing dimensions
using Rule = Found (*)(const Node& node, Inputs inputs);

Found one(Dims trailing) {
  std::vector<Dims> outputs;
  outputs.push_back(std::move(trailing));
  return outputs;
}

bool are_rows(const RowLayout& one) { return one.kind == Kind::rows; }

bool others_constant(Inputs inputs) {
  return std::ranges::all_of(inputs.subspan(1),
                             [](const RowLayout& one) { return one.kind == Kind::constant || one.kind == Kind::absent; });
}

std::optional<int> axis_of(std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) return std::nullopt;
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

// From the attribute `axes` or a constant input; nothing when neither is there.
std::optional<Dims> axes_of(const Node& node, Inputs inputs, std::size_t input) {
  if (node.has("axes")) {
    const auto given = node.integers("axes");
    return Dims(given.begin(), given.end());
  }
  if (inputs.size() <= input || inputs[input].kind != Kind::constant) return std::nullopt;
  return integers_of(*inputs[input].constant);
}

std::int64_t product(std::span<const std::int64_t> dims) {
  std::int64_t total = 1;
  for (const std::int64_t dim : dims) {
    if (dim < 0) return -1;
    total *= dim;
  }
  return total;
}

// One output of the shape of the first input; other inputs are constants.
Found same(const Node&, Inputs inputs) {
  if (!are_rows(inputs[0]) || !others_constant(inputs)) return std::nullopt;
  return one(inputs[0].trailing);
}

// The same for operators of ai.onnx.ml, which take a single dimension for one row.
Found same_matrix(const Node& node, Inputs inputs) { return inputs[0].rank() >= 2 ? same(node, inputs) : std::nullopt; }

Found broadcast(const Node& node, Inputs inputs) {
  if (node.has("broadcast") || node.has("axis")) return std::nullopt;  // the rules of opset 6
  int rank = 0;
  for (const RowLayout& input : inputs) {
    if (!are_rows(input)) continue;
    if (rank != 0 && input.rank() != rank) return std::nullopt;
    rank = input.rank();
  }
  if (rank == 0) return std::nullopt;
  Dims out(static_cast<std::size_t>(rank) - 1, 1);
  const auto take = [&](std::span<const std::int64_t> trailing) {
    for (std::size_t i = 0; i < trailing.size(); ++i) {
      std::int64_t& dim = out[out.size() - trailing.size() + i];
      if (dim == 1) dim = trailing[i];
    }
  };
  for (const RowLayout& input : inputs) {
    if (are_rows(input)) {
      take(input.trailing);
    } else if (input.kind == Kind::constant) {
      const Shape& shape = input.constant->shape;
      if (shape.rank() > rank || (shape.rank() == rank && shape[0] != 1)) return std::nullopt;
      take(shape.dims().subspan(shape.rank() == rank ? 1 : 0));
    } else if (input.kind == Kind::unknown) {
      return std::nullopt;
    }
  }
  return one(out);
}

Found concat(const Node& node, Inputs inputs) {
  if (!std::ranges::all_of(inputs, are_rows)) return std::nullopt;
  const auto axis = axis_of(node.integer("axis", 1), inputs[0].rank());
  if (!axis || *axis == 0) return std::nullopt;
  Dims out = inputs[0].trailing;
  std::int64_t& along = out[static_cast<std::size_t>(*axis) - 1];
  for (const RowLayout& input : inputs.subspan(1)) {
    if (input.rank() != inputs[0].rank()) return std::nullopt;
    const std::int64_t more = input.trailing[static_cast<std::size_t>(*axis) - 1];
    along = along < 0 || more < 0 ? -1 : along + more;
  }
  return one(out);
}

Found mat_mul(const Node&, Inputs inputs) {
  if (!are_rows(inputs[0]) || inputs[0].rank() != 2 || inputs[1].kind != Kind::constant) return std::nullopt;
  const Shape& shape = inputs[1].constant->shape;
  if (shape.rank() == 1) return one({});
  if (shape.rank() == 2) return one({shape[1]});
  return std::nullopt;
}

Found gemm(const Node& node, Inputs inputs) {
  if (!are_rows(inputs[0]) || inputs[0].rank() != 2 || node.integer("transA", 0) != 0 || !others_constant(inputs))
    return std::nullopt;
  const Shape& shape = inputs[1].constant->shape;
  if (shape.rank() != 2) return std::nullopt;
  if (inputs.size() > 2 && inputs[2].kind == Kind::constant) {
    const Shape& added = inputs[2].constant->shape;
    if (added.rank() == 2 && added[0] != 1) return std::nullopt;
  }
  return one({shape[node.integer("transB", 0) != 0 ? 0 : 1]});
}

Found reshape(const Node& node, Inputs inputs) {
  if (!are_rows(inputs[0]) || inputs.size() < 2 || inputs[1].kind != Kind::constant) return std::nullopt;
  if (node.integer("allowzero", 0) != 0) return std::nullopt;
  Dims wanted = integers_of(*inputs[1].constant);
  if (wanted.empty()) return std::nullopt;
  for (std::size_t i = 1; i < wanted.size(); ++i) {
    if (wanted[i] == 0) wanted[i] = i <= inputs[0].trailing.size() ? inputs[0].trailing[i - 1] : -2;
  }
  const std::int64_t have = product(inputs[0].trailing);
  const Dims rest(wanted.begin() + 1, wanted.end());
  if (wanted[0] == 0) return one(rest);
  // The open dimension is that of the rows when the others hold exactly one row.
  if (wanted[0] == -1 && have > 0 && product(rest) == have) return one(rest);
  return std::nullopt;
}

Found flatten(const Node& node, Inputs inputs) {
  if (!are_rows(inputs[0])) return std::nullopt;
  const std::int64_t axis = node.integer("axis", 1);
  if (axis != 1 && axis != 1 - inputs[0].rank()) return std::nullopt;
  return one({product(inputs[0].trailing)});
}

Found squeeze(const Node& node, Inputs inputs) {
  const auto axes = axes_of(node, inputs, 1);
  if (!are_rows(inputs[0]) || !axes) return std::nullopt;
  std::vector<char> gone(static_cast<std::size_t>(inputs[0].rank()), 0);
  for (const std::int64_t one : *axes) {
    const auto axis = axis_of(one, inputs[0].rank());
    if (!axis || *axis == 0) return std::nullopt;
    gone[static_cast<std::size_t>(*axis)] = 1;
  }
  Dims out;
  for (std::size_t i = 0; i < inputs[0].trailing.size(); ++i) {
    if (gone[i + 1] == 0) out.push_back(inputs[0].trailing[i]);
  }
  return one(out);
}

Found unsqueeze(const Node& node, Inputs inputs) {
  const auto axes = axes_of(node, inputs, 1);
  if (!are_rows(inputs[0]) || !axes) return std::nullopt;
  const int rank = inputs[0].rank() + static_cast<int>(axes->size());
  std::vector<char> added(static_cast<std::size_t>(rank), 0);
  for (const std::int64_t one : *axes) {
    const auto axis = axis_of(one, rank);
    if (!axis || *axis == 0) return std::nullopt;
    added[static_cast<std::size_t>(*axis)] = 1;
  }
  Dims out;
  std::size_t next = 0;
  for (int axis = 1; axis < rank; ++axis) {
    if (added[static_cast<std::size_t>(axis)] != 0) {
      out.push_back(1);
    } else if (next < inputs[0].trailing.size()) {
      out.push_back(inputs[0].trailing[next++]);
    }
  }
  return one(out);
}

// Rows of indices into a constant, or constant indices into the columns of rows.
Found gather(const Node& node, Inputs inputs) {
  if (inputs[0].kind == Kind::constant && are_rows(inputs[1])) {
    const Shape& data = inputs[0].constant->shape;
    const auto axis = axis_of(node.integer("axis", 0), data.rank());
    if (!axis || *axis != 0) return std::nullopt;
    Dims out = inputs[1].trailing;
    for (int i = 1; i < data.rank(); ++i) out.push_back(data[i]);
    return one(out);
  }
  if (!are_rows(inputs[0]) || inputs[1].kind != Kind::constant) return std::nullopt;
  const auto axis = axis_of(node.integer("axis", 0), inputs[0].rank());
  if (!axis || *axis == 0) return std::nullopt;
  Dims out(inputs[0].trailing.begin(), inputs[0].trailing.begin() + *axis - 1);
  for (const std::int64_t dim : inputs[1].constant->shape.dims()) out.push_back(dim);
  out.insert(out.end(), inputs[0].trailing.begin() + *axis, inputs[0].trailing.end());
  return one(out);
}

Found array_feature_extractor(const Node&, Inputs inputs) {
  if (!are_rows(inputs[0]) || inputs[0].rank() < 2 || inputs[1].kind != Kind::constant) return std::nullopt;
  Dims out = inputs[0].trailing;
  out.back() = inputs[1].constant->count();
  return one(out);
}

Found feature_vectorizer(const Node&, Inputs inputs) {
  if (!std::ranges::all_of(inputs, [](const RowLayout& one) { return are_rows(one) && one.rank() == 2; })) return std::nullopt;
  return one({-1});
}

Found one_hot(const Node& node, Inputs inputs) {
  if (!are_rows(inputs[0])) return std::nullopt;
  Dims out = inputs[0].trailing;
  const std::size_t texts = node.texts("cats_strings").size();
  out.push_back(static_cast<std::int64_t>(texts != 0 ? texts : node.integers("cats_int64s").size()));
  return one(out);
}

Found along_axis(const Node& node, Inputs inputs, std::int64_t otherwise) {
  if (!are_rows(inputs[0])) return std::nullopt;
  const auto axis = axis_of(node.integer("axis", otherwise), inputs[0].rank());
  return axis && *axis != 0 ? one(inputs[0].trailing) : std::nullopt;
}

Found softmax(const Node& node, Inputs inputs) { return along_axis(node, inputs, node.version < 13 ? 1 : -1); }

Found lp_normalization(const Node& node, Inputs inputs) { return along_axis(node, inputs, -1); }

void reduce_axis(Dims& trailing, int axis, bool keep) {
  const auto at = trailing.begin() + axis - 1;
  if (keep) {
    *at = 1;
  } else {
    trailing.erase(at);
  }
}

Found arg_extremum(const Node& node, Inputs inputs) {
  Found found = along_axis(node, inputs, 0);
  if (found) reduce_axis((*found)[0], *axis_of(node.integer("axis", 0), inputs[0].rank()), node.integer("keepdims", 1) != 0);
  return found;
}

Found reduce(const Node& node, Inputs inputs) {
  const auto axes = axes_of(node, inputs, 1);
  if (!are_rows(inputs[0]) || !axes || axes->empty()) return std::nullopt;
  std::vector<int> sorted;
  for (const std::int64_t one : *axes) {
    const auto axis = axis_of(one, inputs[0].rank());
    if (!axis || *axis == 0) return std::nullopt;
    sorted.push_back(*axis);
  }
  std::ranges::sort(sorted, std::greater<>());
  Dims out = inputs[0].trailing;
  for (const int axis : sorted) reduce_axis(out, axis, node.integer("keepdims", 1) != 0);
  return one(out);
}

// A row of a matrix to a row of scores, or to a label and a row of scores.
Found scores(const Node&, Inputs inputs) { return are_rows(inputs[0]) && inputs[0].rank() == 2 ? one({-1}) : std::nullopt; }

Found label_and_scores(const Node&, Inputs inputs) {
  return are_rows(inputs[0]) && inputs[0].rank() == 2 ? Found(std::vector<Dims>{Dims{}, Dims{-1}}) : std::nullopt;
}

// The sources of a whole model, in front of two constants, to a label, linked scores and scores.
Found linear_model(const Node&, Inputs inputs) {
  if (inputs.size() < 3) return std::nullopt;
  if (!std::ranges::all_of(inputs.first(inputs.size() - 2),
                           [](const RowLayout& one) { return are_rows(one) && one.rank() <= 2; }))
    return std::nullopt;
  return std::vector<Dims>{Dims{}, Dims{-1}, Dims{-1}};
}

// Rows of a matrix against the rows of a constant one.
bool are_compared(Inputs inputs) {
  return inputs.size() == 2 && are_rows(inputs[0]) && inputs[0].rank() == 2 && inputs[1].kind == Kind::constant &&
         inputs[1].constant->shape.rank() == 2;
}

Found distances(const Node&, Inputs inputs) { return are_compared(inputs) ? one({inputs[1].constant->shape[0]}) : std::nullopt; }

Found neighbors(const Node& node, Inputs inputs) {
  if (!are_compared(inputs)) return std::nullopt;
  return std::vector<Dims>(2, Dims{node.integer("k", 0)});
}

const std::map<std::pair<std::string, std::string>, Rule>& rules() {
  static const auto made = [] {
    std::map<std::pair<std::string, std::string>, Rule> all;
    for (const char* name :
         {"Identity", "Cast",      "Abs", "Neg",      "Sign", "Sqrt", "Reciprocal", "Exp",  "Log",   "Erf", "Tanh",  "Sigmoid",
          "Relu",     "LeakyRelu", "Elu", "Softplus", "Sin",  "Cos",  "Floor",      "Ceil", "Round", "Not", "IsNaN", "IsInf"}) {
      all[{"", name}] = same;
    }
    for (const char* name : {"Add",         "Sub", "Mul",  "Div",   "Mod",     "Pow",  "Min",
                             "Max",         "Sum", "Mean", "Equal", "Greater", "Less", "GreaterOrEqual",
                             "LessOrEqual", "And", "Or",   "Xor",   "Where",   "Clip"}) {
      all[{"", name}] = broadcast;
    }
    for (const char* name : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare", "ReduceL1",
                             "ReduceL2", "ReduceLogSum", "ReduceLogSumExp"}) {
      all[{"", name}] = reduce;
    }
    all[{"", "Concat"}] = concat;
    all[{"", "MatMul"}] = mat_mul;
    all[{"", "Gemm"}] = gemm;
    all[{"", "Reshape"}] = reshape;
    all[{"", "Flatten"}] = flatten;
    all[{"", "Squeeze"}] = squeeze;
    all[{"", "Unsqueeze"}] = unsqueeze;
    all[{"", "Gather"}] = gather;
    all[{"", "Softmax"}] = softmax;
    all[{"", "LogSoftmax"}] = softmax;
    all[{"", "Hardmax"}] = softmax;
    all[{"", "LpNormalization"}] = lp_normalization;
    all[{"", "ArgMax"}] = arg_extremum;
    all[{"", "ArgMin"}] = arg_extremum;
    all[{"com.microsoft", "CDist"}] = distances;
    all[{"ai.sklort", "PairwiseDistance"}] = distances;
    all[{"ai.sklort", "NearestNeighbors"}] = neighbors;
    all[{"ai.sklort", "LinearModel"}] = linear_model;
    all[{"ai.sklort", "DenseLayer"}] = mat_mul;
    const std::string ml = "ai.onnx.ml";
    for (const char* name : {"Scaler", "Normalizer", "Imputer", "Binarizer"}) all[{ml, name}] = same_matrix;
    all[{ml, "LabelEncoder"}] = same;
    all[{ml, "CategoryMapper"}] = same;
    all[{ml, "ArrayFeatureExtractor"}] = array_feature_extractor;
    all[{ml, "FeatureVectorizer"}] = feature_vectorizer;
    all[{ml, "OneHotEncoder"}] = one_hot;
    for (const char* name : {"LinearRegressor", "SVMRegressor", "TreeEnsembleRegressor", "TreeEnsemble"})
      all[{ml, name}] = scores;
    for (const char* name : {"LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier"}) all[{ml, name}] = label_and_scores;
    return all;
  }();
  return made;
}

}  // namespace

std::vector<RowLayout> row_layouts(const Node& node, std::span<const RowLayout> inputs) {
  std::vector<RowLayout> outputs(static_cast<std::size_t>(node.outputs));
  const auto rule = rules().find({node.domain, node.op_type});
  if (rule == rules().end() || inputs.empty()) return outputs;
  const Found found = rule->second(node, inputs);
  for (std::size_t i = 0; found && i < std::min(outputs.size(), found->size()); ++i) {
    outputs[i] = RowLayout::by_rows((*found)[i]);
  }
  return outputs;
}

}  // namespace sklort
