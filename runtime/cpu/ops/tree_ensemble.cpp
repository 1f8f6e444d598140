// TreeEnsembleClassifier and TreeEnsembleRegressor (ai.onnx.ml 1 to 4, deprecated in 5 but still written) and TreeEnsemble (5).
#include <algorithm>
#include <array>
#include <cmath>

#include "convert.h"
#include "forest/model.h"
#include "forest/sums.h"
#include "op.h"
#include "post_transform.h"
#include "threads.h"

namespace sklort {
namespace {

using forest::Forest;
using forest::Sums;

constexpr std::int64_t rows_a_chunk = 4096;
// So many rows or fewer need neither memory from the pool nor a general conversion.
constexpr std::int64_t few = 8;

// Written to the node by the session that was asked for an engine.
forest::Engine engine_asked(const Node& node) { return forest::engine_of(node.text("sklort_engine", "auto")); }

void add_base(double* sums, std::int64_t rows, const std::vector<double>& base) {
  if (base.empty()) return;
  const auto columns = static_cast<std::int64_t>(base.size());
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = 0; i < columns; ++i) sums[row * columns + i] += base[static_cast<std::size_t>(i)];
  }
}

// The scores in the output's type, transformed in double.
void write_scores(Call& call, int output, DType dtype, double* scores, std::int64_t rows, std::int64_t columns,
                  PostTransform post) {
  if (post != PostTransform::none) apply(post, scores, rows, columns);
  Tensor& out = call.allocate(output, dtype, {rows, columns});
  if (rows <= few && dtype == DType::float32) {
    for (std::int64_t i = 0; i < rows * columns; ++i) out.as<float>()[i] = static_cast<float>(scores[i]);
    return;
  }
  Tensor from{DType::float64, out.shape, scores, {}};
  convert_numbers(from, out, call.threads());
}

class Regressor final : public Op {
 public:
  Regressor(Forest forest, const Node& node, PostTransform post, std::vector<double> base, DType result)
      : sums_(std::move(forest), node.dtype(0), engine_asked(node)), post_(post), base_(std::move(base)), result_(result) {}

  void run(Call& call) const override {
    const Tensor& rows = call.tensor(0);
    const std::int64_t count = Sums::row_count(rows);
    double* sums = sums_.of(call, rows);
    add_base(sums, count, base_);
    write_scores(call, 0, result_, sums, count, sums_.targets(), post_);
  }

  DType result(int, std::span<const DType>) const override { return result_; }
  std::string explain() const override { return sums_.explain(); }
  std::int64_t block_rows() const override { return sums_.block_rows(); }

 private:
  Sums sums_;
  PostTransform post_;
  std::vector<double> base_;
  DType result_;
};

std::unique_ptr<Op> prepare_tree_ensemble(const Node& node) {
  Forest forest = forest::forest_of(node);
  constexpr std::array posts = {PostTransform::none, PostTransform::softmax, PostTransform::logistic, PostTransform::softmax_zero,
                                PostTransform::probit};
  const std::int64_t post = node.integer("post_transform", 0);
  if (post < 0 || post >= static_cast<std::int64_t>(posts.size()))
    bad_graph("attribute 'post_transform' is ", post, "; it must be 0 to 4");
  const Tensor* splits = node.tensor("nodes_splits");
  const DType dtype = splits->dtype == DType::float64 ? DType::float64 : DType::float32;
  return std::make_unique<Regressor>(std::move(forest), node, posts[static_cast<std::size_t>(post)], std::vector<double>{},
                                     dtype);
}

std::unique_ptr<Op> prepare_regressor(const Node& node) {
  Forest forest = forest::forest_of(node);
  const std::int64_t targets = forest.targets;
  std::vector<double> base = forest::numbers(node, "base_values");
  if (!base.empty() && static_cast<std::int64_t>(base.size()) != targets) {
    bad_graph("attribute 'base_values' has ", base.size(), " entries; it must have none or one for each of ", targets,
              " targets");
  }
  return std::make_unique<Regressor>(std::move(forest), node, post_transform_of(node.text("post_transform", "NONE")),
                                     std::move(base), DType::float32);
}

// Two classes are often written as one score for the second, with the weights of all leaves under one class number.
class Classifier final : public Op {
 public:
  Classifier(Forest forest, const Node& node)
      : names_(node.texts("classlabels_strings")),
        post_(post_transform_of(node.text("post_transform", "NONE"))),
        base_(forest::numbers(node, "base_values")),
        all_positive_(std::ranges::all_of(forest.addends, [](const auto& addend) { return addend.weight >= 0; })),
        one_score_(has_one_score(forest)),
        float_weights_(node.tensor("class_weights_as_tensor") == nullptr),
        sums_(std::move(forest), node.dtype(0), engine_asked(node)) {
    const auto numbers = node.integers("classlabels_int64s");
    labels_.assign(numbers.begin(), numbers.end());
    views_.assign(names_.begin(), names_.end());
    const std::size_t expected = one_score_ && base_.size() == 1 ? 1 : static_cast<std::size_t>(sums_.targets());
    if (!base_.empty() && base_.size() != expected) {
      bad_graph("attribute 'base_values' has ", base_.size(), " entries; it must have none or one for each of ", sums_.targets(),
                " classes");
    }
    if (one_score_ && base_.size() == 2) base_ = {base_[0] + base_[1]};
  }

  void run(Call& call) const override {
    const Tensor& rows = call.tensor(0);
    const std::int64_t count = Sums::row_count(rows);
    const std::int64_t classes = sums_.targets();
    double* scores = sums_.of(call, rows);
    std::array<std::int32_t, few> small;
    std::int32_t* winners = count <= few ? small.data() : call.scratch_of<std::int32_t>(count);
    PostTransform post = post_;
    if (one_score_) {
      spread(scores, winners, count);
      // The two columns say one thing: only the logistic function has a meaning for them.
      if (post == PostTransform::softmax || post == PostTransform::softmax_zero) post = PostTransform::none;
    } else {
      add_base(scores, count, base_);
      parallel(count, rows_a_chunk, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t row = first; row < last; ++row) {
          const double* score = scores + row * classes;
          const auto less = [&](double a, double b) noexcept { return shown(a) < shown(b); };
          winners[row] = static_cast<std::int32_t>(std::max_element(score, score + classes, less) - score);
        }
      });
    }
    if (call.wants(0)) write_labels(call, winners, count);
    if (call.wants(1)) write_scores(call, 1, DType::float32, scores, count, classes, post);
  }

  DType result(int output, std::span<const DType>) const override {
    return output == 1 ? DType::float32 : views_.empty() ? DType::int64 : DType::string;
  }
  std::string explain() const override { return sums_.explain(); }
  std::int64_t block_rows() const override { return sums_.block_rows(); }

 private:
  static bool has_one_score(const Forest& forest) {
    if (forest.targets != 2 || forest.addends.empty()) return false;
    return std::ranges::all_of(forest.addends, [&](const auto& addend) { return addend.target == forest.addends[0].target; });
  }

  // What decides on the label. Votes of a sixth each, as floats, do not add up to a half: two classes with three of them are
  // equal in the scores that are given, rounded to float, and must be so here. Weights of double say what they mean.
  double shown(double score) const noexcept { return float_weights_ ? static_cast<double>(static_cast<float>(score)) : score; }

  // From the one score to a column for each class: s becomes (1 - s, s) when it is a probability, (-s, s) when it may be
  // negative.
  void spread(double* scores, std::int32_t* winners, std::int64_t rows) const noexcept {
    const double base = base_.empty() ? 0.0 : base_[0];
    const bool odds = !all_positive_ || post_ == PostTransform::logistic;
    for (std::int64_t row = 0; row < rows; ++row) {
      double* pair = scores + 2 * row;
      const double score = pair[0] + pair[1] + base;  // one of the two is 0
      winners[row] = shown(score) > (all_positive_ ? 0.5 : 0.0) ? 1 : 0;
      pair[0] = odds ? -score : 1.0 - score;
      pair[1] = score;
    }
  }

  void write_labels(Call& call, const std::int32_t* winners, std::int64_t rows) const {
    if (views_.empty()) {
      auto* out = call.allocate(0, DType::int64, {rows}).as<std::int64_t>();
      for (std::int64_t row = 0; row < rows; ++row) out[row] = labels_[static_cast<std::size_t>(winners[row])];
    } else {
      auto* out = call.allocate(0, DType::string, {rows}).as<std::string_view>();
      for (std::int64_t row = 0; row < rows; ++row) out[row] = views_[static_cast<std::size_t>(winners[row])];
    }
  }

  std::vector<std::int64_t> labels_;
  std::vector<std::string> names_;
  std::vector<std::string_view> views_;
  PostTransform post_;
  std::vector<double> base_;
  bool all_positive_;
  bool one_score_;
  bool float_weights_;
  Sums sums_;
};

std::unique_ptr<Op> prepare_classifier(const Node& node) { return std::make_unique<Classifier>(forest::forest_of(node), node); }

const Registration tree_ensemble{"ai.onnx.ml", "TreeEnsemble", 5, any_version, prepare_tree_ensemble};
const Registration regressor{"ai.onnx.ml", "TreeEnsembleRegressor", 1, any_version, prepare_regressor};
const Registration classifier{"ai.onnx.ml", "TreeEnsembleClassifier", 1, any_version, prepare_classifier};

}  // namespace
}  // namespace sklort
