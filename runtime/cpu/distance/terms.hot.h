// Loops over pairs of rows: what each distance adds up, feature by feature.
#pragma once

#include <cstdint>

namespace sklort::distance {

// Points lie in panels: the first feature of so many points, then their second, and so on.
inline constexpr std::int64_t panel_points = 16;

enum class Term : std::uint8_t {
  squares,      // sum (x - y)^2
  products,     // sum x y
  absolutes,    // sum |x - y|
  maximum,      // max |x - y|
  powers,       // sum |x - y|^p
  canberra,     // sum |x - y| / (|x| + |y|), 0 / 0 being 0
  braycurtis,   // sum |x - y| / sum |x + y|
  unequal,      // how many x != y
  nan_squares,  // sum (x - y)^2 where neither is NaN, scaled up as if all were there; NaN when none is
  entropy,      // sum x ln(x / m) + y ln(y / m), m = (x + y) / 2
  haversine,    // of (latitude, longitude, cosine of the latitude); no hot loop, its time goes into sines
};
inline constexpr int hot_terms = 10;

// to[q * stride + i] for `queries` rows of x (each `features` long) and the points of `panels` panels. The terms of a pair are
// added in the order of the features, each lane for itself: the bits depend on the two rows alone.
using TermLoop = void (*)(const double* x, std::int64_t queries, std::int64_t features, const double* points, std::int64_t panels,
                          double p, double* to, std::int64_t stride) noexcept;

struct Found {
  double value;
  std::int64_t index;
};

inline constexpr std::int64_t square_rows = 8;

struct DistanceLoops {
  TermLoop term[hot_terms];
  // Writes the values below the limit with their indices, the first of which is `base`; returns how many. There must be room for
  // `count`.
  std::int64_t (*below)(const double* values, std::int64_t count, double limit, std::int64_t base, Found* found) noexcept;
  // to[i]: the sum of squares of x and rows[i], for `square_rows` rows of as many features; the bits are those of the panels.
  void (*squares)(const double* x, std::int64_t features, const double* const* rows, double* to) noexcept;
};

}  // namespace sklort::distance
