// The matrix of a linear model, before it is one: columns of several inputs, scaled, and categories.
//
// Attributes of the node, whose first inputs are the sources:
//
//     group_widths    INTS     so many numbers in each group; a group's numbers go through the same stages
//     number_sources  INTS     for each number: which input
//     number_columns  INTS     and which of its columns
//     group_stages    STRINGS  for each group the names of its stages, in order, with blanks between
//     stage_numbers   TENSOR   of double: group by group and stage by stage a number for each column (fill_equal: two lists;
//                              round: none)
//     category_*      see Categories
//
// The weights have a row for each number, then one for each category.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "columns.hot.h"
#include "linear/source.h"
#include "op.h"

namespace sklort {

template <class T>
class Numbers {
 public:
  Numbers(const Node& node, std::int64_t sources);

  std::int64_t width() const noexcept { return width_; }
  const ColumnLoops<T>& loops() const noexcept { return *loops_; }
  // The sources' columns are there, and of types that become T.
  void check(const Source* sources) const;
  // Elements of `memory` that `fill` wants for so many rows.
  std::int64_t memory_size(std::int64_t rows) const noexcept { return groups_.size() > 1 ? rows * width_ : 0; }
  // to[count, width] = the numbers of rows first, first + 1, ...
  void fill(const Source* sources, std::int64_t first, std::int64_t count, T* to, T* memory) const noexcept;

 private:
  struct Run {  // of columns side by side
    std::int64_t source;
    std::int64_t column;
    std::int64_t width;
    std::int64_t to;  // first column in the group
  };
  struct Group {
    std::int64_t width;
    std::int64_t rows;  // for which the stages have numbers
    std::vector<Run> runs;
    std::vector<Stage<T>> stages;
  };

  const T* spread(const double* numbers, std::int64_t width, std::int64_t rows);
  void fill_group(const Group& group, const Source* sources, std::int64_t first, std::int64_t count, T* to) const noexcept;

  const ColumnLoops<T>* loops_;
  std::int64_t width_ = 0;
  std::vector<Group> groups_;
  std::vector<std::unique_ptr<T[]>> memory_;
};

}  // namespace sklort
