#pragma once

#include <cstdint>

namespace sklort::forest {

// A column of keys: a feature, and what a NaN in it becomes.
struct Column {
  std::int32_t feature;
  bool nan_left;
};

}  // namespace sklort::forest
