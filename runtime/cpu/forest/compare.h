// The engine "compare-all": every branch of a tree is tested for many rows at once, without following any path.
//
// Leaves are numbered from left to right; a row's *candidate* starts at leaf 0. Branches come in pre-order, each with the first
// leaf of its left and of its right subtree: where the row goes right and the candidate is the left one's, the candidate becomes
// the right one's. After the last branch the candidate is the leaf. That is three instructions for a vector of rows, with no
// gather, no branch and no pointer.
//
// Rows are binned first: a threshold becomes its rank among the thresholds of its column, at most 255 of them, and a value the
// number of thresholds below it, so that a byte holds a row's value. A forest with more thresholds is cut into groups of
// consecutive trees, each binned for itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "column.h"
#include "compare.hot.h"
#include "forest.h"
#include "op.h"

namespace sklort::forest {

struct Group {
  std::vector<Column> columns;
  std::vector<BinTable> tables;  // one for each column
  std::vector<float> thresholds;
  std::vector<CompareTree> trees;
};

struct Compared {
  std::vector<Group> groups;
  std::vector<CompareBranch> branches;
  std::vector<double> values;
  std::int64_t targets = 1;
  std::int64_t most_columns = 0;  // of any group

  std::size_t bytes() const noexcept;
  // Predicted nanoseconds for so many rows on the current instruction set; the constants are measurements.
  double cost(std::int64_t rows) const noexcept;
};

// A sentence why compare-all cannot take this forest; empty when it can.
std::string compare_refuses(const Forest& forest);
// For rows of float.
Compared compare_form(const Forest& forest);

// Row-major rows x targets sums.
void compare_sums(const Compared& compared, Call& call, const float* rows, std::int64_t features, std::int64_t count,
                  double* sums);

}  // namespace sklort::forest
