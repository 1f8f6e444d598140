// SVMClassifier and SVMRegressor.
//
// Everything is computed in double; the scores are float, or double when the input is.
#include "svm.h"

#include <algorithm>
#include <cmath>

#include "convert.h"
#include "labels.h"
#include "numbers.h"
#include "op.h"
#include "post_transform.h"
#include "rows.h"
#include "threads.h"

namespace sklort {
namespace {

// T. F. Wu, C. J. Lin, R. C. Weng, Probability estimates for multi-class classification by pairwise coupling, JMLR 5 (2004),
// the second method and its algorithm 2. `pairwise` [k, k] holds in (i, j) the probability of i against j. The iteration ends
// where libsvm's ends, which shows in the third digit of the result. `memory`: k * (k + 1) numbers.
void couple(const double* pairwise, std::int64_t k, double* memory, double* p) noexcept {
  double* q = memory;
  double* qp = memory + k * k;
  for (std::int64_t t = 0; t < k; ++t) {
    p[t] = 1.0 / static_cast<double>(k);
    double diagonal = 0;
    for (std::int64_t j = 0; j < k; ++j) {
      if (j == t) continue;
      const double against = pairwise[j * k + t];
      diagonal += against * against;
      q[t * k + j] = -against * pairwise[t * k + j];
    }
    q[t * k + t] = diagonal;
  }
  const double enough = 0.005 / static_cast<double>(k);
  const std::int64_t rounds = std::max<std::int64_t>(100, k);
  for (std::int64_t round = 0; round < rounds; ++round) {
    double pqp = 0;
    for (std::int64_t t = 0; t < k; ++t) {
      qp[t] = 0;
      for (std::int64_t j = 0; j < k; ++j) qp[t] += q[t * k + j] * p[j];
      pqp += p[t] * qp[t];
    }
    double error = 0;
    for (std::int64_t t = 0; t < k; ++t) error = std::max(error, std::abs(qp[t] - pqp));
    if (error < enough) return;
    for (std::int64_t t = 0; t < k; ++t) {
      const double step = (pqp - qp[t]) / q[t * k + t];
      const double whole = 1 + step;
      p[t] += step;
      pqp = (pqp + step * (step * q[t * k + t] + 2 * qp[t])) / whole / whole;
      for (std::int64_t j = 0; j < k; ++j) {
        qp[j] = (qp[j] + step * q[t * k + j]) / whole;
        p[j] /= whole;
      }
    }
  }
}

// 1 / (1 + exp(x)) without overflow.
double falling_logistic(double x) noexcept { return x >= 0 ? std::exp(-x) / (1 + std::exp(-x)) : 1 / (1 + std::exp(x)); }

std::vector<double> doubles(std::span<const float> numbers) { return {numbers.begin(), numbers.end()}; }

DType score_dtype(DType input) noexcept { return input == DType::float64 ? DType::float64 : DType::float32; }

// The decisions of every row, as scratch.
double* decisions_of(Call& call, const Svm& svm, const Rows& rows) {
  const Tensor& x = call.tensor(0);
  auto* to = call.scratch_of<double>(rows.count * svm.decisions());
  if (x.dtype == DType::float32) {
    svm.run(call, x.as<float>(), rows.count, rows.columns, to);
  } else {
    svm.run(call, numbers<double>(call, x), rows.count, rows.columns, to);
  }
  return to;
}

void write(Call& call, int output, DType dtype, double* scores, std::int64_t rows, std::int64_t columns) {
  Tensor& out = call.allocate(output, dtype, {rows, columns});
  convert_numbers(Tensor{DType::float64, out.shape, scores, {}}, out, call.threads());
}

Svm classifier_machine(const Node& node, std::int64_t classes) {
  const std::vector<double> coefficients = doubles(node.floats("coefficients"));
  const std::vector<double> rho = doubles(node.floats("rho"));
  const auto sizes = node.integers("vectors_per_class");
  const auto count = static_cast<std::int64_t>(coefficients.size());
  if (sizes.empty()) {  // one row of weights for each class
    if (rho.empty()) bad_graph("attribute 'rho' is missing");
    if (count == 0 || count % classes != 0) bad_graph(count, " coefficients cannot be shared out among ", classes, " classes");
    return {coefficients, std::vector<double>(static_cast<std::size_t>(classes), rho[0])};
  }
  if (static_cast<std::int64_t>(sizes.size()) != classes)
    bad_graph("attribute 'vectors_per_class' has ", sizes.size(), " entries for ", classes, " classes");
  std::vector<std::int64_t> starts = {0};
  for (const std::int64_t size : sizes) {
    if (size < 0) bad_graph("attribute 'vectors_per_class' has a negative entry, ", size);
    starts.push_back(starts.back() + size);
  }
  const std::int64_t vectors = starts.back();
  const std::int64_t pairs = classes * (classes - 1) / 2;
  if (vectors == 0 || count != vectors * (classes - 1))
    bad_graph("expected ", classes - 1, " coefficients for each of ", vectors, " support vectors, got ", count);
  if (static_cast<std::int64_t>(rho.size()) != pairs)
    bad_graph("attribute 'rho' has ", rho.size(), " entries for ", pairs, " pairs");
  std::vector<std::vector<SvmPiece>> pieces;
  const auto piece = [&](std::int64_t owner, std::int64_t row) {
    const auto first = coefficients.begin() + row * vectors + starts[static_cast<std::size_t>(owner)];
    return SvmPiece{starts[static_cast<std::size_t>(owner)], {first, first + sizes[static_cast<std::size_t>(owner)]}};
  };
  for (std::int64_t i = 0; i < classes; ++i) {
    for (std::int64_t j = i + 1; j < classes; ++j) pieces.push_back({piece(i, j - 1), piece(j, i)});
  }
  return {node, vectors, std::move(pieces), rho};
}

// One decision for each pair of classes; each gives a vote to the first of the pair when positive, else to the second. The class
// of a row is the one with most votes, the first of equals. Scores: the decisions, two classes having [-s, s]; with prob_a and
// prob_b, the probabilities of the classes. Without support vectors each class has a decision, and the largest wins.
class SvmClassifier final : public Op {
 public:
  explicit SvmClassifier(const Node& node)
      : labels_(node, "classlabels_ints", "classlabels_strings"),
        transform_(post_transform_of(node.text("post_transform", "NONE"))),
        prob_a_(doubles(node.floats("prob_a"))),
        prob_b_(doubles(node.floats("prob_b"))),
        votes_(!node.integers("vectors_per_class").empty()),
        svm_(classifier_machine(node, checked(labels_.size()))) {
    const auto pairs = static_cast<std::size_t>(labels_.size() * (labels_.size() - 1) / 2);
    if (prob_a_.size() != prob_b_.size() || (!prob_a_.empty() && prob_a_.size() != pairs))
      bad_graph("attributes 'prob_a' and 'prob_b' have ", prob_a_.size(), " and ", prob_b_.size(), " entries for ", pairs,
                " pairs");
    if (!votes_) prob_a_.clear();
  }

  void run(Call& call) const override {
    const Rows rows(call.tensor(0));
    const double* decisions = decisions_of(call, svm_, rows);
    if (call.wants(0)) write_labels(call, decisions, rows.count);
    if (!call.wants(1)) return;
    const DType dtype = score_dtype(call.tensor(0).dtype);
    const std::int64_t classes = labels_.size();
    const std::int64_t columns = classes == 2 || !prob_a_.empty() ? classes : svm_.decisions();
    auto* scores = call.scratch_of<double>(rows.count * columns);
    if (!prob_a_.empty()) {
      write_probabilities(call, decisions, rows.count, scores);
    } else if (svm_.decisions() == 1) {
      for (std::int64_t row = 0; row < rows.count; ++row) {
        scores[2 * row] = -decisions[row];
        scores[2 * row + 1] = decisions[row];
      }
    } else {
      std::copy_n(decisions, rows.count * columns, scores);
    }
    if (transform_ != PostTransform::none) apply(transform_, scores, rows.count, columns);
    write(call, 1, dtype, scores, rows.count, columns);
  }

  DType result(int output, std::span<const DType> inputs) const override {
    if (output == 0) return labels_.dtype();
    return inputs[0] == DType::undefined ? DType::undefined : score_dtype(inputs[0]);
  }

 private:
  static std::int64_t checked(std::int64_t classes) {
    if (classes < 2) bad_graph("expected at least 2 class labels, got ", classes);
    return classes;
  }

  void write_labels(Call& call, const double* decisions, std::int64_t rows) const {
    const std::int64_t classes = labels_.size();
    auto* best = call.scratch_of<std::int64_t>(rows);
    auto* all_votes = call.scratch_of<std::int64_t>(classes * call.threads());
    parallel(rows, 1024, call.threads(), [&](int worker, std::int64_t first, std::int64_t last) noexcept {
      std::int64_t* votes = all_votes + worker * classes;
      for (std::int64_t row = first; row < last; ++row) {
        const double* decision = decisions + row * svm_.decisions();
        if (!votes_) {
          best[row] = std::max_element(decision, decision + classes) - decision;
          continue;
        }
        std::fill_n(votes, classes, 0);
        for (std::int64_t i = 0; i < classes; ++i) {
          for (std::int64_t j = i + 1; j < classes; ++j) ++votes[*decision++ > 0 ? i : j];
        }
        best[row] = std::max_element(votes, votes + classes) - votes;
      }
    });
    labels_.write(call.allocate(0, labels_.dtype(), {rows}), 0, best, rows);
  }

  void write_probabilities(Call& call, const double* decisions, std::int64_t rows, double* scores) const {
    const std::int64_t k = labels_.size();
    const std::int64_t memory_size = k * (2 * k + 1);
    auto* memory = call.scratch_of<double>(memory_size * call.threads());
    parallel(rows, std::max<std::int64_t>(1, 4096 / (k * k)), call.threads(),
             [&](int worker, std::int64_t first, std::int64_t last) noexcept {
               double* pairwise = memory + worker * memory_size;
               for (std::int64_t row = first; row < last; ++row) {
                 std::size_t pair = 0;
                 for (std::int64_t i = 0; i < k; ++i) {
                   for (std::int64_t j = i + 1; j < k; ++j, ++pair) {
                     const double decision = decisions[row * svm_.decisions() + static_cast<std::int64_t>(pair)];
                     const double p = falling_logistic(decision * prob_a_[pair] + prob_b_[pair]);
                     pairwise[i * k + j] = std::min(std::max(p, 1e-7), 1 - 1e-7);
                     pairwise[j * k + i] = 1 - pairwise[i * k + j];
                   }
                 }
                 couple(pairwise, k, pairwise + k * k, scores + row * k);
               }
             });
  }

  Labels labels_;
  PostTransform transform_;
  std::vector<double> prob_a_;
  std::vector<double> prob_b_;
  bool votes_;
  Svm svm_;
};

Svm regressor_machine(const Node& node) {
  const std::vector<double> coefficients = doubles(node.floats("coefficients"));
  const std::vector<double> rho = doubles(node.floats("rho"));
  const std::int64_t vectors = node.integer("n_supports", 0);
  if (rho.size() != 1) bad_graph("attribute 'rho' has ", rho.size(), " entries; it must have 1");
  if (vectors < 0) bad_graph("attribute 'n_supports' is ", vectors);
  if (vectors == 0) {
    if (coefficients.empty()) bad_graph("attribute 'coefficients' is missing");
    return {coefficients, rho};
  }
  if (static_cast<std::int64_t>(coefficients.size()) != vectors)
    bad_graph("expected a coefficient for each of ", vectors, " support vectors, got ", coefficients.size());
  return {node, vectors, {{SvmPiece{0, coefficients}}}, rho};
}

class SvmRegressor final : public Op {
 public:
  explicit SvmRegressor(const Node& node) : one_class_(node.integer("one_class", 0) != 0), svm_(regressor_machine(node)) {}

  void run(Call& call) const override {
    const Rows rows(call.tensor(0));
    double* scores = decisions_of(call, svm_, rows);
    if (one_class_) {
      for (std::int64_t row = 0; row < rows.count; ++row) scores[row] = scores[row] > 0 ? 1 : -1;
    }
    write(call, 0, score_dtype(call.tensor(0).dtype), scores, rows.count, 1);
  }

  DType result(int, std::span<const DType> inputs) const override {
    return inputs[0] == DType::undefined ? DType::undefined : score_dtype(inputs[0]);
  }

 private:
  bool one_class_;
  Svm svm_;
};

std::string refuse_regressor(const Node& node) {
  const std::string transform = node.text("post_transform", "NONE");
  if (transform != "NONE") return sentence("post_transform '", transform, "' of a single score has no agreed meaning");
  const std::int64_t targets = node.integer("n_targets", 1);
  return targets == 1 ? std::string() : sentence("n_targets is ", targets, "; the operator gives one score");
}

std::unique_ptr<Op> prepare_classifier(const Node& node) { return std::make_unique<SvmClassifier>(node); }
std::unique_ptr<Op> prepare_regressor(const Node& node) { return std::make_unique<SvmRegressor>(node); }

const Registration classifier{"ai.onnx.ml", "SVMClassifier", 1, any_version, prepare_classifier};
const Registration regressor{"ai.onnx.ml", "SVMRegressor", 1, any_version, prepare_regressor, refuse_regressor};

}  // namespace
}  // namespace sklort
