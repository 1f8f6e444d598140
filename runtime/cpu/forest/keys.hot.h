#pragma once

#include <cstdint>

#include "column.h"

namespace sklort::forest {

// Rows to keys. Row i begins at rows + i * features; its keys at keys + i * (columns + 1), the constant column first.
struct KeyLoops {
  void (*narrow)(const float* rows, std::int64_t features, std::int64_t count, const Column* columns, std::int64_t column_count,
                 bool dense, std::uint32_t* keys) noexcept;
  void (*wide)(const double* rows, std::int64_t features, std::int64_t count, const Column* columns, std::int64_t column_count,
               bool dense, std::uint64_t* keys) noexcept;
  void (*widened)(const float* rows, std::int64_t features, std::int64_t count, const Column* columns, std::int64_t column_count,
                  bool dense, std::uint64_t* keys) noexcept;
};

}  // namespace sklort::forest
