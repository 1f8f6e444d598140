#pragma once

#include <cstdint>

namespace sklort::forest {

inline constexpr int quick_lanes = 16;    // trees side by side
inline constexpr int quick_leaves = 32;   // to a word
inline constexpr int quick_words = 2;     // to a tree
inline constexpr int quick_columns = 64;  // keys of a row, in four registers

// Sixteen trees. Slot j holds one branch of each.
struct QuickGroup {
  std::uint32_t first;               // slot; those of word 0 come first
  std::uint32_t slots[quick_words];  // of each word
  std::uint32_t base[quick_lanes];   // of each tree, its leaf 0 among the entries
};

struct QuickSlots {  // entry 16 * slot + lane; aligned to a slot's bytes
  const std::uint8_t* columns;
  const std::uint32_t* limits;
  const std::uint32_t* keeps;  // the leaves that stay possible when the key is above the limit: leaf i is bit 31 - i
};

struct QuickLoops {
  // One row of `columns` keys, at most 64: the entry of the leaf it comes to in each tree. Null where the instruction set has no
  // such loop.
  void (*row)(const QuickGroup* groups, std::int64_t trees, const QuickSlots& slots, const std::uint32_t* entries,
              const std::uint32_t* keys, std::int64_t columns, std::uint32_t* payloads) noexcept;
};

}  // namespace sklort::forest
