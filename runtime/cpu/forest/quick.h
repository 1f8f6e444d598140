// The engine "QuickScorer" (Lucchese et al., SIGIR 2015), for one row at a time: no path is followed. A tree is a word with a bit
// for each leaf; every branch that sends the row right strikes the leaves of its left subtree out, in any order, and the first
// leaf left over is the row's. Sixteen trees lie side by side, so that a step does one branch of each (as in RapidScorer, Ye et
// al., KDD 2018, which puts rows side by side).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "packed.h"
#include "quick.hot.h"

namespace sklort::forest {

// One number for each tree of a group: a load that crosses a cache line is two.
template <class T>
struct alignas(quick_lanes * sizeof(T)) Lanes {
  T lane[quick_lanes];
};

struct Quick {
  std::vector<QuickGroup> groups;
  std::vector<Lanes<std::uint8_t>> columns;  // by slot
  std::vector<Lanes<std::uint32_t>> limits;
  std::vector<Lanes<std::uint32_t>> keeps;
  std::vector<std::uint32_t> entries;  // of the walk's leaf table

  QuickSlots slots() const noexcept {
    // Without a branch there is no slot, and no first one to point into.
    if (columns.empty()) return {};
    return {columns.data()->lane, limits.data()->lane, keeps.data()->lane};
  }
  std::size_t bytes() const noexcept;
  // Predicted nanoseconds for so many rows.
  double cost(std::int64_t rows) const noexcept;
};

// Whether the instruction set has the loop.
bool can_score() noexcept;

// A sentence why QuickScorer cannot take this forest here; empty when it can.
std::string quick_refuses(const Packed& packed);
Quick quick_form(const Packed& packed);

// Row-major rows x targets sums.
void quick_sums(const Packed& packed, const Quick& quick, Call& call, const float* rows, std::int64_t features,
                std::int64_t count, std::int64_t targets, double* sums);

}  // namespace sklort::forest
