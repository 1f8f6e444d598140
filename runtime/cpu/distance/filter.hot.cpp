// Compiled with fused multiply-add: what comes out is only an estimate (filter.h).
#include "filter.hot.h"

#include "simd.h"

namespace sklort::distance::SKLORT_HOT {
namespace {

using namespace sklort::SKLORT_HOT;

// `count` rows with each panel, two vectors of points at a time.
template <int count>
SKLORT_INLINE void panel_of(const float* x, std::int64_t features, const float* points, float* to, std::int64_t stride) noexcept {
  constexpr int width = 2;
  constexpr std::int64_t step = width * lanes<float>;
  static_assert(filter_points % step == 0);
  for (std::int64_t first = 0; first < filter_points; first += step) {
    const float* at = points + first;
    Vector<float> sums[count][width];
#pragma GCC unroll 8
    for (int q = 0; q < count; ++q) {
#pragma GCC unroll 2
      for (int v = 0; v < width; ++v) sums[q][v] = load(at + v * lanes<float>);
    }
    for (std::int64_t feature = 0; feature < features; ++feature) {
      at += filter_points;
      const Vector<float> y[width] = {load(at), load(at + lanes<float>)};
#pragma GCC unroll 8
      for (int q = 0; q < count; ++q) {
        const Vector<float> row = broadcast(x[q * features + feature]);
#pragma GCC unroll 2
        for (int v = 0; v < width; ++v) sums[q][v] += row * y[v];
      }
    }
#pragma GCC unroll 8
    for (int q = 0; q < count; ++q) {
#pragma GCC unroll 2
      for (int v = 0; v < width; ++v) store(to + q * stride + first + v * lanes<float>, sums[q][v]);
    }
  }
}

void scores(const float* x, std::int64_t queries, std::int64_t features, const float* points, std::int64_t panels, float* to,
            std::int64_t stride) noexcept {
  constexpr int group = vector_bytes == 64 ? 8 : 4;  // as many as there are registers for
  const std::int64_t panel = (features + 1) * filter_points;
  std::int64_t query = 0;
  for (; query + group <= queries; query += group) {
    for (std::int64_t i = 0; i < panels; ++i)
      panel_of<group>(x + query * features, features, points + i * panel, to + query * stride + i * filter_points, stride);
  }
  for (; query < queries; ++query) {
    for (std::int64_t i = 0; i < panels; ++i)
      panel_of<1>(x + query * features, features, points + i * panel, to + query * stride + i * filter_points, stride);
  }
}

std::int64_t at_most(const float* scores, std::int64_t count, float limit, std::int64_t base, std::int64_t* index) noexcept {
  constexpr std::int64_t block = 64;
  std::int64_t total = 0;
  std::int64_t i = 0;
  for (; i + block <= count; i += block) {
    Vector<std::int32_t> any = {};
    for (std::int64_t at = 0; at < block; at += lanes<float>) any |= load(scores + i + at) <= limit;
    std::int32_t some = 0;
    for (std::int64_t lane = 0; lane < lanes<float>; ++lane) some |= any[lane];
    if (some == 0) continue;
    for (std::int64_t at = i; at < i + block; ++at) {
      index[total] = base + at;
      total += scores[at] <= limit ? 1 : 0;
    }
  }
  for (; i < count; ++i) {
    index[total] = base + i;
    total += scores[i] <= limit ? 1 : 0;
  }
  return total;
}

}  // namespace

extern const FilterLoops filter_loops = {scores, at_most};

}  // namespace sklort::distance::SKLORT_HOT
