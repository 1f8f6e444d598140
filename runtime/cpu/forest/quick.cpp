#include "quick.h"

#include <algorithm>
#include <array>

#include "drive.h"
#include "isa.h"
#include "keys.hot.h"

namespace sklort::forest {

SKLORT_DECLARE(QuickLoops, quick_loops)
SKLORT_DECLARE(KeyLoops, key_loops)

namespace {

constexpr std::size_t most_leaves = quick_leaves * quick_words;

// Nodes of a tree, padding aside: two for each branch, and the root.
std::size_t leaves_of(const Tree& tree) noexcept { return tree.nodes / 2; }

struct Slot {
  std::uint8_t column;
  std::uint32_t limit;
  std::uint32_t keep;
};

// What one tree puts in each of its words.
class Cutter {
 public:
  Cutter(const tree::NarrowNode* nodes, std::vector<std::uint32_t>& entries) : nodes_(nodes), entries_(entries) {}

  std::array<std::vector<Slot>, quick_words> run() {
    cut(0);
    return std::move(words_);
  }

 private:
  // At most 63 levels deep, since the tree has at most 64 leaves.
  void cut(std::uint32_t at) {
    const tree::NarrowNode node = nodes_[at];
    const std::uint32_t child = static_cast<std::uint32_t>(node) >> 8;
    const auto limit = static_cast<std::uint32_t>(node >> 32);
    if (child == at) {
      entries_.push_back(limit);
      ++leaves_;
      return;
    }
    const std::uint32_t first = leaves_;
    cut(child);
    for (std::uint32_t word = first / quick_leaves; word <= (leaves_ - 1) / quick_leaves; ++word) {
      const std::uint32_t begin = std::max(first, word * quick_leaves) % quick_leaves;
      const std::uint32_t end = std::min(leaves_, (word + 1) * quick_leaves) - word * quick_leaves;
      const auto bits = static_cast<std::uint32_t>(((std::uint64_t{1} << (end - begin)) - 1) << (quick_leaves - end));
      words_[word].push_back({static_cast<std::uint8_t>(node & 0xFF), limit, ~bits});
    }
    cut(child + 1);
  }

  const tree::NarrowNode* nodes_;
  std::vector<std::uint32_t>& entries_;
  std::uint32_t leaves_ = 0;
  std::array<std::vector<Slot>, quick_words> words_;
};

class Scoring {
 public:
  static constexpr bool by_row = true;

  Scoring(const Packed& packed, const Quick& quick) noexcept
      : quick_(quick),
        slots_(quick.slots()),
        loops_(SKLORT_CHOOSE(quick_loops)),
        trees_(static_cast<std::int64_t>(packed.trees.size())),
        columns_(static_cast<std::int64_t>(packed.columns.size()) + 1) {}

  void row(const std::uint32_t* keys, std::uint32_t* payloads) const noexcept {
    loops_.row(quick_.groups.data(), trees_, slots_, quick_.entries.data(), keys, columns_, payloads);
  }

 private:
  const Quick& quick_;
  QuickSlots slots_;
  const QuickLoops& loops_;
  std::int64_t trees_;
  std::int64_t columns_;
};

}  // namespace

std::size_t Quick::bytes() const noexcept {
  return groups.size() * sizeof(QuickGroup) + columns.size() * (sizeof(columns[0]) + sizeof(limits[0]) + sizeof(keeps[0])) +
         entries.size() * sizeof(entries[0]);
}

double Quick::cost(std::int64_t rows) const noexcept {
  return static_cast<double>(rows) * (1.0 * static_cast<double>(columns.size()) + 16.0 * static_cast<double>(groups.size()));
}

std::string quick_refuses(const Packed& packed) {
  if (!can_score()) return "this instruction set has no loop for it";
  if (packed.wide) return "its rows are not float";
  if (packed.columns.size() + 1 > quick_columns) return "it reads more than 63 columns";
  for (const Tree& tree : packed.trees) {
    if (leaves_of(tree) > most_leaves) return "it has a tree of more than 64 leaves";
  }
  return {};
}

Quick quick_form(const Packed& packed) {
  Quick quick;
  for (std::size_t first = 0; first < packed.trees.size(); first += quick_lanes) {
    const std::size_t count = std::min<std::size_t>(quick_lanes, packed.trees.size() - first);
    QuickGroup group{};
    group.first = static_cast<std::uint32_t>(quick.columns.size());
    std::vector<std::array<std::vector<Slot>, quick_words>> trees;
    for (std::size_t lane = 0; lane < count; ++lane) {
      group.base[lane] = static_cast<std::uint32_t>(quick.entries.size());
      trees.push_back(Cutter(packed.narrow_nodes.data() + packed.trees[first + lane].first, quick.entries).run());
    }
    for (std::size_t word = 0; word < quick_words; ++word) {
      std::size_t slots = 0;
      for (const auto& words : trees) slots = std::max(slots, words[word].size());
      group.slots[word] = static_cast<std::uint32_t>(slots);
      for (std::size_t slot = 0; slot < slots; ++slot) {
        quick.columns.emplace_back();
        quick.limits.emplace_back();
        quick.keeps.emplace_back();
        for (std::size_t lane = 0; lane < quick_lanes; ++lane) {
          const bool there = lane < count && slot < trees[lane][word].size();
          const Slot one = there ? trees[lane][word][slot] : Slot{0, 0, ~std::uint32_t{0}};
          quick.columns.back().lane[lane] = one.column;
          quick.limits.back().lane[lane] = one.limit;
          quick.keeps.back().lane[lane] = one.keep;
        }
      }
    }
    quick.groups.push_back(group);
  }
  quick.columns.shrink_to_fit();
  quick.limits.shrink_to_fit();
  quick.keeps.shrink_to_fit();
  return quick;
}

bool can_score() noexcept { return SKLORT_CHOOSE(quick_loops).row != nullptr; }

void quick_sums(const Packed& packed, const Quick& quick, Call& call, const float* rows, std::int64_t features,
                std::int64_t count, std::int64_t targets, double* sums) {
  drive<std::uint32_t>(packed, Scoring(packed, quick), quick.cost(count), call, rows, features, count, targets,
                       SKLORT_CHOOSE(key_loops).narrow, sums);
}

}  // namespace sklort::forest
