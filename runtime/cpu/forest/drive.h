// Rows in blocks, keys made, trees followed in one way or another, leaf values added: what the engines that read `Packed` share.
#pragma once

#include <algorithm>
#include <cstdint>

#include "chip.h"
#include "isa.h"
#include "leaves.hot.h"
#include "op.h"
#include "packed.h"
#include "threads.h"

namespace sklort::forest {

SKLORT_DECLARE(LeafLoops, leaf_loops)

// Asks for a tree's nodes in their order, where the rows would come to most of them: they would ask one by one, and wait for
// each.
inline void fetch(const Packed& packed, const Tree& tree, std::int64_t rows) noexcept {
  constexpr std::size_t nearest_cache = std::size_t{32} << 10;
  constexpr std::size_t line = 64;
  const std::size_t size = packed.wide ? sizeof(tree::WideNode) : sizeof(tree::NarrowNode);
  if (tree.nodes * size <= nearest_cache || packed.bytes() <= second_level_cache()) return;
  const char* nodes = packed.wide ? reinterpret_cast<const char*>(packed.wide_nodes.data() + tree.first)
                                  : reinterpret_cast<const char*>(packed.narrow_nodes.data() + tree.first);
  constexpr std::size_t lines_a_row = 6;
  if (tree.nodes * size / line > static_cast<std::size_t>(rows) * lines_a_row) return;
  for (std::size_t at = 0; at < tree.nodes * size; at += line) __builtin_prefetch(nodes + at, 0, 2);
}

// `Way` has tree(tree, keys, stride, rows, payloads): one tree, many rows; row(keys, payloads): one row, all trees,
// which is faster for fewer than few_rows() rows. Or it is
// `by_row`: it has, instead of the first, sum(keys, values): one row, what its leaves add up to. `cost`: predicted nanoseconds.
template <class Key, class Way, class Value, class Fill>
void drive(const Packed& packed, const Way& way, double cost, Call& call, const Value* rows, std::int64_t features,
           std::int64_t count, std::int64_t targets, Fill fill, double* sums) {
  const LeafLoops& leaves = SKLORT_CHOOSE(leaf_loops);
  const auto stride = static_cast<std::int64_t>(packed.columns.size()) + 1;
  const auto trees = static_cast<std::int64_t>(packed.trees.size());
  const int threads = cost < worth_sharing ? 1 : call.threads();
  const std::int64_t block = std::clamp<std::int64_t>((count + threads - 1) / threads, 1, packed.block_rows());
  std::int64_t few = 0;
  if constexpr (!Way::by_row) few = way.few_rows();
  const std::int64_t payload_count = std::max(block, trees);
  Key* all_keys = call.scratch_of<Key>(threads * (block * stride + payload_count));
  auto* all_payloads = reinterpret_cast<std::uint32_t*>(all_keys + threads * block * stride);
  const double* values = packed.values.data();

  const auto one_row = [&](const Key* keys, std::uint32_t* payloads, double* to) noexcept {
    if constexpr (Way::by_row) {
      if (packed.width == 1 && packed.target >= 0) {
        to[packed.target] = way.sum(keys, values);
        return;
      }
    }
    way.row(keys, payloads);
    if (packed.width != 1) {
      leaves.row_all(values, payloads, trees, targets, to);
    } else if (packed.target >= 0) {
      to[packed.target] = leaves.row_one(values, payloads, trees);
    } else {
      for (std::int64_t i = 0; i < trees; ++i) to[packed.trees[static_cast<std::size_t>(i)].target] += values[payloads[i]];
    }
  };
  std::fill_n(sums, count * targets, 0.0);
  if (trees == 0) return;
  parallel(count, block, threads, [&](int worker, std::int64_t first, std::int64_t last) noexcept {
    Key* keys = all_keys + worker * block * stride;
    std::uint32_t* payloads = all_payloads + worker * payload_count;
    for (; first < last; first += block) {
      const std::int64_t here = std::min(block, last - first);
      double* to = sums + first * targets;
      fill(rows + first * features, features, here, packed.columns.data(), stride - 1, packed.dense, keys);
      if (Way::by_row || here < few) {
        for (std::int64_t row = 0; row < here; ++row) one_row(keys + row * stride, payloads, to + row * targets);
        continue;
      }
      if constexpr (!Way::by_row) {
        for (const Tree& tree : packed.trees) {
          fetch(packed, tree, here);
          way.tree(tree, keys, stride, here, payloads);
          if (packed.width == 1) {
            leaves.one(values, payloads, here, targets, to + tree.target);
          } else {
            leaves.all(values, payloads, here, targets, to);
          }
        }
      }
    }
  });
}

}  // namespace sklort::forest
