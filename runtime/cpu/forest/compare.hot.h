#pragma once

#include <cstdint>

namespace sklort::forest {

// Rows are taken in vectors of this many, whatever the instruction set: a byte each.
inline constexpr std::int64_t compare_rows = 64;
inline constexpr int most_compare_vectors = 8;
inline constexpr std::int32_t most_bins = 255;

// Thresholds of a column, ascending, padded with infinity to a power of two.
struct BinTable {
  std::int32_t first;   // into the thresholds of the group
  std::int32_t padded;  // 8, 16, 32, 64, 128 or 256
  bool nan_left;
};

// Bins are stored less 128, since comparisons of signed bytes exist everywhere; bytes four times, since processors spread four
// bytes over a vector while they load them, but not one.
struct CompareBranch {
  std::uint32_t column;
  std::uint32_t bin;
  std::uint32_t left;   // first leaf of the left subtree
  std::uint32_t right;  // of the right one
};

struct CompareTree {
  std::uint32_t first;   // branch
  std::uint32_t count;   // of branches
  std::uint32_t leaves;  // padded to 8, 16, 32, 64 or 256
  std::uint32_t values;  // its leaf values: `leaves` for each target, or once for `target`
  std::int32_t target;   // -1: a value for each target
};

struct CompareLoops {
  // Values of one column, `count` of them (a multiple of 64), as bins less 128.
  void (*bin)(const float* values, std::int64_t count, const BinTable& table, const float* thresholds,
              std::int8_t* bins) noexcept;
  void (*bin_doubles)(const double* values, std::int64_t count, const BinTable& table, const double* thresholds,
                      std::int8_t* bins) noexcept;
  // A group of trees for `vectors` times 64 rows. Column c's bins are at bins + c * rows; target t's sums at sums + t * rows,
  // added to, in an order of rows that `finish` knows.
  void (*trees)(const CompareTree* trees, std::int64_t count, const CompareBranch* branches, const double* values,
                const std::int8_t* bins, int vectors, std::int64_t targets, bool gather, double* sums) noexcept;
  // Sums of `rows` rows to row-major `out`, of which the first `count` rows are wanted.
  void (*finish)(const double* sums, std::int64_t rows, std::int64_t targets, std::int64_t count, double* out) noexcept;
};

}  // namespace sklort::forest
