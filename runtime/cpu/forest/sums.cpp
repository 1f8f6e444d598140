#include "sums.h"

#include <algorithm>
#include <utility>

#include "convert.h"
#include "general.h"
#include "isa.h"
#include "keys.hot.h"
#include "threads.h"
#include "walk.hot.h"

namespace sklort::forest {

SKLORT_DECLARE(WalkLoops, walk_loops)
SKLORT_DECLARE(KeyLoops, key_loops)

namespace {

// Below about this much work, in branches passed, one thread is faster than two.
constexpr double worth_sharing = 40000;
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
  const double work = static_cast<double>(count) * static_cast<double>(trees) * (packed.mean_depth + 1);
  const int threads = work < worth_sharing ? 1 : call.threads();
  const std::int64_t largest = packed.bytes() > small_forest ? large_block : small_block;
  const std::int64_t block = std::clamp<std::int64_t>((count + threads - 1) / threads, 1, largest);
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

Sums::Sums(Forest forest, DType dtype)
    : features_(forest.features),
      targets_(forest.targets),
      trees_(static_cast<std::int64_t>(forest.roots.size())),
      aggregate_(forest.aggregate) {
  check_acyclic(forest);
  walk_refuses_ = forest::walk_refuses(forest);
  forest_ = std::make_unique<Forest>(std::move(forest));
  if (!walk_refuses_.empty()) return;
  merge_copies(*forest_);
  if (dtype == DType::undefined) return;
  if (dtype == DType::float32) narrow();
  if (dtype != DType::float32 || narrow_impossible_) wide();
  forest_.reset();
}

const Packed& Sums::narrow() const {
  const std::lock_guard lock(mutex_);
  if (!narrow_ && !narrow_impossible_) {
    if (auto packed = pack_narrow(*forest_)) {
      narrow_ = std::make_unique<Packed>(std::move(*packed));
    } else {
      narrow_impossible_ = true;
    }
  }
  static const Packed none;
  return narrow_ ? *narrow_ : none;
}

const Packed& Sums::wide() const {
  const std::lock_guard lock(mutex_);
  if (!wide_) wide_ = std::make_unique<Packed>(pack_wide(*forest_));
  return *wide_;
}

double* Sums::of(Call& call, const Tensor& rows) const {
  const int rank = rows.shape.rank();
  if (rank != 1 && rank != 2) fail("the rows must be a tensor of rank 2, got rank ", rank);
  const std::int64_t count = row_count(rows);
  const std::int64_t features = rows.shape[rank - 1];
  if (features < features_) fail("the trees read feature ", features_ - 1, ", but the rows have ", features, " columns");
  double* sums = call.scratch_of<double>(count * targets_);
  Tensor numbers = rows;
  const bool floats = rows.dtype == DType::float32;
  if (!floats && rows.dtype != DType::float64) {  // integers, and the 16-bit floats, are exact in double
    if (!is_number(rows.dtype)) fail("the rows must be numbers, got ", dtype_name(rows.dtype));
    numbers = {DType::float64, rows.shape, call.scratch(static_cast<std::size_t>(rows.count()) * sizeof(double)), {}};
    convert_numbers(rows, numbers, call.threads());
  }
  const KeyLoops& loops = SKLORT_CHOOSE(key_loops);
  if (!walk_refuses_.empty()) {
    const double* values = numbers.as<double>();
    if (floats) {
      Tensor widened{DType::float64, rows.shape, call.scratch(static_cast<std::size_t>(rows.count()) * sizeof(double)), {}};
      convert_numbers(rows, widened, call.threads());
      values = widened.as<double>();
    }
    parallel(count, 256, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
      sum_general(*forest_, values + first * features, features, last - first, sums + first * targets_);
    });
    return sums;
  }
  const Packed* packed = floats ? &narrow() : nullptr;
  if (packed != nullptr && packed->narrow_nodes.size() + packed->trees.size() != 0) {
    walk<std::uint32_t>(*packed, call, numbers.as<float>(), features, count, targets_, loops.narrow, sums);
  } else if (floats) {
    walk<std::uint64_t>(wide(), call, numbers.as<float>(), features, count, targets_, loops.widened, sums);
  } else {
    walk<std::uint64_t>(wide(), call, numbers.as<double>(), features, count, targets_, loops.wide, sums);
  }
  if (aggregate_ == Aggregate::average && trees_ != 0) {
    for (std::int64_t i = 0; i < count * targets_; ++i) sums[i] /= static_cast<double>(trees_);
  }
  return sums;
}

std::string Sums::explain() const {
  if (!walk_refuses_.empty()) return sentence(trees_, " trees, general walk (", walk_refuses_, ")");
  const std::lock_guard lock(mutex_);
  const Packed* packed = narrow_ ? narrow_.get() : wide_.get();
  if (packed == nullptr) return sentence(trees_, " trees, interleaved walk, packed at the first run");
  return sentence(packed->trees.size(), " trees, interleaved walk, nodes of ", packed->wide ? 16 : 8, " bytes, ",
                  packed->bytes() / 1024, " KiB, ", packed->values.size() / static_cast<std::size_t>(packed->width),
                  " different leaves");
}

}  // namespace sklort::forest
