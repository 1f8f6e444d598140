#include "indices.h"

#include "axes.h"
#include "error.h"
#include "strided.h"

namespace sklort {

namespace {

template <class... Parts>
[[noreturn]] void bad_argument(const Parts&... parts) {
  throw Error(Status::invalid_argument, sentence(parts...));
}

}  // namespace

const std::int64_t* raw_indices(Call& call, const Tensor& indices) {
  if (indices.dtype == DType::int64) return indices.as<std::int64_t>();
  if (indices.dtype != DType::int32) fail("indices must be int64 or int32, got ", dtype_name(indices.dtype));
  const std::int64_t count = indices.count();
  auto* wide = call.scratch_of<std::int64_t>(count);
  for (std::int64_t i = 0; i < count; ++i) wide[i] = indices.as<std::int32_t>()[i];
  return wide;
}

const std::int64_t* checked_indices(Call& call, const Tensor& indices, std::int64_t dim) {
  const std::int64_t* raw = raw_indices(call, indices);
  const std::int64_t count = indices.count();
  bool negative = false;
  bool outside = false;
  for (std::int64_t i = 0; i < count; ++i) {
    negative |= raw[i] < 0;
    outside |= raw[i] < -dim || raw[i] >= dim;
  }
  if (outside) {
    for (std::int64_t i = 0; i < count; ++i) {
      if (raw[i] < -dim || raw[i] >= dim) bad_argument("index ", raw[i], " is out of range for an axis of size ", dim);
    }
  }
  if (!negative) return raw;
  auto* normal = call.scratch_of<std::int64_t>(count);
  for (std::int64_t i = 0; i < count; ++i) normal[i] = raw[i] < 0 ? raw[i] + dim : raw[i];
  return normal;
}

const std::int64_t* offsets_of_rows(Call& call, const Tensor& indices, const Shape& shape, int first, int depth,
                                    std::int64_t rows_in_batch) {
  const std::int64_t* raw = raw_indices(call, indices);
  const std::int64_t rows = indices.shape.count(0, indices.shape.rank() - 1);
  const auto strides = strides_of(shape);
  const std::int64_t batch_size = shape.count(first, shape.rank());
  auto* offsets = call.scratch_of<std::int64_t>(rows);
  for (std::int64_t row = 0; row < rows; ++row) {
    std::int64_t offset = row / rows_in_batch * batch_size;
    for (int i = 0; i < depth; ++i) {
      const std::int64_t dim = shape[first + i];
      const std::int64_t index = raw[row * depth + i];
      if (index < -dim || index >= dim) bad_argument("index ", index, " is out of range for axis ", first + i, " of size ", dim);
      offset += (index < 0 ? index + dim : index) * strides[static_cast<std::size_t>(first + i)];
    }
    offsets[row] = offset;
  }
  return offsets;
}

}  // namespace sklort
