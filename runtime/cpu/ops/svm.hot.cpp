#include "ops/svm.hot.h"

#include "simd_math.h"

namespace sklort::SKLORT_HOT {
namespace {

void decay(double* values, std::int64_t count, double factor) noexcept {
  map(values, values, count, [factor](Vector<double> x) noexcept { return exp<double>(x * factor); });
}

void sigmoid(double* values, std::int64_t count, double factor, double shift) noexcept {
  map(values, values, count, [factor, shift](Vector<double> x) noexcept { return tanh<double>(x * factor + shift); });
}

double dot(const double* a, const double* b, std::int64_t count) noexcept {
  constexpr std::int64_t partial = 8;
  constexpr std::int64_t vectors = partial / lanes<double>;
  Vector<double> sums[vectors] = {};
  std::int64_t i = 0;
  for (; i + partial <= count; i += partial) {
    for (std::int64_t v = 0; v < vectors; ++v) sums[v] += load(a + i + v * lanes<double>) * load(b + i + v * lanes<double>);
  }
  double each[partial];
  for (std::int64_t v = 0; v < vectors; ++v) store(each + v * lanes<double>, sums[v]);
  for (std::int64_t rest = 0; i < count; ++i, ++rest) each[rest] += a[i] * b[i];
  return ((each[0] + each[4]) + (each[2] + each[6])) + ((each[1] + each[5]) + (each[3] + each[7]));
}

}  // namespace

extern const SvmLoops svm_loops = {decay, sigmoid, dot};

}  // namespace sklort::SKLORT_HOT
