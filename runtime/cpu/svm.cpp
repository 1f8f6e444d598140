#include "svm.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "isa.h"
#include "ops/svm.hot.h"
#include "threads.h"

namespace sklort {

SKLORT_DECLARE(SvmLoops, svm_loops)

namespace {

constexpr distance::Metric metric_of(distance::Term term) { return {distance::Rows::plain, term, {}, {}, 2}; }

double power(double base, double exponent) noexcept {
  const auto whole = static_cast<int>(exponent);
  if (whole != exponent || whole < 0) return std::pow(base, exponent);
  double product = 1;
  for (int bits = whole; bits > 0; bits >>= 1, base *= base) {
    if ((bits & 1) != 0) product *= base;
  }
  return product;
}

}  // namespace

Svm::Svm(const Node& node, std::int64_t vectors, std::vector<std::vector<SvmPiece>> pieces, std::vector<double> bias)
    : pieces_(std::move(pieces)), bias_(std::move(bias)) {
  constexpr std::array names = {"LINEAR", "POLY", "RBF", "SIGMOID"};
  const std::string name = node.text("kernel_type", "LINEAR");
  const auto* found = std::ranges::find(names, name);
  if (found == names.end()) bad_graph("attribute 'kernel_type' is '", name, "'; it must be LINEAR, POLY, RBF or SIGMOID");
  kernel_ = static_cast<Kernel>(found - names.begin());
  const auto parameters = node.floats("kernel_params");
  if (parameters.size() != 3 && (kernel_ != Kernel::linear || !parameters.empty()))
    bad_graph("attribute 'kernel_params' has ", parameters.size(), " entries; it must have 3: gamma, coef0 and degree");
  if (!parameters.empty()) {
    gamma_ = static_cast<double>(parameters[0]);
    coef0_ = static_cast<double>(parameters[1]);
    degree_ = static_cast<double>(parameters[2]);
  }
  const auto rows = node.floats("support_vectors");
  const auto count = static_cast<std::int64_t>(rows.size());
  if (count == 0 || count % vectors != 0)
    bad_graph("attribute 'support_vectors' has ", count, " numbers, which ", vectors, " vectors cannot share");
  const std::int64_t columns = count / vectors;
  if (kernel_ != Kernel::linear) {
    const auto term = kernel_ == Kernel::rbf ? distance::Term::squares : distance::Term::products;
    points_.emplace(metric_of(term), rows.data(), vectors, columns);
    return;
  }
  // A linear machine is one vector of weights for each decision.
  std::vector<double> weights(static_cast<std::size_t>(decisions() * columns));
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    double* to = weights.data() + static_cast<std::int64_t>(i) * columns;
    for (const SvmPiece& piece : pieces_[i]) {
      const float* row = rows.data() + piece.first * columns;
      for (const double coefficient : piece.coefficients) {
        for (std::int64_t column = 0; column < columns; ++column) to[column] += coefficient * static_cast<double>(*row++);
      }
    }
  }
  pieces_.clear();
  points_.emplace(metric_of(distance::Term::products), weights.data(), decisions(), columns);
}

Svm::Svm(const std::vector<double>& weights, std::vector<double> bias) : bias_(std::move(bias)) {
  points_.emplace(metric_of(distance::Term::products), weights.data(), decisions(),
                  static_cast<std::int64_t>(weights.size()) / decisions());
}

void Svm::apply_kernel(double* values, std::int64_t count) const noexcept {
  switch (kernel_) {
    case Kernel::linear:
      return;
    case Kernel::rbf:
      SKLORT_CHOOSE(svm_loops).decay(values, count, -gamma_);
      return;
    case Kernel::poly:
      for (std::int64_t i = 0; i < count; ++i) values[i] = power(gamma_ * values[i] + coef0_, degree_);
      return;
    case Kernel::sigmoid:
      SKLORT_CHOOSE(svm_loops).sigmoid(values, count, gamma_, coef0_);
      return;
  }
}

void Svm::decide(const double* values, double* to) const noexcept {
  const SvmLoops& loops = SKLORT_CHOOSE(svm_loops);
  for (std::size_t i = 0; i < bias_.size(); ++i) {
    double sum = 0;
    if (pieces_.empty()) {
      sum = values[i];
    } else {
      for (const SvmPiece& piece : pieces_[i]) {
        sum += loops.dot(piece.coefficients.data(), values + piece.first, static_cast<std::int64_t>(piece.coefficients.size()));
      }
    }
    to[i] = sum + bias_[i];
  }
}

template <class T>
void Svm::run(Call& call, const T* rows, std::int64_t count, std::int64_t columns, double* to) const {
  const distance::Points& points = *points_;
  if (columns != points.features()) fail("expected ", points.features(), " columns, as the support vectors have, got ", columns);
  constexpr std::int64_t block = 8;
  const std::int64_t stride = (points.count() + distance::panel_points - 1) / distance::panel_points * distance::panel_points;
  const std::int64_t memory_size = block * (columns + stride);
  auto* memory = call.scratch_of<double>(memory_size * call.threads());
  const std::int64_t work = std::max<std::int64_t>(1, points.count() * (columns + 8));
  const std::int64_t chunk = std::clamp<std::int64_t>((std::int64_t{1} << 17) / work, 1, 32) * block;
  parallel(count, chunk, call.threads(), [&](int worker, std::int64_t first, std::int64_t last) noexcept {
    double* prepared = memory + worker * memory_size;
    double* values = prepared + block * columns;
    for (; first < last; first += block) {
      const std::int64_t here = std::min(block, last - first);
      std::copy_n(rows + first * columns, here * columns, prepared);
      for (std::int64_t at = 0; at < points.count(); at += points.tile()) {
        points.reduced(prepared, nullptr, here, at, std::min(points.tile(), points.count() - at), values + at, stride);
      }
      for (std::int64_t row = 0; row < here; ++row) {
        apply_kernel(values + row * stride, points.count());
        decide(values + row * stride, to + (first + row) * decisions());
      }
    }
  });
}

template void Svm::run(Call&, const float*, std::int64_t, std::int64_t, double*) const;
template void Svm::run(Call&, const double*, std::int64_t, std::int64_t, double*) const;

}  // namespace sklort
