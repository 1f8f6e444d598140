// Columns of categories in front of a linear model: each category is a row of weights, and is looked up instead of multiplied.
//
//     category_sources   INTS     for each column: which input
//     category_columns   INTS     and which of its columns
//     category_kinds     STRINGS  how values are compared, see Kind
//     category_counts    INTS     how many categories
//     category_integers  INTS     those of kind "integer" and "whole", column after column
//     category_numbers   TENSOR   of double: those of kind "number"
//     category_texts     STRINGS  those of kind "text"
//     category_strict    INTS     1: a value that is none is an error; 0: it adds nothing
//     category_names     STRINGS  who says so in messages
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "linear/source.h"
#include "lookup.h"
#include "op.h"

namespace sklort {

class Categories {
 public:
  Categories(const Node& node, std::int64_t sources);

  std::int64_t columns() const noexcept { return static_cast<std::int64_t>(columns_.size()); }
  // Categories of all columns together.
  std::int64_t count() const noexcept { return count_; }
  // From a row of weights for each category to a table with rows `stride` apart, and one of zeros behind those of each column.
  template <class T>
  std::vector<T> table(const T* weights, std::int64_t width, std::int64_t stride) const;

  void check(const Source* sources) const;
  // index[i * count + row]: the row of the table that column i chooses. Returns the first value that a strict column does not
  // know, as i * `rows` + row, or columns() * `rows`.
  std::int64_t find(const Source* sources, std::int64_t rows, std::int64_t first, std::int64_t count,
                    std::int32_t* index) const noexcept;
  // Throws what `find` found.
  [[noreturn]] void refuse(const Source* sources, std::int64_t rows, std::int64_t unknown) const;

 private:
  enum class Kind : std::uint8_t {
    integer,  // cast to int64
    whole,    // the same, but NaN and what int64 cannot hold are no category
    number,   // equal as doubles; a NaN among the categories equals NaN
    text,
  };
  struct Column {
    std::int64_t source;
    std::int64_t column;
    Kind kind;
    std::int64_t count;
    bool strict;
    std::string name;
    std::int32_t first;  // row of the table
    IntegerLookup integers;
    RealLookup numbers;
    TextLookup texts;
    bool small = false;  // the numbers are whole and close together: `integers` holds them
  };

  template <class T>
  static std::int32_t place(const Column& column, T value) noexcept;

  std::int64_t count_ = 0;
  std::vector<Column> columns_;
};

}  // namespace sklort
