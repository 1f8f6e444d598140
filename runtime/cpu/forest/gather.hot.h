#pragma once

#include <cstdint>

#include "tree.h"

namespace sklort::forest {

// The upper five levels of a tree as a heap: the root is entry 1, below entry i stand 2i and 2i + 1. A leaf that is met earlier
// is repeated to the last level by tests that send every row left. `exit`: the nodes below the last level.
struct alignas(64) Top {
  static constexpr std::uint32_t levels = 5;
  static constexpr std::uint32_t size = 1U << levels;
  std::uint32_t column[size];
  std::uint32_t limit[size];
  std::uint32_t exit[size];
};

// The walk with a path in each lane of a vector: nodes and keys come by gather instructions, the upper levels of a tree from
// registers. Results are those of WalkLoops. Null where the instruction set has no such loop.
struct GatherLoops {
  // One tree, many rows. `top` may be null. `depth`: branches on the longest path. `even`: all
  // paths are about as long, so that testing which rows have arrived costs more than it saves.
  void (*tree)(const tree::NarrowNode* nodes, const Top* top, const std::uint32_t* keys, std::int64_t stride, std::int64_t rows,
               std::int32_t depth, bool even, std::uint32_t* payloads) noexcept;
  // One row of `columns` keys, many trees; tree i's node 0 is at nodes + first[i * first_stride].
  void (*row)(const tree::NarrowNode* nodes, const std::size_t* first, std::int64_t first_stride, std::int64_t trees,
              const std::uint32_t* keys, std::int64_t columns, std::int32_t depth, bool even, std::uint32_t* payloads) noexcept;
};

}  // namespace sklort::forest
