// Solve of com.microsoft: X with A X = B, or with A' X = B where `transposed` is set, as scipy.linalg.solve gives it for a
// general matrix: `lower` says nothing then, A is read whole.
//
// A (n, n), B (n, m) or (n): float or double, computed in double. A triangular A, which is what Gaussian process classifiers come
// with, is solved by substitution; any other by elimination with partial pivoting. A singular one is an error.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>
#include <vector>

#include "axes.h"
#include "isa.h"
#include "numbers.h"
#include "op.h"
#include "ops/solve.hot.h"
#include "threads.h"

namespace sklort {

SKLORT_DECLARE(SolveLoops, solve_loops)

namespace {

// P A = L U, with a unit diagonal in L; a lower triangular A has its own L and no U.
class Factors {
 public:
  template <class T>
  Factors(const T* matrix, std::int64_t n, bool transposed) : n_(n), order_(static_cast<std::size_t>(n)) {
    a_.resize(static_cast<std::size_t>(n * n));
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) at(i, j) = static_cast<double>(transposed ? matrix[j * n + i] : matrix[i * n + j]);
    }
    std::iota(order_.begin(), order_.end(), 0);
    lower_ = true;
    bool upper = true;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < i; ++j) upper = upper && at(i, j) == 0;
      for (std::int64_t j = i + 1; j < n; ++j) lower_ = lower_ && at(i, j) == 0;
    }
    if (!lower_ && !upper) eliminate();
    for (std::int64_t i = 0; i < n; ++i) {
      if (at(i, i) == 0) fail("the matrix is singular: a pivot, in row ", i, ", is 0");
    }
  }

  std::int64_t n() const noexcept { return n_; }

  // In place: x (n rows, solve_columns apart) holds columns of the right-hand side in the order `row(i)` of its rows.
  void solve(double* x, std::int64_t columns) const noexcept {
    const SolveLoops& loops = SKLORT_CHOOSE(solve_loops);
    const double* a = a_.data();
    for (std::int64_t i = 0; i < n_; ++i) {
      double* row = x + i * solve_columns;
      loops.subtract(a + i * n_, i, x, columns, row);
      if (lower_) divide(row, columns, a[i * n_ + i]);
    }
    if (lower_) return;
    for (std::int64_t i = n_ - 1; i >= 0; --i) {
      double* row = x + i * solve_columns;
      loops.subtract(a + i * n_ + i + 1, n_ - 1 - i, row + solve_columns, columns, row);
      divide(row, columns, a[i * n_ + i]);
    }
  }
  std::int64_t row(std::int64_t i) const noexcept { return order_[static_cast<std::size_t>(i)]; }

 private:
  double& at(std::int64_t i, std::int64_t j) noexcept { return a_[static_cast<std::size_t>(i * n_ + j)]; }

  static void divide(double* row, std::int64_t columns, double by) noexcept {
    for (std::int64_t c = 0; c < columns; ++c) row[c] /= by;
  }

  void eliminate() {
    for (std::int64_t k = 0; k < n_; ++k) {
      std::int64_t pivot = k;
      for (std::int64_t i = k + 1; i < n_; ++i) {
        if (std::abs(at(i, k)) > std::abs(at(pivot, k))) pivot = i;
      }
      if (pivot != k) {
        std::swap_ranges(&at(k, 0), &at(k, 0) + n_, &at(pivot, 0));
        std::swap(order_[static_cast<std::size_t>(k)], order_[static_cast<std::size_t>(pivot)]);
      }
      if (at(k, k) == 0) return;  // singular, which the caller reports
      for (std::int64_t i = k + 1; i < n_; ++i) {
        const double factor = at(i, k) /= at(k, k);
        if (factor == 0) continue;
        for (std::int64_t j = k + 1; j < n_; ++j) at(i, j) -= factor * at(k, j);
      }
    }
  }

  std::int64_t n_;
  std::vector<double> a_;
  std::vector<std::int64_t> order_;
  bool lower_;
};

class Solve final : public Op {
 public:
  explicit Solve(const Node& node) : transposed_(node.integer("transposed", 0) != 0) {
    const Value* matrix = node.constant(0);
    if (matrix != nullptr && (matrix->tensor.dtype == DType::float32 || matrix->tensor.dtype == DType::float64))
      constant_.emplace(factors(matrix->tensor));
  }

  void run(Call& call) const override {
    const Tensor& b = call.tensor(1);
    if (constant_) return solve(call, *constant_, b);
    const Tensor& a = call.tensor(0);
    if (a.dtype == DType::float32) return solve(call, factors(a), b);
    const Tensor wide{DType::float64, a.shape, const_cast<double*>(numbers<double>(call, a)), {}};
    solve(call, factors(wide), b);
  }

  DType result(int, std::span<const DType> inputs) const override {
    if (inputs[0] == DType::undefined || inputs[1] == DType::undefined) return DType::undefined;
    return solution_dtype(inputs[0], inputs[1]);
  }

 private:
  static DType solution_dtype(DType a, DType b) noexcept {
    return a == DType::float32 && b == DType::float32 ? DType::float32 : DType::float64;
  }

  Factors factors(const Tensor& a) const {
    if (a.shape.rank() != 2 || a.shape[0] != a.shape[1]) fail("expected a square matrix, got shape ", print(a.shape));
    return with_float(a.dtype, [&]<class T>(T) { return Factors(a.as<T>(), a.shape[0], transposed_); });
  }

  static void solve(Call& call, const Factors& factors, const Tensor& b) {
    const int rank = b.shape.rank();
    if (rank < 1 || rank > 2 || b.shape[0] != factors.n())
      fail("the right-hand side has shape ", print(b.shape), "; the matrix has ", factors.n(), " rows");
    const DType dtype = solution_dtype(call.tensor(0).dtype, b.dtype);
    Tensor& out = call.allocate(0, dtype, b.shape);
    with_float(dtype, [&]<class T>(T) { solve(call, factors, numbers<T>(call, b), b.shape.count(1, rank), out.as<T>()); });
  }

  template <class T>
  static void solve(Call& call, const Factors& factors, const T* b, std::int64_t m, T* out) {
    const std::int64_t n = factors.n();
    auto* memory = call.scratch_of<double>(n * solve_columns * call.threads());
    const std::int64_t blocks = (m + solve_columns - 1) / solve_columns;
    const std::int64_t grain = std::max<std::int64_t>(1, (std::int64_t{1} << 17) / (n * n * solve_columns / 8 + 1));
    parallel(blocks, grain, call.threads(), [&](int worker, std::int64_t first, std::int64_t last) noexcept {
      double* x = memory + worker * n * solve_columns;
      for (std::int64_t at = first * solve_columns; at < std::min(m, last * solve_columns); at += solve_columns) {
        const std::int64_t here = std::min(solve_columns, m - at);
        const std::int64_t padded = (here + 7) / 8 * 8;
        for (std::int64_t i = 0; i < n; ++i) {
          const T* from = b + factors.row(i) * m + at;
          double* to = x + i * solve_columns;
          for (std::int64_t c = 0; c < here; ++c) to[c] = static_cast<double>(from[c]);
          std::fill(to + here, to + padded, 0.0);
        }
        factors.solve(x, padded);
        for (std::int64_t i = 0; i < n; ++i) {
          for (std::int64_t c = 0; c < here; ++c) out[i * m + at + c] = static_cast<T>(x[i * solve_columns + c]);
        }
      }
    });
  }

  bool transposed_;
  std::optional<Factors> constant_;
};

std::unique_ptr<Op> prepare(const Node& node) { return std::make_unique<Solve>(node); }

const Registration registration{"com.microsoft", "Solve", 1, any_version, prepare};

}  // namespace
}  // namespace sklort
