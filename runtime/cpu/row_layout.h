// Which programs may be run a block of rows at a time.
//
// A value is *by rows* when its first axis counts the rows of the batch and each of its rows depends on that row of the inputs
// alone. A program whose inputs, steps and outputs are all by rows gives the same bits when the batch is cut into blocks: what
// flows between its steps then stays in the cache, and blocks go to several threads.
//
// An operator without a rule here is not by rows: nothing is guessed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "op.h"

namespace sklort {

struct RowLayout {
  enum class Kind : std::uint8_t { unknown, absent, constant, rows };
  Kind kind = Kind::unknown;
  const Tensor* constant = nullptr;
  std::vector<std::int64_t> trailing;  // of rows: the dimensions after the first; -1 where not known

  int rank() const noexcept { return static_cast<int>(trailing.size()) + 1; }
  static RowLayout by_rows(std::vector<std::int64_t> trailing) { return {Kind::rows, nullptr, std::move(trailing)}; }
};

// The outputs' layouts; all unknown when the node is not by rows.
std::vector<RowLayout> row_layouts(const Node& node, std::span<const RowLayout> inputs);

}  // namespace sklort
