#include "strided.h"

#include <algorithm>
#include <cstring>

#include "dispatch.h"
#include "threads.h"

namespace sklort {

void Strided::push(std::int64_t dim, std::int64_t stride) noexcept {
  if (dim == 1) return;
  if (rank > 0) {
    // One run with the axis around it.
    const auto outer = static_cast<std::size_t>(rank - 1);
    if (dims[outer] != 0 && strides[outer] == stride * dim) {
      dims[outer] *= dim;
      strides[outer] = stride;
      return;
    }
  }
  dims[static_cast<std::size_t>(rank)] = dim;
  strides[static_cast<std::size_t>(rank)] = stride;
  ++rank;
}

std::array<std::int64_t, Shape::max_rank> strides_of(const Shape& shape) noexcept {
  std::array<std::int64_t, Shape::max_rank> strides{};
  std::int64_t running = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = running;
    running *= shape[axis];
  }
  return strides;
}

namespace {

constexpr std::int64_t grain = 1 << 15;

// Where line `index` of the outer axes begins.
std::int64_t offset_of(const Strided& view, int outer, std::int64_t index) noexcept {
  std::int64_t offset = 0;
  for (int axis = outer - 1; axis >= 0; --axis) {
    const auto i = static_cast<std::size_t>(axis);
    offset += index % view.dims[i] * view.strides[i];
    index /= view.dims[i];
  }
  return offset;
}

template <class T>
void copy_run(const T* from, std::int64_t stride, T* to, std::int64_t count) noexcept {
  if (stride == 1) {
    // Short runs are not worth a call.
    if (count >= 16) {
      std::memcpy(static_cast<void*>(to), from, static_cast<std::size_t>(count) * sizeof(T));
    } else {
      for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
    }
  } else if (stride == 0) {
    std::fill_n(to, count, *from);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * stride];
  }
}

// The two inner axes, where the outer one of them walks along memory: tiles that stay in the cache on both sides.
template <class T>
void copy_tiles(const T* from, std::int64_t rows, std::int64_t columns, std::int64_t stride, T* to) noexcept {
  constexpr std::int64_t tile = 16;
  for (std::int64_t column = 0; column < columns; column += tile) {
    const std::int64_t last_column = std::min(columns, column + tile);
    for (std::int64_t row = 0; row < rows; row += tile) {
      const std::int64_t last_row = std::min(rows, row + tile);
      for (std::int64_t i = row; i < last_row; ++i) {
        for (std::int64_t j = column; j < last_column; ++j) to[i * columns + j] = from[i + j * stride];
      }
    }
  }
}

template <class T>
void copy_as(const T* from, const Strided& view, T* to, int threads) {
  if (view.rank == 0) {
    *to = *from;
    return;
  }
  const auto last = static_cast<std::size_t>(view.rank - 1);
  const std::int64_t inner = view.dims[last];
  const std::int64_t stride = view.strides[last];
  std::int64_t lines = 1;
  for (std::size_t axis = 0; axis < last; ++axis) lines *= view.dims[axis];
  if (inner == 0 || lines == 0) return;
  if (lines == 1) {
    parallel(inner, grain, threads, [&](std::int64_t first, std::int64_t end) noexcept {
      copy_run(from + first * stride, stride, to + first, end - first);
    });
    return;
  }
  const std::int64_t rows = view.dims[last - 1];
  const bool tiled = view.strides[last - 1] == 1 && stride != 1 && stride != 0;
  parallel(lines, std::max<std::int64_t>(1, grain / inner), threads, [&](std::int64_t first, std::int64_t end) noexcept {
    for (std::int64_t line = first; line < end;) {
      const std::int64_t row = line % rows;
      const std::int64_t count = std::min(end - line, rows - row);
      const T* source = from + offset_of(view, view.rank - 1, line);
      T* target = to + line * inner;
      if (tiled) {
        copy_tiles(source, count, inner, stride, target);
      } else {
        const std::int64_t step = view.strides[last - 1];
        for (std::int64_t i = 0; i < count; ++i) copy_run(source + i * step, stride, target + i * inner, inner);
      }
      line += count;
    }
  });
}

}  // namespace

void copy_strided(DType dtype, const void* from, const Strided& view, void* to, int threads) {
  with_item(dtype, [&]<class T>(T) { copy_as(static_cast<const T*>(from), view, static_cast<T*>(to), threads); });
}

Shape permuted(const Shape& shape, std::span<const int> order) {
  Shape result;
  for (const int axis : order) result.push(shape[axis]);
  return result;
}

void permute(const Tensor& from, std::span<const int> order, void* to, int threads) {
  if (from.count() == 0) return;
  const auto strides = strides_of(from.shape);
  Strided view;
  for (const int axis : order) view.push(from.shape[axis], strides[static_cast<std::size_t>(axis)]);
  copy_strided(from.dtype, from.data, view, to, threads);
}

AxisLast::AxisLast(int axis, int rank) noexcept : rank_(static_cast<std::size_t>(rank)) {
  for (int i = 0; i < rank; ++i) {
    const int from = i < axis ? i : i + 1 < rank ? i + 1 : axis;
    forth_[static_cast<std::size_t>(i)] = from;
    back_[static_cast<std::size_t>(from)] = i;
  }
}

}  // namespace sklort
