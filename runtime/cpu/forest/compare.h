// The engine "compare-all": every branch of a tree is tested for many rows at once, without following any path.
//
// Leaves are numbered from left to right; a row's *candidate* starts at leaf 0. Branches come in pre-order, each with the first
// leaf of its left and of its right subtree: where the row goes right and the candidate is the left one's, the candidate becomes
// the right one's. After the last branch the candidate is the leaf. That is three instructions for a vector of rows, with no
// gather, no branch and no pointer.
//
// Rows are binned first: a threshold becomes its rank among 255 thresholds of its feature, and a value the number of those below
// it, so that a byte holds a row's value. A feature with more thresholds has several such columns, each for 255 thresholds in a
// row. A forest that needs more columns than the nearest cache holds is cut into groups of consecutive trees, each binned for
// itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "column.h"
#include "compare.hot.h"
#include "forest.h"
#include "op.h"

namespace sklort::forest {

struct Group {
  std::vector<Column> columns;   // by feature
  std::vector<BinTable> tables;  // one for each column
  std::vector<float> thresholds;
  std::vector<double> double_thresholds;  // instead, for rows of double
  std::vector<CompareTree> trees;
};

struct Compared {
  std::vector<Group> groups;
  std::vector<CompareBranch> branches;
  std::vector<double> values;
  std::int64_t targets = 1;
  std::int64_t most_columns = 0;  // of any group
  bool doubles = false;           // for rows of double
  // What a row costs, beside its branches: columns binned, leaf values added from tables of at most 64, and from larger ones.
  std::int64_t columns = 0;
  std::int64_t leaves = 0;
  std::int64_t wide_leaves = 0;

  std::size_t bytes() const noexcept;
  // Predicted nanoseconds for so many rows.
  double cost(std::int64_t rows) const noexcept;
};

// A sentence why compare-all cannot take this forest; empty when it can. `doubles`: for rows of double, not of float.
std::string compare_refuses(const Forest& forest, bool doubles);
Compared compare_form(const Forest& forest, bool doubles);

// Row-major rows x targets sums.
template <class Value>
void compare_sums(const Compared& compared, Call& call, const Value* rows, std::int64_t features, std::int64_t count,
                  double* sums);

}  // namespace sklort::forest
