#include "terms.hot.h"

#include "simd.h"
#include "transpose.h"

namespace sklort::distance::SKLORT_HOT {
namespace {

using namespace sklort::SKLORT_HOT;
using V = Vector<double>;

constexpr double infinity = __builtin_huge_val();

SKLORT_INLINE V absolute(V x) noexcept {
  using Bits = Vector<std::int64_t>;
  const Bits bits = reinterpret_cast<const Bits&>(x) & INT64_MAX;
  return reinterpret_cast<const V&>(bits);
}

// A function of the mathematical library, lane by lane.
template <class Function>
SKLORT_INLINE V each(V x, V y, Function function) noexcept {
  V out = x;
  for (std::int64_t lane = 0; lane < lanes<double>; ++lane) out[lane] = function(x[lane], y[lane]);
  return out;
}

struct Squares {
  V sum = {};
  SKLORT_INLINE void add(V x, V y, double) noexcept {
    const V d = x - y;
    sum += d * d;
  }
  SKLORT_INLINE V result(std::int64_t) const noexcept { return sum; }
};

struct Products {
  V sum = {};
  SKLORT_INLINE void add(V x, V y, double) noexcept { sum += x * y; }
  SKLORT_INLINE V result(std::int64_t) const noexcept { return sum; }
};

struct Absolutes {
  V sum = {};
  SKLORT_INLINE void add(V x, V y, double) noexcept { sum += absolute(x - y); }
  SKLORT_INLINE V result(std::int64_t) const noexcept { return sum; }
};

struct Maximum {
  V most = {};
  SKLORT_INLINE void add(V x, V y, double) noexcept {
    const V d = absolute(x - y);
    most = (most == most) & ~(d <= most) ? d : most;  // NaN stays
  }
  SKLORT_INLINE V result(std::int64_t) const noexcept { return most; }
};

struct Powers {
  V sum = {};
  SKLORT_INLINE void add(V x, V y, double p) noexcept {
    const V d = absolute(x - y);
    if (p == 3) {
      sum += d * d * d;
    } else if (p == 4) {
      sum += (d * d) * (d * d);
    } else {
      sum += each(d, broadcast(p), [](double a, double b) noexcept { return __builtin_pow(a, b); });
    }
  }
  SKLORT_INLINE V result(std::int64_t) const noexcept { return sum; }
};

struct Canberra {
  V sum = {};
  SKLORT_INLINE void add(V x, V y, double) noexcept {
    const V whole = absolute(x) + absolute(y);
    const V part = absolute(x - y) / whole;
    sum += whole == 0 ? V{} : part;
  }
  SKLORT_INLINE V result(std::int64_t) const noexcept { return sum; }
};

struct BrayCurtis {
  V part = {};
  V whole = {};
  SKLORT_INLINE void add(V x, V y, double) noexcept {
    part += absolute(x - y);
    whole += absolute(x + y);
  }
  SKLORT_INLINE V result(std::int64_t) const noexcept { return part / whole; }
};

struct Unequal {
  V sum = {};
  SKLORT_INLINE void add(V x, V y, double) noexcept { sum += x != y ? broadcast(1.0) : V{}; }
  SKLORT_INLINE V result(std::int64_t) const noexcept { return sum; }
};

struct NanSquares {
  V sum = {};
  V present = {};
  SKLORT_INLINE void add(V x, V y, double) noexcept {
    const auto both = (x == x) & (y == y);
    const V d = x - y;
    sum += both ? d * d : V{};
    present += both ? broadcast(1.0) : V{};
  }
  SKLORT_INLINE V result(std::int64_t features) const noexcept { return sum / present * static_cast<double>(features); }
};

struct Entropy {
  V sum = {};
  SKLORT_INLINE void add(V x, V y, double) noexcept {
    sum += each(x, y, [](double a, double b) noexcept {
      const double m = 0.5 * (a + b);
      return (a > 0   ? a * __builtin_log(a / m)
              : a < 0 ? infinity
                      : a) +
             (b > 0   ? b * __builtin_log(b / m)
              : b < 0 ? infinity
                      : b);
    });
  }
  SKLORT_INLINE V result(std::int64_t) const noexcept { return sum; }
};

// `count` rows with each panel of points, two vectors of points at a time.
template <class Sum, int count>
SKLORT_INLINE void panel_of(const double* x, std::int64_t features, const double* points, double p, double* to,
                            std::int64_t stride) noexcept {
  constexpr int width = 2;
  constexpr std::int64_t step = width * lanes<double>;
  static_assert(panel_points % step == 0);
  for (std::int64_t first = 0; first < panel_points; first += step) {
    Sum sums[count][width];
    for (std::int64_t feature = 0; feature < features; ++feature) {
      V y[width];
#pragma GCC unroll 2
      for (int v = 0; v < width; ++v) y[v] = load(points + feature * panel_points + first + v * lanes<double>);
#pragma GCC unroll 4
      for (int q = 0; q < count; ++q) {
        const V row = broadcast(x[q * features + feature]);
#pragma GCC unroll 2
        for (int v = 0; v < width; ++v) sums[q][v].add(row, y[v], p);
      }
    }
#pragma GCC unroll 4
    for (int q = 0; q < count; ++q) {
#pragma GCC unroll 2
      for (int v = 0; v < width; ++v) store(to + q * stride + first + v * lanes<double>, sums[q][v].result(features));
    }
  }
}

template <class Sum>
void term(const double* x, std::int64_t queries, std::int64_t features, const double* points, std::int64_t panels, double p,
          double* to, std::int64_t stride) noexcept {
  std::int64_t query = 0;
  for (; query + 4 <= queries; query += 4) {
    for (std::int64_t i = 0; i < panels; ++i) {
      panel_of<Sum, 4>(x + query * features, features, points + i * features * panel_points, p,
                       to + query * stride + i * panel_points, stride);
    }
  }
  for (; query < queries; ++query) {
    for (std::int64_t i = 0; i < panels; ++i) {
      panel_of<Sum, 1>(x + query * features, features, points + i * features * panel_points, p,
                       to + query * stride + i * panel_points, stride);
    }
  }
}

std::int64_t below(const double* values, std::int64_t count, double limit, std::int64_t base, Found* found) noexcept {
  constexpr std::int64_t block = 32;
  std::int64_t total = 0;
  std::int64_t i = 0;
  for (; i + block <= count; i += block) {
    Vector<std::int64_t> any = {};
    for (std::int64_t at = 0; at < block; at += lanes<double>) any |= load(values + i + at) < limit;
    std::int64_t some = 0;
    for (std::int64_t lane = 0; lane < lanes<double>; ++lane) some |= any[lane];
    if (some == 0) continue;
    for (std::int64_t at = i; at < i + block; ++at) {
      found[total] = {values[at], base + at};
      total += values[at] < limit ? 1 : 0;
    }
  }
  for (; i < count; ++i) {
    found[total] = {values[i], base + i};
    total += values[i] < limit ? 1 : 0;
  }
  return total;
}

// A lane for each row, as many features of which are turned at a time.
void squares(const double* x, std::int64_t features, const double* const* rows, double* to) noexcept {
  constexpr std::int64_t L = lanes<double>;
  static_assert(square_rows % L == 0);
  for (std::int64_t first = 0; first < square_rows; first += L, rows += L, to += L) {
    Squares sum;
    std::int64_t feature = 0;
    for (; feature + L <= features; feature += L) {
      V turned[L];
      for (std::int64_t i = 0; i < L; ++i) turned[i] = load(rows[i] + feature);
      transpose<double>(turned);
      for (std::int64_t i = 0; i < L; ++i) sum.add(broadcast(x[feature + i]), turned[i], 0);
    }
    for (; feature < features; ++feature) {
      V y;
      for (std::int64_t i = 0; i < L; ++i) y[i] = rows[i][feature];
      sum.add(broadcast(x[feature]), y, 0);
    }
    store(to, sum.sum);
  }
}

}  // namespace

extern const DistanceLoops term_loops = {{term<Squares>, term<Products>, term<Absolutes>, term<Maximum>, term<Powers>,
                                          term<Canberra>, term<BrayCurtis>, term<Unequal>, term<NanSquares>, term<Entropy>},
                                         below,
                                         squares};

}  // namespace sklort::distance::SKLORT_HOT
