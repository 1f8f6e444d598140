#include "leaves.hot.h"

#include "hot.h"

namespace sklort::forest::SKLORT_HOT {
namespace {

void one(const double* values, const std::uint32_t* payloads, std::int64_t rows, std::int64_t targets, double* sums) noexcept {
  if (targets == 1) {
    for (std::int64_t row = 0; row < rows; ++row) sums[row] += values[payloads[row]];
  } else {
    for (std::int64_t row = 0; row < rows; ++row) sums[row * targets] += values[payloads[row]];
  }
}

template <int width>
SKLORT_INLINE void add(const double* value, double* sum) noexcept {
  typedef double Vector __attribute__((vector_size(width * 8), may_alias, aligned(8)));
  *reinterpret_cast<Vector*>(sum) += *reinterpret_cast<const Vector*>(value);
}

// `eights` times eight targets, and `tail` more: as constants they leave no loop and no test behind.
template <int eights, int tail>
void fixed(const double* values, const std::uint32_t* payloads, std::int64_t rows, double* sums) noexcept {
  constexpr std::int64_t targets = eights * 8 + tail;
  for (std::int64_t row = 0; row < rows; ++row, sums += targets) {
    const double* value = values + payloads[row] * targets;
#pragma GCC unroll 2
    for (int i = 0; i < eights; ++i) add<8>(value + 8 * i, sums + 8 * i);
    std::int64_t at = eights * 8;
    if constexpr ((tail & 4) != 0) {
      add<4>(value + at, sums + at);
      at += 4;
    }
    if constexpr ((tail & 2) != 0) {
      add<2>(value + at, sums + at);
      at += 2;
    }
    if constexpr ((tail & 1) != 0) sums[at] += value[at];
  }
}

void any(const double* values, const std::uint32_t* payloads, std::int64_t rows, std::int64_t targets, double* sums) noexcept {
  for (std::int64_t row = 0; row < rows; ++row, sums += targets) {
    const double* value = values + payloads[row] * targets;
    std::int64_t at = 0;
    for (; at + 8 <= targets; at += 8) add<8>(value + at, sums + at);
    for (; at < targets; ++at) sums[at] += value[at];
  }
}

void all(const double* values, const std::uint32_t* payloads, std::int64_t rows, std::int64_t targets, double* sums) noexcept {
  using Loop = void (*)(const double*, const std::uint32_t*, std::int64_t, double*) noexcept;
  static constexpr Loop loops[17] = {nullptr,     fixed<0, 1>, fixed<0, 2>, fixed<0, 3>, fixed<0, 4>, fixed<0, 5>,
                                     fixed<0, 6>, fixed<0, 7>, fixed<1, 0>, fixed<1, 1>, fixed<1, 2>, fixed<1, 3>,
                                     fixed<1, 4>, fixed<1, 5>, fixed<1, 6>, fixed<1, 7>, fixed<2, 0>};
  if (targets <= 16) {
    loops[targets](values, payloads, rows, sums);
  } else {
    any(values, payloads, rows, targets, sums);
  }
}

double row_one(const double* values, const std::uint32_t* payloads, std::int64_t trees) noexcept {
  double sum = 0;
  for (std::int64_t tree = 0; tree < trees; ++tree) sum += values[payloads[tree]];
  return sum;
}

template <int width>
SKLORT_INLINE void row_part(const double* values, const std::uint32_t* payloads, std::int64_t trees, std::int64_t targets,
                            double* sums) noexcept {
  typedef double Vector __attribute__((vector_size(width * 8), may_alias, aligned(8)));
  Vector sum{};
  for (std::int64_t tree = 0; tree < trees; ++tree) sum += *reinterpret_cast<const Vector*>(values + payloads[tree] * targets);
  *reinterpret_cast<Vector*>(sums) = sum;
}

void row_all(const double* values, const std::uint32_t* payloads, std::int64_t trees, std::int64_t targets,
             double* sums) noexcept {
  std::int64_t at = 0;
  for (; at + 8 <= targets; at += 8) row_part<8>(values + at, payloads, trees, targets, sums + at);
  for (; at + 2 <= targets; at += 2) row_part<2>(values + at, payloads, trees, targets, sums + at);
  for (; at < targets; ++at) {
    double sum = 0;
    for (std::int64_t tree = 0; tree < trees; ++tree) sum += values[payloads[tree] * targets + at];
    sums[at] = sum;
  }
}

}  // namespace

extern const LeafLoops leaf_loops = {one, all, row_one, row_all};

}  // namespace sklort::forest::SKLORT_HOT
