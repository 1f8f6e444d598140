// LinearClassifier and LinearRegressor.
//
// double input is computed in double and gives double scores; every other type is computed in float.
#include <algorithm>
#include <optional>

#include "dense.h"
#include "labels.h"
#include "linear/scores.h"
#include "numbers.h"
#include "op.h"
#include "post_transform.h"
#include "rows.h"
#include "threads.h"

namespace sklort {
namespace {

// `outputs` rows of coefficients, with an intercept each.
class Coefficients {
 public:
  // `what` a row stands for, in messages. Of two rows of which the first is the second with the signs turned, `mirrors` keeps the
  // second alone: the scores of the first are those of the second with the signs turned, to the bit.
  Coefficients(const Node& node, std::int64_t outputs, const char* what, bool mirrors = false) : outputs_(outputs), what_(what) {
    const auto coefficients = node.floats("coefficients");
    const auto intercepts = node.floats("intercepts");
    const auto count = static_cast<std::int64_t>(coefficients.size());
    if (count == 0) bad_graph("attribute 'coefficients' is missing");
    if (count % outputs != 0) bad_graph(count, " coefficients cannot be shared out among ", outputs, " ", what);
    if (!intercepts.empty() && static_cast<std::int64_t>(intercepts.size()) != outputs) {
      bad_graph("expected one intercept for each of the ", outputs, " ", what, ", got ", intercepts.size());
    }
    columns_ = count / outputs;
    if (mirrors && are_mirrored(coefficients, intercepts)) {
      mirrored_ = true;
      outputs_ = 1;
      pack_all(node, coefficients.subspan(static_cast<std::size_t>(columns_)),
               intercepts.empty() ? intercepts : intercepts.subspan(1));
    } else {
      pack_all(node, coefficients, intercepts);
    }
  }

  std::int64_t outputs() const noexcept { return outputs_; }
  bool mirrored() const noexcept { return mirrored_; }

  void check(const Rows& rows) const {
    if (rows.columns != columns_) {
      const std::int64_t given = mirrored_ ? 2 : outputs_;
      fail("expected ", columns_, " columns (", columns_ * given, " coefficients for ", given, " ", what_, "), got ",
           rows.columns);
    }
  }

  template <class T>
  const Dense<T>& dense() const {
    const auto& packed = [this]() -> const auto& {
      if constexpr (std::is_same_v<T, float>) {
        return floats_;
      } else {
        return doubles_;
      }
    }();
    if (!packed) fail("the input's element type is not the one the program was prepared for");
    return *packed;
  }

 private:
  bool are_mirrored(std::span<const float> coefficients, std::span<const float> intercepts) const {
    const auto mirrored = [](std::span<const float> both) {
      const std::size_t half = both.size() / 2;
      return std::equal(both.begin(), both.begin() + static_cast<std::ptrdiff_t>(half),
                        both.begin() + static_cast<std::ptrdiff_t>(half), [](float a, float b) { return a == -b; });
    };
    return outputs_ == 2 && mirrored(coefficients) && mirrored(intercepts);
  }

  void pack_all(const Node& node, std::span<const float> coefficients, std::span<const float> intercepts) {
    if (node.dtype(0) != DType::float64) pack(floats_, coefficients, intercepts);
    if (node.dtype(0) == DType::float64 || node.dtype(0) == DType::undefined) pack(doubles_, coefficients, intercepts);
  }

  template <class T>
  void pack(std::optional<Dense<T>>& to, std::span<const float> coefficients, std::span<const float> intercepts) const {
    const std::vector<T> weights(coefficients.begin(), coefficients.end());
    const std::vector<T> bias(intercepts.begin(), intercepts.end());
    to.emplace(Matrix<T>::row_major(weights.data(), outputs_, columns_).transposed(), bias.empty() ? nullptr : bias.data());
  }

  std::int64_t outputs_;
  std::int64_t columns_;
  const char* what_;
  bool mirrored_ = false;
  std::optional<Dense<float>> floats_;
  std::optional<Dense<double>> doubles_;
};

class LinearRegressor final : public Op {
 public:
  explicit LinearRegressor(const Node& node)
      : coefficients_(node, std::max<std::int64_t>(1, node.integer("targets", 1)), "targets"),
        transform_(post_transform_of(node.text("post_transform", "NONE"))) {}

  void run(Call& call) const override {
    const Tensor& x = call.tensor(0);
    const Rows rows(x);
    coefficients_.check(rows);
    const std::int64_t targets = coefficients_.outputs();
    with_float(float_like(x.dtype), [&]<class T>(T) {
      const Dense<T>& dense = coefficients_.dense<T>();
      const T* data = numbers<T>(call, x);
      T* y = call.allocate(0, dtype_of<T>::value, {rows.count, targets}).template as<T>();
      if (transform_ == PostTransform::none) return dense.run(data, rows.count, y, call.threads());
      const std::int64_t chunk = dense.chunk();
      parallel(rows.count, chunk, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t row = first; row < last; row += chunk) {
          const std::int64_t count = std::min(chunk, last - row);
          dense.run_here(data + row * rows.columns, count, y + row * targets);
          apply(transform_, y + row * targets, count, targets);
        }
      });
    });
  }

  DType result(int, std::span<const DType> inputs) const override {
    return inputs[0] == DType::undefined ? DType::undefined : float_like(inputs[0]);
  }

 private:
  Coefficients coefficients_;
  PostTransform transform_;
};

// The class of a row is that of its largest score before the transform, the first one of equals. With one row of coefficients
// the second class is meant, and wins when its score is above 0; the scores are then, as in onnxruntime, [1 - s, s], or those of
// -s and s after LOGISTIC and PROBIT.
class LinearClassifier final : public Op {
 public:
  explicit LinearClassifier(const Node& node)
      : labels_(node, "classlabels_ints", "classlabels_strings"),
        transform_(post_transform_of(node.text("post_transform", "NONE"))),
        coefficients_(node, outputs(node, labels_.size()), "classes", transform_ == PostTransform::logistic),
        pairs_(coefficients_.outputs() == 1 && (coefficients_.mirrored() || !labels_.empty())),
        floats_(coefficients_.outputs(), link(), false),
        doubles_(coefficients_.outputs(), link(), false) {}

  void run(Call& call) const override {
    const Tensor& x = call.tensor(0);
    const Rows rows(x);
    coefficients_.check(rows);
    with_float(float_like(x.dtype), [&]<class T>(T) {
      const Dense<T>& dense = coefficients_.dense<T>();
      const Scores<T>& scores = this->scores<T>();
      const T* data = numbers<T>(call, x);
      typename Scores<T>::Targets to;
      if (call.wants(0)) to.labels = &call.allocate(0, labels_.dtype(), {rows.count});
      if (call.wants(1)) to.linked = call.allocate(1, dtype_of<T>::value, {rows.count, scores.width()}).template as<T>();
      scores.run(call, rows.count, dense.chunk(), labels_, to,
                 [&](int, std::int64_t first, std::int64_t count, T* made, std::int64_t stride) noexcept {
                   dense.run_here(data + first * rows.columns, count, made, stride);
                 });
      if (to.linked != nullptr) finish(to.linked, rows.count, scores.width());
    });
  }

  std::int64_t block_rows() const override { return -1; }

  DType result(int output, std::span<const DType> inputs) const override {
    if (output == 0) return labels_.dtype();
    return inputs[0] == DType::undefined ? DType::undefined : float_like(inputs[0]);
  }

 private:
  // How many rows of coefficients there are.
  static std::int64_t outputs(const Node& node, std::int64_t labels) {
    const auto intercepts = static_cast<std::int64_t>(node.floats("intercepts").size());
    if (intercepts == 1 && (labels == 0 || labels == 2)) return 1;
    if (labels < 2) bad_graph("expected at least 2 class labels, got ", labels);
    return labels;
  }

  Link link() const noexcept {
    switch (transform_) {
      case PostTransform::logistic:
        return pairs_ ? Link::opposite : Link::logistic;
      case PostTransform::softmax:
        return pairs_ ? Link::complement : Link::softmax;
      default:
        return pairs_ ? Link::complement : Link::none;
    }
  }

  template <class T>
  const Scores<T>& scores() const noexcept {
    if constexpr (sizeof(T) == sizeof(float)) {
      return floats_;
    } else {
      return doubles_;
    }
  }

  // The rarer transforms, over what is written.
  template <class T>
  void finish(T* scores, std::int64_t rows, std::int64_t columns) const noexcept {
    if (transform_ != PostTransform::probit && transform_ != PostTransform::softmax_zero) return;
    if (pairs_) {
      if (transform_ == PostTransform::softmax_zero) return;
      for (std::int64_t row = 0; row < rows; ++row) scores[2 * row] = -scores[2 * row + 1];
    }
    apply(transform_, scores, rows, columns);
  }

  Labels labels_;
  PostTransform transform_;
  Coefficients coefficients_;
  bool pairs_;  // two scores are made of one
  Scores<float> floats_;
  Scores<double> doubles_;
};

template <class T>
std::unique_ptr<Op> make(const Node& node) {
  return std::make_unique<T>(node);
}

const Registration regressor{"ai.onnx.ml", "LinearRegressor", 1, any_version, make<LinearRegressor>};
const Registration classifier{"ai.onnx.ml", "LinearClassifier", 1, any_version, make<LinearClassifier>};

}  // namespace
}  // namespace sklort
