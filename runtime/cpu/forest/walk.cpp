// The engine "interleaved walk": any forest, any batch.
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "chip.h"
#include "drive.h"
#include "gather.hot.h"
#include "isa.h"
#include "keys.hot.h"
#include "packed.h"
#include "walk.hot.h"

namespace sklort::forest {

SKLORT_DECLARE(WalkLoops, walk_loops)
SKLORT_DECLARE(KeyLoops, key_loops)
SKLORT_DECLARE(GatherLoops, gather_loops)

namespace {

// A forest of more bytes than this is read from memory again for each block of rows, so its blocks are large.
constexpr std::size_t small_forest = std::size_t{512} << 10;
constexpr std::int64_t small_block = 512;
constexpr std::int64_t large_block = 8192;

// Up to about this depth, taking every step is cheaper than testing whether there is one to take.
constexpr std::int32_t even_depth = 9;

std::int32_t fixed_steps(std::int32_t depth) noexcept { return depth <= even_depth ? depth : 0; }

constexpr auto first_stride = static_cast<std::int64_t>(sizeof(Tree) / sizeof(std::size_t));

// A few paths at a time, with plain instructions.
template <class Key>
class Plain {
 public:
  static constexpr bool by_row = false;

  explicit Plain(const Packed& packed) noexcept : packed_(packed), loops_(SKLORT_CHOOSE(walk_loops)) {}

  std::int64_t few_rows() const noexcept { return packed_.few_rows(Follow::plain); }

  void tree(const Tree& tree, const Key* keys, std::int64_t stride, std::int64_t rows, std::uint32_t* payloads) const noexcept {
    const std::int32_t steps = fixed_steps(tree.depth);
    if constexpr (sizeof(Key) == 4) {
      loops_.tree_narrow(packed_.narrow_nodes.data() + tree.first, keys, stride, rows, steps, payloads);
    } else {
      loops_.tree_wide(packed_.wide_nodes.data() + tree.first, keys, stride, rows, steps, payloads);
    }
  }

  void row(const Key* keys, std::uint32_t* payloads) const noexcept {
    const std::int32_t steps = fixed_steps(packed_.deepest);
    const auto trees = static_cast<std::int64_t>(packed_.trees.size());
    const std::size_t* first = &packed_.trees.data()->first;
    if constexpr (sizeof(Key) == 4) {
      loops_.row_narrow(packed_.narrow_nodes.data(), first, first_stride, trees, keys, steps, payloads);
    } else {
      loops_.row_wide(packed_.wide_nodes.data(), first, first_stride, trees, keys, steps, payloads);
    }
  }

 private:
  const Packed& packed_;
  const WalkLoops& loops_;
};

// A path in each lane of a vector, with gather instructions.
class Gathering {
 public:
  static constexpr bool by_row = false;

  explicit Gathering(const Packed& packed) noexcept : packed_(packed), loops_(SKLORT_CHOOSE(gather_loops)) {}

  std::int64_t few_rows() const noexcept { return packed_.few_rows(Follow::gather); }

  void tree(const Tree& tree, const std::uint32_t* keys, std::int64_t stride, std::int64_t rows,
            std::uint32_t* payloads) const noexcept {
    const Top* top = tree.top < 0 ? nullptr : packed_.tops.data() + tree.top;
    loops_.tree(packed_.narrow_nodes.data() + tree.first, top, keys, stride, rows, tree.depth, tree.even, payloads);
  }

  void row(const std::uint32_t* keys, std::uint32_t* payloads) const noexcept {
    loops_.row(packed_.narrow_nodes.data(), &packed_.trees.data()->first, first_stride,
               static_cast<std::int64_t>(packed_.trees.size()), keys, static_cast<std::int64_t>(packed_.columns.size()) + 1,
               packed_.deepest, packed_.even, payloads);
  }

 private:
  const Packed& packed_;
  const GatherLoops& loops_;
};

static_assert(sizeof(Tree) % sizeof(std::size_t) == 0 && offsetof(Tree, first) == 0);

}  // namespace

// A row alone has as many paths in flight as there are trees; rows in a tree find it in the cache, and fill the vectors.
std::int64_t Packed::few_rows(Follow how) const noexcept {
  if (bytes() <= second_level_cache()) return how == Follow::gather ? 40 : 8;
  return how == Follow::gather ? 128 : 32;
}

std::int64_t Packed::block_rows() const noexcept { return bytes() > small_forest ? large_block : small_block; }

double Packed::cost(std::int64_t rows, Follow how) const noexcept {
  // A row passes about as many levels as a balanced tree of as many nodes has, and two more; levels further from the processor
  // cost more.
  const double nodes =
      static_cast<double>(narrow_nodes.size() + wide_nodes.size()) / static_cast<double>(std::max<std::size_t>(trees.size(), 1));
  const double levels = std::min(mean_depth, std::log2(nodes + 1) + 2);
  const bool alone = rows < few_rows(how);
  const bool near = bytes() <= (alone ? second_level_cache() : small_forest);
  const double level = how == Follow::gather ? (alone ? 0.6 : near ? 0.4 : 0.9) : near ? 1.35 : 3.0;
  return static_cast<double>(rows) *
         (static_cast<double>(trees.size()) * (levels * level + 1.2) + 0.6 * static_cast<double>(columns.size()));
}

bool can_gather(const Packed& packed) noexcept {
  const bool small = packed.narrow_nodes.size() < std::size_t{1} << 31;  // places are 32 bits with a sign
  return !packed.wide && small && SKLORT_CHOOSE(gather_loops).tree != nullptr;
}

Follow best_follow(const Packed& packed) noexcept {
  return can_gather(packed) && gathers_are_fast() ? Follow::gather : Follow::plain;
}

void walk_sums(const Packed& packed, Follow how, Call& call, const float* rows, std::int64_t features, std::int64_t count,
               std::int64_t targets, double* sums) {
  const KeyLoops& loops = SKLORT_CHOOSE(key_loops);
  if (packed.wide) {
    drive<std::uint64_t>(packed, Plain<std::uint64_t>(packed), packed.cost(count, Follow::plain), call, rows, features, count,
                         targets, loops.widened, sums);
  } else if (how == Follow::gather) {
    drive<std::uint32_t>(packed, Gathering(packed), packed.cost(count, Follow::gather), call, rows, features, count, targets,
                         loops.narrow, sums);
  } else {
    drive<std::uint32_t>(packed, Plain<std::uint32_t>(packed), packed.cost(count, Follow::plain), call, rows, features, count,
                         targets, loops.narrow, sums);
  }
}

void walk_sums(const Packed& packed, Follow, Call& call, const double* rows, std::int64_t features, std::int64_t count,
               std::int64_t targets, double* sums) {
  drive<std::uint64_t>(packed, Plain<std::uint64_t>(packed), packed.cost(count, Follow::plain), call, rows, features, count,
                       targets, SKLORT_CHOOSE(key_loops).wide, sums);
}

}  // namespace sklort::forest
