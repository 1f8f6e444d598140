#include "keys.hot.h"

#include "hot.h"
#include "tree.h"

namespace sklort::forest::SKLORT_HOT {
namespace {

template <class Number, class Key, class Value>
SKLORT_INLINE void fill(const Value* rows, std::int64_t features, std::int64_t count, const Column* columns,
                        std::int64_t column_count, bool dense, Key* keys) noexcept {
  const auto nan_key = [](bool left) noexcept { return left ? tree::key_nan_left<Key> : tree::key_nan_right<Key>; };
  if (dense) {
    const Key nan = column_count > 0 ? nan_key(columns[0].nan_left) : Key{};
    for (std::int64_t row = 0; row < count; ++row, rows += features) {
      *keys++ = 0;
      for (std::int64_t i = 0; i < column_count; ++i) keys[i] = tree::key_of(static_cast<Number>(rows[i]), nan);
      keys += column_count;
    }
    return;
  }
  for (std::int64_t row = 0; row < count; ++row, rows += features) {
    *keys++ = 0;
    for (std::int64_t i = 0; i < column_count; ++i) {
      *keys++ = tree::key_of(static_cast<Number>(rows[columns[i].feature]), nan_key(columns[i].nan_left));
    }
  }
}

void narrow(const float* rows, std::int64_t features, std::int64_t count, const Column* columns, std::int64_t column_count,
            bool dense, std::uint32_t* keys) noexcept {
  fill<float>(rows, features, count, columns, column_count, dense, keys);
}

void wide(const double* rows, std::int64_t features, std::int64_t count, const Column* columns, std::int64_t column_count,
          bool dense, std::uint64_t* keys) noexcept {
  fill<double>(rows, features, count, columns, column_count, dense, keys);
}

void widened(const float* rows, std::int64_t features, std::int64_t count, const Column* columns, std::int64_t column_count,
             bool dense, std::uint64_t* keys) noexcept {
  fill<double>(rows, features, count, columns, column_count, dense, keys);
}

}  // namespace

extern const KeyLoops key_loops = {narrow, wide, widened};

}  // namespace sklort::forest::SKLORT_HOT
