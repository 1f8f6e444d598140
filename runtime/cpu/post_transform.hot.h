#pragma once

#include <cstdint>

namespace sklort {

template <class T>
struct PostTransformLoops {
  void (*logistic)(T* scores, std::int64_t count) noexcept;
  void (*softmax)(T* scores, std::int64_t rows, std::int64_t columns) noexcept;
};

}  // namespace sklort
