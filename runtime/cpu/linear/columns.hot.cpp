// The columns a linear model is made of: numbers scaled a block at a time, and rows of weights that categories choose.
#include "columns.hot.h"

#include "simd.h"

namespace sklort::SKLORT_HOT {
namespace {

template <class T, class Function>
SKLORT_INLINE void each(T* x, const T* numbers, std::int64_t count, Function function) noexcept {
  std::int64_t i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) store(x + i, function(load(x + i), load(numbers + i)));
  if (i == count) return;
  alignas(vector_bytes) T last[lanes<T>] = {};
  for (std::int64_t lane = 0; lane < count - i; ++lane) last[lane] = x[i + lane];
  store(last, function(load(last), load(numbers + i)));  // the numbers are padded
  for (std::int64_t lane = 0; lane < count - i; ++lane) x[i + lane] = last[lane];
}

template <class T>
void apply(const Stage<T>* stages, std::int64_t stage_count, T* x, std::int64_t count) noexcept {
  using V = Vector<T>;
  for (const Stage<T>* stage = stages; stage != stages + stage_count; ++stage) {
    const T* numbers = stage->numbers;
    switch (stage->kind) {
      case StageKind::subtract:
        each(x, numbers, count, [](V a, V b) noexcept { return a - b; });
        break;
      case StageKind::add:
        each(x, numbers, count, [](V a, V b) noexcept { return a + b; });
        break;
      case StageKind::multiply:
        each(x, numbers, count, [](V a, V b) noexcept { return a * b; });
        break;
      case StageKind::divide:
        each(x, numbers, count, [](V a, V b) noexcept { return a / b; });
        break;
      case StageKind::at_least:
        each(x, numbers, count, [](V a, V b) noexcept { return a < b ? b : a; });
        break;
      case StageKind::at_most:
        each(x, numbers, count, [](V a, V b) noexcept { return a > b ? b : a; });
        break;
      case StageKind::fill_nan:
        each(x, numbers, count, [](V a, V b) noexcept { return a == a ? a : b; });
        break;
      case StageKind::fill_equal:
        for (std::int64_t i = 0; i < count; ++i) x[i] = x[i] == numbers[i] ? stage->replacement[i] : x[i];
        break;
      case StageKind::round:
        for (std::int64_t i = 0; i < count; ++i) x[i] = static_cast<T>(static_cast<float>(x[i]));
        break;
    }
  }
}

template <class From, class T>
SKLORT_INLINE void copy_row(const From* from, std::int64_t width, T* to) noexcept {
  for (std::int64_t i = 0; i < width; ++i) to[i] = static_cast<T>(from[i]);
}

// Whole vectors where a row has room for them: what is written too much belongs to the next row, which comes later.
template <class T>
SKLORT_INLINE void copy_wide(const T* from, std::int64_t width, T* to) noexcept {
  for (std::int64_t i = 0; i < width; i += lanes<T>) store(to + i, load(from + i));
}

template <class From, class T>
void copy(const From* from, std::int64_t stride, const From* end, std::int64_t rows, std::int64_t width, T* to,
          std::int64_t to_stride) noexcept {
  if (width == 1) {
    for (std::int64_t row = 0; row < rows; ++row) to[row * to_stride] = static_cast<T>(from[row * stride]);
    return;
  }
  std::int64_t row = 0;
  if constexpr (sizeof(From) == sizeof(T)) {
    if (width == to_stride) {  // the only columns of the block
      const std::int64_t padded = (width + lanes<T> - 1) / lanes<T> * lanes<T>;
      for (; row < rows && (rows - row) * to_stride >= padded && end - (from + row * stride) >= padded; ++row) {
        copy_wide(from + row * stride, width, to + row * to_stride);
      }
    }
  }
  for (; row < rows; ++row) copy_row(from + row * stride, width, to + row * to_stride);
}

template <class T>
void add(const T* table, const std::int32_t* index, std::int64_t count, std::int64_t rows, std::int64_t stride,
         T* scores) noexcept {
  if (stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t row = 0; row < rows; ++row) scores[row] += table[index[i * rows + row]];
    }
    return;
  }
  for (std::int64_t at = 0; at < stride; at += lanes<T>) {
    for (std::int64_t row = 0; row < rows; ++row) {
      Vector<T> sum = load(scores + row * stride + at);
      for (std::int64_t i = 0; i < count; ++i) sum += load(table + index[i * rows + row] * stride + at);
      store(scores + row * stride + at, sum);
    }
  }
}

template <class T>
void add_times(const T* table, const std::int32_t* index, const double* values, std::int64_t count, std::int64_t stride,
               T* scores) noexcept {
  if (stride == 1) {
    T sum = scores[0];
    for (std::int64_t i = 0; i < count; ++i) sum += static_cast<T>(values[i]) * table[index[i]];
    scores[0] = sum;
    return;
  }
  for (std::int64_t at = 0; at < stride; at += lanes<T>) {
    Vector<T> sum = load(scores + at);
    for (std::int64_t i = 0; i < count; ++i) {
      sum += broadcast(static_cast<T>(values[i])) * load(table + index[i] * stride + at);
    }
    store(scores + at, sum);
  }
}

}  // namespace

extern const ColumnLoops<float> column_floats = {apply<float>, copy<float, float>, copy<double, float>, add<float>,
                                                 add_times<float>};
extern const ColumnLoops<double> column_doubles = {apply<double>, copy<float, double>, copy<double, double>, add<double>,
                                                   add_times<double>};

}  // namespace sklort::SKLORT_HOT
