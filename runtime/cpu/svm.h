// The decision values of a support vector machine, as libsvm defines them, in double.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "distance/points.h"
#include "op.h"

namespace sklort {

// For each decision, so many pieces of the support vectors with their coefficients.
struct SvmPiece {
  std::int64_t first;  // of the support vectors
  std::vector<double> coefficients;
};

class Svm {
 public:
  // Reads kernel_type, kernel_params and support_vectors (`vectors` rows of them); `bias` holds a number for each decision.
  Svm(const Node& node, std::int64_t vectors, std::vector<std::vector<SvmPiece>> pieces, std::vector<double> bias);
  // Without support vectors: one row of `weights` for each decision.
  Svm(const std::vector<double>& weights, std::vector<double> bias);

  std::int64_t decisions() const noexcept { return static_cast<std::int64_t>(bias_.size()); }
  // to[row * decisions() + i]; throws when the number of columns is not that of the support vectors.
  template <class T>
  void run(Call& call, const T* rows, std::int64_t count, std::int64_t columns, double* to) const;

 private:
  enum class Kernel : std::uint8_t { linear, poly, rbf, sigmoid };

  void apply_kernel(double* values, std::int64_t count) const noexcept;
  void decide(const double* values, double* to) const noexcept;

  Kernel kernel_ = Kernel::linear;
  double gamma_ = 0;
  double coef0_ = 0;
  double degree_ = 0;
  std::vector<std::vector<SvmPiece>> pieces_;  // empty: the points are the weights of the decisions
  std::vector<double> bias_;
  std::optional<distance::Points> points_;
};

}  // namespace sklort
