// Any forest at all, one row and one tree at a time, straight from the model's form: for what the packed forms leave out, and the
// judge of the packed forms in tests.
#pragma once

#include "forest.h"

namespace sklort::forest {

void sum_general(const Forest& forest, const double* rows, std::int64_t features, std::int64_t count, double* sums) noexcept;

}  // namespace sklort::forest
