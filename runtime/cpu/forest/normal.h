// Every kind of comparison in one form: "left when x <= t", and where a NaN goes.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "forest.h"
#include "tree.h"

namespace sklort::forest {

// A test in the one form the engines know: left when x <= the number whose key this is.
template <class Key>
struct Test {
  Key key;
  bool yes_left;
  bool nan_left;
};

// The largest float that is at most `value`: x <= value is the same for every float x.
inline float round_down(double value) noexcept {
  const auto nearest = static_cast<float>(value);
  return static_cast<double>(nearest) > value ? std::nextafter(nearest, -std::numeric_limits<float>::infinity()) : nearest;
}

template <class Key>
Test<Key> test_of(const Branch& branch) {
  using Number = std::conditional_t<sizeof(Key) == 4, float, double>;
  // x >= t is "not x < t", x > t is "not x <= t"; a NaN fails every comparison, so it goes to `no` unless the model says
  // otherwise.
  const bool negated = branch.mode == Mode::gte || branch.mode == Mode::gt;
  const bool strict = branch.mode == Mode::lt || branch.mode == Mode::gte;
  Test<Key> test{};
  test.yes_left = !negated;
  test.nan_left = branch.nan_yes == test.yes_left;
  if (std::isnan(branch.threshold)) {  // no number satisfies the comparison
    test.key = negated ? tree::key_always<Key> : tree::key_never<Key>;
    return test;
  }
  Number limit;
  if constexpr (sizeof(Key) == 4) {
    limit = round_down(branch.threshold);
  } else {
    limit = branch.threshold;
  }
  if (strict && static_cast<double>(limit) == branch.threshold) {  // x < t: x <= the number before t
    if (limit == -std::numeric_limits<Number>::infinity()) {
      test.key = tree::key_never<Key>;
      return test;
    }
    limit = std::nextafter(limit, -std::numeric_limits<Number>::infinity());
  }
  test.key = tree::key_of(limit, Key{});
  return test;
}

// The number a key stands for; the key must not be one of the four that stand for none.
inline float number_of(std::uint32_t key) noexcept { return std::bit_cast<float>((key >> 31) != 0 ? key & 0x7FFFFFFFU : ~key); }
inline double number_of(std::uint64_t key) noexcept {
  return std::bit_cast<double>((key >> 63) != 0 ? key & 0x7FFFFFFFFFFFFFFFU : ~key);
}

}  // namespace sklort::forest
