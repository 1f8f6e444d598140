// A batch as the operators of ai.onnx.ml see it: rows of features. A tensor of one dimension is one row.
#pragma once

#include "axes.h"
#include "value.h"

namespace sklort {

struct Rows {
  std::int64_t count;
  std::int64_t columns;

  explicit Rows(const Tensor& x) : Rows(flat(x)) {
    if (x.shape.rank() > 2)
      fail("expected rows of features (two dimensions, or one for a single row), got shape ", print(x.shape));
  }

  // Every dimension but the first within the row.
  static Rows flat(const Tensor& x) {
    const int rank = x.shape.rank();
    if (rank == 0) fail("expected rows of features, got a scalar");
    return rank == 1 ? Rows(1, x.shape[0]) : Rows(x.shape[0], x.shape.count(1, rank));
  }

 private:
  Rows(std::int64_t count, std::int64_t columns) : count(count), columns(columns) {}
};

}  // namespace sklort
