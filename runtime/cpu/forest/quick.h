// The engine "QuickScorer" (Lucchese et al., SIGIR 2015), for one row at a time: no path is followed. Every branch that sends the
// row right rules the leaves of its left subtree out, and the first leaf left over is the row's.
//
// The trees lie side by side, a byte for each, so that a step does one branch of each (as in RapidScorer, Ye et al., KDD 2018,
// which puts rows side by side). Where QuickScorer keeps a bit for each leaf, a number is enough when branches come from left to
// right, branch j being the one between leaves j and j + 1: the *candidate* is the first leaf that no branch before it has ruled
// out, and branch j, when it sends the row right, rules out leaf j and those before it down to the first one below the branch. So
// the candidate becomes j + 1 if it is one of them, and stays what it is otherwise.
//
// Three bytes describe a branch: a byte of the row, a limit, and its first leaf. The bytes of a row are made by bisection of its
// keys: of up to 255 limits, how many the key is above.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "packed.h"
#include "quick.hot.h"

namespace sklort::forest {

struct Quick {
  std::vector<QuickGroup> groups;
  std::vector<QuickSlot> slots;
  std::vector<std::uint32_t> bases;  // of each tree, its first entry of the walk's leaf table
  std::vector<QuickByte> table;
  std::uint32_t padded = 1;
  std::vector<std::uint32_t> limits;       // of keys
  std::vector<std::uint64_t> wide_limits;  // instead, for rows of double

  std::size_t bytes() const noexcept;
  // Predicted nanoseconds for so many rows.
  double cost(std::int64_t rows) const noexcept;
};

// The engine's form, or nothing and a sentence why it cannot take this forest here.
struct QuickForm {
  std::unique_ptr<Quick> quick;
  std::string refuses;
};
QuickForm quick_form(const Packed& packed);
// Whether this instruction set has a loop for as many bytes.
bool can_score(const Quick& quick) noexcept;

// Row-major rows x targets sums. Packed for float rows, or (the second) for double ones.
void quick_sums(const Packed& packed, const Quick& quick, Call& call, const float* rows, std::int64_t features,
                std::int64_t count, std::int64_t targets, double* sums);
void quick_sums(const Packed& packed, const Quick& quick, Call& call, const double* rows, std::int64_t features,
                std::int64_t count, std::int64_t targets, double* sums);

}  // namespace sklort::forest
