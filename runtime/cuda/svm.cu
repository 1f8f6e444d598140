// Support vector machines behind the products or distances of distances.cu: kernel values, decisions, votes, probabilities.
// Everything is computed in double, in the order of cpu/svm.cpp and cpu/ops/svm.cpp.
//
// SKLORT_OUT  float or double, of the scores
#include "special.cuh"

namespace sklort::cuda {

enum Kernel : std::int64_t { kernel_linear = 0, kernel_poly = 1, kernel_rbf = 2, kernel_sigmoid = 3 };

// By whole numbers, as the CPU; others are left to it.
__device__ __forceinline__ double power(double base, std::int64_t exponent) {
  double product = 1.0;
  for (std::int64_t bits = exponent; bits > 0; bits >>= 1, base *= base) {
    if ((bits & 1) != 0) product *= base;
  }
  return product;
}

// Memory of a thread, among that of others: what neighbours read at the same time lies side by side.
struct Own {
  double* first;
  std::int64_t apart;

  __device__ __forceinline__ double& operator[](std::int64_t i) const { return first[i * apart]; }
};

__device__ __forceinline__ double magnitude(double x) { return bits_as<double>(bits_as<std::uint64_t>(x) & ~(1ULL << 63)); }

__device__ __forceinline__ double falling_logistic(double x) {
  const double z = exponential(x >= 0.0 ? -x : x);
  return x >= 0.0 ? z / (1.0 + z) : 1.0 / (1.0 + z);
}

// cpu/ops/svm.cpp says which algorithm this is. pairwise [k][k], q [k][k], qp [k].
__device__ __forceinline__ void couple(const Own& pairwise, std::int64_t k, const Own& q, const Own& qp, double* p) {
  for (std::int64_t t = 0; t < k; ++t) {
    p[t] = 1.0 / static_cast<double>(k);
    double diagonal = 0.0;
    for (std::int64_t j = 0; j < k; ++j) {
      if (j == t) continue;
      const double against = pairwise[j * k + t];
      diagonal += against * against;
      q[t * k + j] = -against * pairwise[t * k + j];
    }
    q[t * k + t] = diagonal;
  }
  const double enough = 0.005 / static_cast<double>(k);
  const std::int64_t rounds = k > 100 ? k : 100;
  for (std::int64_t round = 0; round < rounds; ++round) {
    double pqp = 0.0;
    for (std::int64_t t = 0; t < k; ++t) {
      double sum = 0.0;
      for (std::int64_t j = 0; j < k; ++j) sum += q[t * k + j] * p[j];
      qp[t] = sum;
      pqp += p[t] * sum;
    }
    double error = 0.0;
    for (std::int64_t t = 0; t < k; ++t) {
      const double here = magnitude(qp[t] - pqp);
      error = error < here ? here : error;
    }
    if (error < enough) return;
    for (std::int64_t t = 0; t < k; ++t) {
      const double step = (pqp - qp[t]) / q[t * k + t];
      const double whole = 1.0 + step;
      p[t] += step;
      pqp = (pqp + step * (step * q[t * k + t] + 2.0 * qp[t])) / whole / whole;
      for (std::int64_t j = 0; j < k; ++j) {
        qp[j] = (qp[j] + step * q[t * k + j]) / whole;
        p[j] /= whole;
      }
    }
  }
}

}  // namespace sklort::cuda

// Products, or squared distances, become values of the kernel, in place.
extern "C" __global__ void svm_kernel(double* values, std::int64_t count, std::int64_t kernel, double gamma, double coef0,
                                      std::int64_t degree) {
  using namespace sklort::cuda;
  for (std::int64_t i = first_element(); i < count; i += element_stride()) {
    const double x = values[i];
    values[i] = kernel == kernel_rbf       ? exponential(x * -gamma)
                : kernel == kernel_poly    ? power(gamma * x + coef0, degree)
                : kernel == kernel_sigmoid ? hyperbolic_tangent(x * gamma + coef0)
                                           : x;
  }
}

// Decision i is the sum of two pieces, of `size` vectors from `first` on with coefficients from `begin` on; where `first` is
// null, it is value i. A piece is added in eight sums side by side, as the CPU adds it.
extern "C" __global__ void svm_decisions(const double* values, std::int64_t rows, std::int64_t points, const std::int64_t* first,
                                         const std::int64_t* size, const std::int64_t* begin, const double* coefficients,
                                         const double* bias, std::int64_t decisions, double* to) {
  using namespace sklort::cuda;
  for (std::int64_t at = first_element(); at < rows * decisions; at += element_stride()) {
    const double* mine = values + at / decisions * points;
    const std::int64_t decision = at % decisions;
    double sum = first == nullptr ? mine[decision] : 0.0;
    for (std::int64_t piece = 2 * decision; first != nullptr && piece < 2 * decision + 2; ++piece) {
      const double* a = coefficients + begin[piece];
      const double* b = mine + first[piece];
      double each[8] = {};
      std::int64_t i = 0;
      for (; i + 8 <= size[piece]; i += 8) {
#pragma unroll
        for (int k = 0; k < 8; ++k) each[k] += a[i + k] * b[i + k];
      }
#pragma unroll
      for (int k = 0; k < 8; ++k) {
        if (i + k < size[piece]) each[k] += a[i + k] * b[i + k];
      }
      sum += ((each[0] + each[4]) + (each[2] + each[6])) + ((each[1] + each[5]) + (each[3] + each[7]));
    }
    to[at] = sum + bias[decision];
  }
}

// One score a row. one_class: its sign.
extern "C" __global__ void svm_scores(const double* decisions, std::int64_t rows, std::int64_t one_class, SKLORT_OUT* scores) {
  using namespace sklort::cuda;
  for (std::int64_t i = first_element(); i < rows; i += element_stride())
    scores[i] = as<SKLORT_OUT>(one_class == 0 ? decisions[i] : decisions[i] > 0.0 ? 1.0 : -1.0);
}

// Labels and scores. votes: a decision for each pair of classes; else one for each class. prob_a: null without probabilities.
// work [row][column]: the scores in double. memory: classes * (2 * classes + 1) numbers for each of `threads` threads.
extern "C" __global__ void svm_classes(const double* decisions, std::int64_t rows, std::int64_t classes, std::int64_t count,
                                       std::int64_t votes, const double* prob_a, const double* prob_b, double* memory,
                                       std::int64_t threads, double* work, std::int64_t columns, std::int64_t post,
                                       const std::int64_t* names, SKLORT_OUT* scores, std::int64_t* labels) {
  using namespace sklort::cuda;
  const std::int64_t thread = first_element();
  if (thread >= threads) return;
  const Own pairwise{memory + thread, threads};
  for (std::int64_t row = thread; row < rows; row += threads) {
    const double* decision = decisions + row * count;
    if (labels != nullptr) {
      std::int64_t best = 0;
      double most = votes != 0 ? -1.0 : decision[0];
      for (std::int64_t i = 0; i < classes; ++i) {
        double here = votes != 0 ? 0.0 : decision[i];
        if (votes != 0) {
          // Of the pairs that class i is in: those before it, then those it comes first in.
          for (std::int64_t j = 0; j < classes; ++j) {
            if (j == i) continue;
            const std::int64_t low = j < i ? j : i;
            const std::int64_t high = j < i ? i : j;
            const bool first_wins = decision[low * (2 * classes - low - 1) / 2 + high - low - 1] > 0.0;
            here += first_wins == (low == i) ? 1.0 : 0.0;
          }
        }
        if (most < here) {
          most = here;
          best = i;
        }
      }
      labels[row] = names == nullptr ? best : names[best];
    }
    if (scores == nullptr) continue;
    double* mine = work + row * columns;
    if (prob_a != nullptr) {
      std::int64_t pair = 0;
      for (std::int64_t i = 0; i < classes; ++i) {
        for (std::int64_t j = i + 1; j < classes; ++j, ++pair) {
          double p = falling_logistic(decision[pair] * prob_a[pair] + prob_b[pair]);
          p = p < 1e-7 ? 1e-7 : p;
          p = 1.0 - 1e-7 < p ? 1.0 - 1e-7 : p;
          pairwise[i * classes + j] = p;
          pairwise[j * classes + i] = 1.0 - p;
        }
      }
      const Own q{memory + classes * classes * threads + thread, threads};
      const Own qp{memory + 2 * classes * classes * threads + thread, threads};
      couple(pairwise, classes, q, qp, mine);
    } else if (count == 1) {
      mine[0] = -decision[0];
      mine[1] = decision[0];
    } else {
      for (std::int64_t i = 0; i < columns; ++i) mine[i] = decision[i];
    }
    transform(post, mine, columns);
    for (std::int64_t i = 0; i < columns; ++i) scores[row * columns + i] = as<SKLORT_OUT>(mine[i]);
  }
}
