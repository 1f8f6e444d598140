// Indices that come as data: int64 or int32, negative ones counting from the end, each checked.
#pragma once

#include "op.h"

namespace sklort {

// The tensor's indices as 0 <= index < dim; throws with the first one out of range. Until the end of the call.
const std::int64_t* checked_indices(Call& call, const Tensor& indices, std::int64_t dim);

// Every element as int64, unchecked.
const std::int64_t* raw_indices(Call& call, const Tensor& indices);

// For GatherND and ScatterND: rows of `depth` indices into the axes of `shape` from `first` on, as an element offset for each
// row. Row i belongs to batch i / rows_in_batch, the batches being the axes before `first`.
const std::int64_t* offsets_of_rows(Call& call, const Tensor& indices, const Shape& shape, int first, int depth,
                                    std::int64_t rows_in_batch);

}  // namespace sklort
