// LinearClassifier and LinearRegressor.
//
// double input is computed in double and gives double scores; every other type is computed in float.
#include <algorithm>
#include <optional>

#include "dense.h"
#include "labels.h"
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
  // `what` a row stands for, in messages.
  Coefficients(const Node& node, std::int64_t outputs, const char* what) : outputs_(outputs), what_(what) {
    const auto coefficients = node.floats("coefficients");
    const auto intercepts = node.floats("intercepts");
    const auto count = static_cast<std::int64_t>(coefficients.size());
    if (count == 0) bad_graph("attribute 'coefficients' is missing");
    if (count % outputs != 0) bad_graph(count, " coefficients cannot be shared out among ", outputs, " ", what);
    if (!intercepts.empty() && static_cast<std::int64_t>(intercepts.size()) != outputs) {
      bad_graph("expected one intercept for each of the ", outputs, " ", what, ", got ", intercepts.size());
    }
    columns_ = count / outputs;
    if (node.dtype(0) != DType::float64) pack(floats_, coefficients, intercepts);
    if (node.dtype(0) == DType::float64 || node.dtype(0) == DType::undefined) pack(doubles_, coefficients, intercepts);
  }

  std::int64_t outputs() const noexcept { return outputs_; }

  void check(const Rows& rows) const {
    if (rows.columns != columns_) {
      fail("expected ", columns_, " columns (", columns_ * outputs_, " coefficients for ", outputs_, " ", what_, "), got ",
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
  template <class T>
  void pack(std::optional<Dense<T>>& to, std::span<const float> coefficients, std::span<const float> intercepts) const {
    const std::vector<T> weights(coefficients.begin(), coefficients.end());
    const std::vector<T> bias(intercepts.begin(), intercepts.end());
    to.emplace(Matrix<T>::row_major(weights.data(), outputs_, columns_).transposed(), bias.empty() ? nullptr : bias.data());
  }

  std::int64_t outputs_;
  std::int64_t columns_;
  const char* what_;
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
        coefficients_(node, outputs(node, labels_.size()), "classes"),
        transform_(post_transform_of(node.text("post_transform", "NONE"))) {}

  void run(Call& call) const override {
    const Tensor& x = call.tensor(0);
    const Rows rows(x);
    coefficients_.check(rows);
    const bool one = coefficients_.outputs() == 1;
    const std::int64_t columns = one && !labels_.empty() ? 2 : coefficients_.outputs();
    with_float(float_like(x.dtype), [&]<class T>(T) {
      const Dense<T>& dense = coefficients_.dense<T>();
      const T* data = numbers<T>(call, x);
      Tensor& labels = call.allocate(0, labels_.dtype(), {rows.count});
      T* scores = call.allocate(1, dtype_of<T>::value, {rows.count, columns}).template as<T>();
      const bool wants_labels = call.wants(0);
      const bool wants_scores = call.wants(1);
      const std::int64_t chunk = std::min<std::int64_t>(dense.chunk(), 1024);
      parallel(rows.count, chunk, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
        std::int64_t best[1024];
        for (std::int64_t row = first; row < last; row += chunk) {
          const std::int64_t count = std::min(chunk, last - row);
          T* block = scores + row * columns;
          // A single score is written where the second one goes, and spread from the first row on.
          T* raw = one ? block + count * (columns - 1) : block;
          dense.run_here(data + row * rows.columns, count, raw);
          if (wants_labels) {
            choose(raw, count, one ? 1 : columns, best);
            write(labels, row, best, count);
          }
          if (wants_scores) finish(raw, block, count, columns);
        }
      });
    });
  }

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

  template <class T>
  static void choose(const T* scores, std::int64_t rows, std::int64_t columns, std::int64_t* best) noexcept {
    if (columns == 1) {
      for (std::int64_t row = 0; row < rows; ++row) best[row] = scores[row] > 0 ? 1 : 0;
      return;
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      const T* x = scores + row * columns;
      std::int64_t found = 0;
      T most = x[0];
      for (std::int64_t i = 1; i < columns; ++i) {
        found = x[i] > most ? i : found;
        most = x[i] > most ? x[i] : most;
      }
      best[row] = found;
    }
  }

  void write(Tensor& labels, std::int64_t row, const std::int64_t* best, std::int64_t count) const noexcept {
    if (labels_.empty()) {
      std::copy(best, best + count, labels.as<std::int64_t>() + row);
    } else {
      labels_.write(labels, row, best, count);
    }
  }

  template <class T>
  void finish(const T* raw, T* scores, std::int64_t rows, std::int64_t columns) const noexcept {
    if (raw == scores) {
      apply(transform_, scores, rows, columns);
      return;
    }
    const bool opposite = transform_ == PostTransform::logistic || transform_ == PostTransform::probit;
    for (std::int64_t row = 0; row < rows; ++row) {
      const T score = raw[row];
      scores[2 * row] = opposite ? -score : 1 - score;
      scores[2 * row + 1] = score;
    }
    if (opposite) apply(transform_, scores, rows, 2);
  }

  Labels labels_;
  Coefficients coefficients_;
  PostTransform transform_;
};

template <class T>
std::unique_ptr<Op> make(const Node& node) {
  return std::make_unique<T>(node);
}

const Registration regressor{"ai.onnx.ml", "LinearRegressor", 1, any_version, make<LinearRegressor>};
const Registration classifier{"ai.onnx.ml", "LinearClassifier", 1, any_version, make<LinearClassifier>};

}  // namespace
}  // namespace sklort
