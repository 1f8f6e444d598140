#include "quick.h"

#include <algorithm>
#include <bit>
#include <type_traits>
#include <utility>

#include "drive.h"
#include "isa.h"
#include "keys.hot.h"

namespace sklort::forest {

SKLORT_DECLARE(QuickLoops, quick_loops)
SKLORT_DECLARE(KeyLoops, key_loops)

namespace {

constexpr std::size_t most_limits = 255;  // of a byte

bool has_vbmi() noexcept {
#if defined(SKLORT_X86)
  return __builtin_cpu_supports("avx512vbmi");
#else
  return false;
#endif
}

const QuickWay& best_way() noexcept {
  const QuickLoops& loops = SKLORT_CHOOSE(quick_loops);
  return loops.permute.columns != 0 && has_vbmi() ? loops.permute : loops.shuffle;
}

struct Node {
  std::uint64_t key;
  std::uint32_t child;
  std::uint32_t column;
};

Node read(const tree::NarrowNode& node) noexcept {
  return {node >> 32, static_cast<std::uint32_t>(node) >> 8, static_cast<std::uint32_t>(node & 0xFF)};
}

Node read(const tree::WideNode& node) noexcept { return {node.key, node.child, node.column}; }

// `Stored`: the walk's nodes.
template <class Stored>
class Former {
 public:
  Former(const Packed& packed, const Stored* nodes) : packed_(packed), nodes_(nodes), limits_(packed.columns.size() + 1) {}

  QuickForm run() {
    const auto columns = static_cast<std::size_t>(best_way().columns);
    if (columns == 0) return {nullptr, "this instruction set has no loop for it"};
    for (const Tree& tree : packed_.trees) {
      if (tree.nodes / 2 > few_leaves)
        return {nullptr, "it has a tree of more than 256 leaves"};  // two nodes to a branch, and the root
    }
    collect();
    std::size_t bytes = 0;
    for (const auto& limits : limits_) bytes += (limits.size() + most_limits - 1) / most_limits;
    if (bytes > columns) return {nullptr, sentence("a row would take ", bytes, " bytes, and ", columns, " fit")};
    make_table();
    for (std::size_t first = 0; first < packed_.trees.size(); first += quick_lanes) group(first);
    quick_.slots.shrink_to_fit();
    return {std::make_unique<Quick>(std::move(quick_)), {}};
  }

 private:
  bool is_leaf(const Node& node, std::uint32_t at) const noexcept { return node.child == at; }

  // The different limits of each column, in order.
  void collect() {
    for (const Tree& tree : packed_.trees) collect(nodes_ + tree.first, 0);
    for (auto& limits : limits_) {
      std::ranges::sort(limits);
      limits.erase(std::ranges::unique(limits).begin(), limits.end());
    }
  }

  void collect(const Stored* tree, std::uint32_t at) {
    const Node node = read(tree[at]);
    if (is_leaf(node, at)) return;
    limits_[node.column].push_back(node.key);
    collect(tree, node.child);
    collect(tree, node.child + 1);
  }

  void make_table() {
    std::size_t longest = 0;
    for (const auto& limits : limits_) longest = std::max(longest, std::min(limits.size(), most_limits));
    quick_.padded = static_cast<std::uint32_t>(std::bit_ceil(longest + 1));
    auto& kept = kept_limits();
    for (std::size_t column = 0; column < limits_.size(); ++column) {
      byte_of_.push_back(quick_.table.size());
      for (std::size_t at = 0; at < limits_[column].size(); at += most_limits) {
        const auto begin = limits_[column].begin() + static_cast<std::ptrdiff_t>(at);
        const std::size_t here = std::min(most_limits, limits_[column].size() - at);
        quick_.table.push_back({static_cast<std::uint32_t>(column), static_cast<std::uint32_t>(kept.size())});
        for (std::size_t i = 0; i < here; ++i) kept.push_back(static_cast<Key>(begin[static_cast<std::ptrdiff_t>(i)]));
        kept.resize(kept.size() + quick_.padded - here, static_cast<Key>(~Key{0}));
      }
    }
  }

  auto& kept_limits() noexcept {
    if constexpr (sizeof(Key) == 4) {
      return quick_.limits;
    } else {
      return quick_.wide_limits;
    }
  }

  void group(std::size_t first) {
    const std::size_t count = std::min<std::size_t>(quick_lanes, packed_.trees.size() - first);
    std::size_t slots = 0;
    for (std::size_t lane = 0; lane < count; ++lane) slots = std::max(slots, packed_.trees[first + lane].nodes / 2 - 1);
    quick_.groups.push_back({static_cast<std::uint32_t>(quick_.slots.size()), static_cast<std::uint32_t>(slots)});
    QuickSlot idle{};
    std::ranges::fill(idle.limit, std::int8_t{127});  // no byte is above it
    quick_.slots.resize(quick_.slots.size() + slots, idle);
    for (std::size_t lane = 0; lane < count; ++lane) {
      lane_ = lane;
      leaves_ = 0;
      cut(nodes_ + packed_.trees[first + lane].first, 0);
    }
  }

  // At most 255 levels deep, since the tree has at most 256 leaves.
  void cut(const Stored* tree, std::uint32_t at) {
    const Node node = read(tree[at]);
    if (is_leaf(node, at)) {
      if (leaves_++ == 0) quick_.bases.push_back(static_cast<std::uint32_t>(node.key));
      return;
    }
    const std::uint32_t first = leaves_;
    cut(tree, node.child);
    const std::vector<std::uint64_t>& limits = limits_[node.column];
    const auto rank = static_cast<std::size_t>(std::ranges::lower_bound(limits, node.key) - limits.begin());
    QuickSlot& slot = quick_.slots[quick_.groups.back().first + leaves_ - 1];
    slot.column[lane_] = static_cast<std::uint8_t>(byte_of_[node.column] + rank / most_limits);
    slot.limit[lane_] = static_cast<std::int8_t>(static_cast<int>(rank % most_limits) - 128);
    slot.first[lane_] = static_cast<std::uint8_t>(first);
    cut(tree, node.child + 1);
  }

  using Key = std::conditional_t<std::is_same_v<Stored, tree::NarrowNode>, std::uint32_t, std::uint64_t>;

  const Packed& packed_;
  const Stored* nodes_;
  Quick quick_;
  std::vector<std::vector<std::uint64_t>> limits_;  // by column
  std::vector<std::size_t> byte_of_;                // the first one of each column
  std::size_t lane_ = 0;
  std::uint32_t leaves_ = 0;
};

template <class Key>
class Scoring {
 public:
  static constexpr bool by_row = true;

  Scoring(const Packed& packed, const Quick& quick) noexcept
      : quick_(quick),
        loops_(SKLORT_CHOOSE(quick_loops)),
        way_(best_way()),
        trees_(static_cast<std::int64_t>(packed.trees.size())),
        count_(static_cast<int>(quick.table.size())) {}

  void row(const Key* keys, std::uint32_t* payloads) const noexcept {
    alignas(64) std::int8_t bytes[quick_columns];
    bin(keys, bytes);
    way_.leaves(quick_.groups.data(), trees_, quick_.slots.data(), quick_.bases.data(), bytes, count_, payloads);
  }

  double sum(const Key* keys, const double* values) const noexcept {
    alignas(64) std::int8_t bytes[quick_columns];
    bin(keys, bytes);
    return way_.sum(quick_.groups.data(), trees_, quick_.slots.data(), quick_.bases.data(), bytes, count_, values);
  }

 private:
  void bin(const Key* keys, std::int8_t* bytes) const noexcept {
    if constexpr (sizeof(Key) == 4) {
      loops_.bin(quick_.table.data(), count_, quick_.padded, quick_.limits.data(), keys, bytes);
    } else {
      loops_.bin_wide(quick_.table.data(), count_, quick_.padded, quick_.wide_limits.data(), keys, bytes);
    }
  }

  const Quick& quick_;
  const QuickLoops& loops_;
  const QuickWay& way_;
  std::int64_t trees_;
  int count_;
};

}  // namespace

std::size_t Quick::bytes() const noexcept {
  return groups.size() * sizeof(QuickGroup) + slots.size() * sizeof(QuickSlot) + bases.size() * sizeof(bases[0]) +
         limits.size() * sizeof(limits[0]) + wide_limits.size() * sizeof(wide_limits[0]);
}

double Quick::cost(std::int64_t rows) const noexcept {
  const bool permutes = best_way().columns == quick_columns;
  const std::size_t size = table.size();
  const double slot = permutes ? (size <= 64 ? 2.6 : 3.4) : size <= 16 ? 5.0 : size <= 32 ? 7.0 : 9.0;
  const double row =
      slot * static_cast<double>(slots.size()) + 5.0 * static_cast<double>(size) + 0.9 * static_cast<double>(bases.size()) + 40.0;
  return row * static_cast<double>(rows);
}

bool can_score(const Quick& quick) noexcept { return static_cast<std::size_t>(best_way().columns) >= quick.table.size(); }

QuickForm quick_form(const Packed& packed) {
  if (packed.wide) return Former(packed, packed.wide_nodes.data()).run();
  return Former(packed, packed.narrow_nodes.data()).run();
}

void quick_sums(const Packed& packed, const Quick& quick, Call& call, const float* rows, std::int64_t features,
                std::int64_t count, std::int64_t targets, double* sums) {
  const KeyLoops& loops = SKLORT_CHOOSE(key_loops);
  if (packed.wide) {
    drive<std::uint64_t>(packed, Scoring<std::uint64_t>(packed, quick), quick.cost(count), call, rows, features, count, targets,
                         loops.widened, sums);
  } else {
    drive<std::uint32_t>(packed, Scoring<std::uint32_t>(packed, quick), quick.cost(count), call, rows, features, count, targets,
                         loops.narrow, sums);
  }
}

void quick_sums(const Packed& packed, const Quick& quick, Call& call, const double* rows, std::int64_t features,
                std::int64_t count, std::int64_t targets, double* sums) {
  drive<std::uint64_t>(packed, Scoring<std::uint64_t>(packed, quick), quick.cost(count), call, rows, features, count, targets,
                       SKLORT_CHOOSE(key_loops).wide, sums);
}

}  // namespace sklort::forest
