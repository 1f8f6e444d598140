// Compiled without the loop vectoriser, which would turn the walk into gathers (three times slower here).
#include "walk.hot.h"

#include "hot.h"

namespace sklort::forest::SKLORT_HOT {
namespace {

// Follows `lanes` paths down: `depth` steps, or until none moves any more when depth is 0. Path k is in the tree at nodes[k],
// with the keys at keys[k].
template <int lanes, class Node, class Key>
SKLORT_INLINE void follow(const Node* const (&nodes)[lanes], const Key* const (&keys)[lanes], std::int32_t depth,
                          std::uint32_t* payloads) noexcept {
  std::uint32_t at[lanes] = {};
  if (depth > 0) {
    for (std::int32_t level = 0; level < depth; ++level) {
#pragma GCC unroll 16
      for (int k = 0; k < lanes; ++k) at[k] = tree::step(nodes[k], at[k], keys[k]);
    }
  } else {
    std::uint32_t moved;
    do {
      moved = 0;
#pragma GCC unroll 16
      for (int k = 0; k < lanes; ++k) {
        const std::uint32_t next = tree::step(nodes[k], at[k], keys[k]);
        moved |= next ^ at[k];
        at[k] = next;
      }
    } while (moved != 0);
  }
#pragma GCC unroll 16
  for (int k = 0; k < lanes; ++k) payloads[k] = tree::payload(nodes[k], at[k]);
}

template <int lanes, class Node, class Key>
SKLORT_INLINE void rows_of(const Node* nodes, const Key* keys, std::int64_t stride, std::int32_t depth,
                           std::uint32_t* payloads) noexcept {
  const Node* tree[lanes];
  const Key* row[lanes];
  for (int k = 0; k < lanes; ++k) {
    tree[k] = nodes;
    row[k] = keys + k * stride;
  }
  follow<lanes>(tree, row, depth, payloads);
}

template <class Node, class Key>
SKLORT_INLINE void tree_rows(const Node* nodes, const Key* keys, std::int64_t stride, std::int64_t rows, std::int32_t depth,
                             std::uint32_t* payloads) noexcept {
  std::int64_t row = 0;
  for (; row + 8 <= rows; row += 8) rows_of<8>(nodes, keys + row * stride, stride, depth, payloads + row);
  if (row + 4 <= rows) {
    rows_of<4>(nodes, keys + row * stride, stride, depth, payloads + row);
    row += 4;
  }
  for (; row < rows; ++row) rows_of<1>(nodes, keys + row * stride, stride, depth, payloads + row);
}

template <int lanes, class Node, class Key>
SKLORT_INLINE void trees_of(const Node* nodes, const std::size_t* first, std::int64_t first_stride, const Key* keys,
                            std::int32_t depth, std::uint32_t* payloads) noexcept {
  const Node* tree[lanes];
  const Key* row[lanes];
  for (int k = 0; k < lanes; ++k) {
    tree[k] = nodes + first[k * first_stride];
    row[k] = keys;
  }
  follow<lanes>(tree, row, depth, payloads);
}

template <class Node, class Key>
SKLORT_INLINE void row_trees(const Node* nodes, const std::size_t* first, std::int64_t first_stride, std::int64_t trees,
                             const Key* keys, std::int32_t depth, std::uint32_t* payloads) noexcept {
  std::int64_t tree = 0;
  for (; tree + 12 <= trees; tree += 12)
    trees_of<12>(nodes, first + tree * first_stride, first_stride, keys, depth, payloads + tree);
  for (; tree + 4 <= trees; tree += 4)
    trees_of<4>(nodes, first + tree * first_stride, first_stride, keys, depth, payloads + tree);
  for (; tree < trees; ++tree) trees_of<1>(nodes, first + tree * first_stride, first_stride, keys, depth, payloads + tree);
}

void tree_narrow(const tree::NarrowNode* nodes, const std::uint32_t* keys, std::int64_t stride, std::int64_t rows,
                 std::int32_t depth, std::uint32_t* payloads) noexcept {
  tree_rows(nodes, keys, stride, rows, depth, payloads);
}

void tree_wide(const tree::WideNode* nodes, const std::uint64_t* keys, std::int64_t stride, std::int64_t rows, std::int32_t depth,
               std::uint32_t* payloads) noexcept {
  tree_rows(nodes, keys, stride, rows, depth, payloads);
}

void row_narrow(const tree::NarrowNode* nodes, const std::size_t* first, std::int64_t first_stride, std::int64_t trees,
                const std::uint32_t* keys, std::int32_t depth, std::uint32_t* payloads) noexcept {
  row_trees(nodes, first, first_stride, trees, keys, depth, payloads);
}

void row_wide(const tree::WideNode* nodes, const std::size_t* first, std::int64_t first_stride, std::int64_t trees,
              const std::uint64_t* keys, std::int32_t depth, std::uint32_t* payloads) noexcept {
  row_trees(nodes, first, first_stride, trees, keys, depth, payloads);
}

}  // namespace

extern const WalkLoops walk_loops = {tree_narrow, tree_wide, row_narrow, row_wide};

}  // namespace sklort::forest::SKLORT_HOT
