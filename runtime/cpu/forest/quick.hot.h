#pragma once

#include <cstdint>

namespace sklort::forest {

inline constexpr int quick_lanes = 128;    // trees side by side
inline constexpr int quick_columns = 128;  // bytes of a row, at most

// One branch of each tree. A load that crosses a cache line is two.
struct alignas(64) QuickSlot {
  std::uint8_t column[quick_lanes];
  std::int8_t limit[quick_lanes];   // the row goes right when its byte is above this
  std::uint8_t first[quick_lanes];  // the leftmost leaf below the branch
};

struct QuickGroup {
  std::uint32_t first;  // slot
  std::uint32_t slots;
};

// A byte of the row: how many of some limits its key is above, less 128.
struct QuickByte {
  std::uint32_t column;  // of the keys
  std::uint32_t first;   // of its limits, `padded` in all
};

// What a row comes to. `bases`: of each tree, the number of its leaf 0.
struct QuickWay {
  int columns;  // bytes that it takes, 0: the instruction set has no such way
  // The numbers of the leaves, and what the values of those leaves add up to.
  void (*leaves)(const QuickGroup* groups, std::int64_t trees, const QuickSlot* slots, const std::uint32_t* bases,
                 const std::int8_t* bytes, int columns, std::uint32_t* payloads) noexcept;
  double (*sum)(const QuickGroup* groups, std::int64_t trees, const QuickSlot* slots, const std::uint32_t* bases,
                const std::int8_t* bytes, int columns, const double* values) noexcept;
};

struct QuickLoops {
  // `padded`: a power of two above the number of limits of any byte; padding is above every key.
  void (*bin)(const QuickByte* table, int count, std::uint32_t padded, const std::uint32_t* limits, const std::uint32_t* keys,
              std::int8_t* bytes) noexcept;
  void (*bin_wide)(const QuickByte* table, int count, std::uint32_t padded, const std::uint64_t* limits,
                   const std::uint64_t* keys, std::int8_t* bytes) noexcept;
  QuickWay shuffle;  // bytes looked up in 16 of them
  QuickWay permute;  // in 64: for processors with VBMI
};

}  // namespace sklort::forest
