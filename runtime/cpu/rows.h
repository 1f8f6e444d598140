// A batch as the operators of ai.onnx.ml see it: rows of features. A tensor of one dimension is one row.
#pragma once

#include "axes.h"
#include "value.h"

namespace sklort {

struct Rows {
  std::int64_t count;
  std::int64_t columns;

  explicit Rows(const Tensor& x) : count(1), columns(0) {
    const int rank = x.shape.rank();
    if (rank != 1 && rank != 2)
      fail("expected rows of features (two dimensions, or one for a single row), got shape ", print(x.shape));
    if (rank == 2) count = x.shape[0];
    columns = x.shape[rank - 1];
  }
};

}  // namespace sklort
