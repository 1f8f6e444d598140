#pragma once

#include <cstdint>

#include "tree.h"

namespace sklort::forest {

// The scalar walk, several paths at a time: a processor waits for memory less when it has other paths to follow meanwhile.
// `depth`: steps to take, or 0 to go on until no path moves, which costs a test at each level.
struct WalkLoops {
  // One tree, many rows: the payload of the leaf each row comes to. Row i's keys are at keys + i * stride.
  void (*tree_narrow)(const tree::NarrowNode* nodes, const std::uint32_t* keys, std::int64_t stride, std::int64_t rows,
                      std::int32_t depth, std::uint32_t* payloads) noexcept;
  void (*tree_wide)(const tree::WideNode* nodes, const std::uint64_t* keys, std::int64_t stride, std::int64_t rows,
                    std::int32_t depth, std::uint32_t* payloads) noexcept;
  // One row, many trees; tree i's node 0 is at nodes + first[i * first_stride].
  void (*row_narrow)(const tree::NarrowNode* nodes, const std::size_t* first, std::int64_t first_stride, std::int64_t trees,
                     const std::uint32_t* keys, std::int32_t depth, std::uint32_t* payloads) noexcept;
  void (*row_wide)(const tree::WideNode* nodes, const std::size_t* first, std::int64_t first_stride, std::int64_t trees,
                   const std::uint64_t* keys, std::int32_t depth, std::uint32_t* payloads) noexcept;
};

}  // namespace sklort::forest
