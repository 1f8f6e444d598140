// The engine "interleaved walk": any forest, any batch.
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "isa.h"
#include "keys.hot.h"
#include "packed.h"
#include "threads.h"
#include "walk.hot.h"

namespace sklort::forest {

SKLORT_DECLARE(WalkLoops, walk_loops)
SKLORT_DECLARE(KeyLoops, key_loops)

namespace {

// A forest of more bytes than this is read from memory again for each block of rows, so its blocks are large.
constexpr std::size_t small_forest = std::size_t{512} << 10;
constexpr std::int64_t small_block = 512;
constexpr std::int64_t large_block = 8192;
constexpr std::int64_t few_rows = 8;

// Up to about this depth, taking every step is cheaper than testing whether there is one to take.
constexpr std::int32_t even_depth = 9;

std::int32_t fixed_steps(std::int32_t depth) noexcept { return depth <= even_depth ? depth : 0; }

template <class Key>
struct Form;

template <>
struct Form<std::uint32_t> {
  static const auto& nodes(const Packed& packed) { return packed.narrow_nodes; }
  static auto tree_walk(const WalkLoops& loops) { return loops.tree_narrow; }
  static auto row_walk(const WalkLoops& loops) { return loops.row_narrow; }
};

template <>
struct Form<std::uint64_t> {
  static const auto& nodes(const Packed& packed) { return packed.wide_nodes; }
  static auto tree_walk(const WalkLoops& loops) { return loops.tree_wide; }
  static auto row_walk(const WalkLoops& loops) { return loops.row_wide; }
};

void add(const Packed& packed, const Tree& tree, const std::uint32_t* payloads, std::int64_t rows, std::int64_t targets,
         double* sums) noexcept {
  const double* values = packed.values.data();
  if (packed.width == 1) {
    sums += tree.target;
    for (std::int64_t row = 0; row < rows; ++row) sums[row * targets] += values[payloads[row]];
  } else if (targets == 2) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const double* value = values + std::size_t{2} * payloads[row];
      sums[2 * row] += value[0];
      sums[2 * row + 1] += value[1];
    }
  } else {
    for (std::int64_t row = 0; row < rows; ++row) {
      const double* value = values + static_cast<std::size_t>(targets) * payloads[row];
      for (std::int64_t target = 0; target < targets; ++target) sums[row * targets + target] += value[target];
    }
  }
}

template <class Key, class Value, class Fill>
void walk(const Packed& packed, Call& call, const Value* rows, std::int64_t features, std::int64_t count, std::int64_t targets,
          Fill fill, double* sums) {
  const WalkLoops& loops = SKLORT_CHOOSE(walk_loops);
  const auto* nodes = Form<Key>::nodes(packed).data();
  const auto stride = static_cast<std::int64_t>(packed.columns.size()) + 1;
  const auto trees = static_cast<std::int64_t>(packed.trees.size());
  const int threads = packed.cost(count) < worth_sharing ? 1 : call.threads();
  const std::int64_t block = std::clamp<std::int64_t>((count + threads - 1) / threads, 1, packed.block_rows());
  const std::int64_t payload_count = std::max(block, trees);
  Key* all_keys = call.scratch_of<Key>(threads * block * stride);
  auto* all_payloads = call.scratch_of<std::uint32_t>(threads * payload_count);

  std::int32_t deepest = 0;
  for (const Tree& tree : packed.trees) deepest = std::max(deepest, tree.depth);
  const std::int32_t steps = fixed_steps(deepest);

  const auto few = [&](const Key* keys, std::int64_t rows_here, std::uint32_t* payloads, double* to) noexcept {
    constexpr auto first_stride = static_cast<std::int64_t>(sizeof(Tree) / sizeof(std::size_t));
    for (std::int64_t row = 0; row < rows_here; ++row) {
      Form<Key>::row_walk(loops)(nodes, &packed.trees.data()->first, first_stride, trees, keys + row * stride, steps, payloads);
      for (std::int64_t i = 0; i < trees; ++i) {
        add(packed, packed.trees[static_cast<std::size_t>(i)], payloads + i, 1, targets, to + row * targets);
      }
    }
  };
  const auto many = [&](const Key* keys, std::int64_t rows_here, std::uint32_t* payloads, double* to) noexcept {
    for (const Tree& tree : packed.trees) {
      Form<Key>::tree_walk(loops)(nodes + tree.first, keys, stride, rows_here, fixed_steps(tree.depth), payloads);
      add(packed, tree, payloads, rows_here, targets, to);
    }
  };
  std::fill_n(sums, count * targets, 0.0);
  if (trees == 0) return;
  parallel(count, block, threads, [&](int worker, std::int64_t first, std::int64_t last) noexcept {
    Key* keys = all_keys + worker * block * stride;
    std::uint32_t* payloads = all_payloads + worker * payload_count;
    for (; first < last; first += block) {
      const std::int64_t rows_here = std::min(block, last - first);
      fill(rows + first * features, features, rows_here, packed.columns.data(), stride - 1, packed.dense, keys);
      if (rows_here < few_rows) {
        few(keys, rows_here, payloads, sums + first * targets);
      } else {
        many(keys, rows_here, payloads, sums + first * targets);
      }
    }
  });
}

static_assert(sizeof(Tree) % sizeof(std::size_t) == 0 && offsetof(Tree, first) == 0);

}  // namespace

std::int64_t Packed::block_rows() const noexcept { return bytes() > small_forest ? large_block : small_block; }

double Packed::cost(std::int64_t rows) const noexcept {
  // A row passes about as many levels as a balanced tree of as many nodes has, and two more; levels further from the processor
  // cost more.
  const double nodes =
      static_cast<double>(narrow_nodes.size() + wide_nodes.size()) / static_cast<double>(std::max<std::size_t>(trees.size(), 1));
  const double levels = std::min(mean_depth, std::log2(nodes + 1) + 2);
  const double level = bytes() > small_forest ? 3.0 : 1.35;
  return static_cast<double>(rows) *
         (static_cast<double>(trees.size()) * (levels * level + 1.5) + 0.6 * static_cast<double>(columns.size()));
}

void walk_sums(const Packed& packed, Call& call, const float* rows, std::int64_t features, std::int64_t count,
               std::int64_t targets, double* sums) {
  const KeyLoops& loops = SKLORT_CHOOSE(key_loops);
  if (packed.wide) {
    walk<std::uint64_t>(packed, call, rows, features, count, targets, loops.widened, sums);
  } else {
    walk<std::uint32_t>(packed, call, rows, features, count, targets, loops.narrow, sums);
  }
}

void walk_sums(const Packed& packed, Call& call, const double* rows, std::int64_t features, std::int64_t count,
               std::int64_t targets, double* sums) {
  walk<std::uint64_t>(packed, call, rows, features, count, targets, SKLORT_CHOOSE(key_loops).wide, sums);
}

}  // namespace sklort::forest
