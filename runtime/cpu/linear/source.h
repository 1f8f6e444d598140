// An input of a model of columns, while it runs.
#pragma once

#include <cstdint>

#include "axes.h"
#include "op.h"

namespace sklort {

struct Source {
  const void* data;
  std::int64_t columns;
  std::int64_t count;  // elements
  DType dtype;

  template <class T>
  const T* row(std::int64_t row, std::int64_t column) const noexcept {
    return static_cast<const T*>(data) + row * columns + column;
  }
  template <class T>
  const T* end() const noexcept {
    return static_cast<const T*>(data) + count;
  }
};

// A source of one dimension: each element is a row.
inline constexpr std::int64_t no_width = -1;

// The first inputs, which must be as wide as `widths` says; returns the number of rows.
inline std::int64_t read_sources(Call& call, std::span<const std::int64_t> widths, Source* to) {
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const Tensor& x = call.tensor(static_cast<int>(i));
    if (widths[i] == no_width) {
      if (x.shape.rank() != 1) fail("expected one dimension in input ", i, ", got shape ", print(x.shape));
    } else if (x.shape.rank() != 2 || x.shape[1] != widths[i]) {
      fail("expected ", widths[i], " columns in input ", i, ", got shape ", print(x.shape));
    }
    if (i != 0 && x.shape[0] != rows) fail("input 0 has ", rows, " rows, input ", i, " has ", x.shape[0]);
    rows = x.shape[0];
    to[i] = {x.data, widths[i] == no_width ? 1 : widths[i], x.count(), x.dtype};
  }
  return rows;
}

// Throws unless the column is there.
inline void check_column(const Source* sources, std::int64_t source, std::int64_t column) {
  if (column >= sources[source].columns) {
    fail("expected at least ", column + 1, " columns in input ", source, ", got ", sources[source].columns);
  }
}

}  // namespace sklort
