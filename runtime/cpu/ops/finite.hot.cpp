#include "finite.hot.h"

#include "simd.h"

namespace sklort::SKLORT_HOT {
namespace {

template <class T>
bool within(const T* values, std::int64_t count, T limit, bool nan) noexcept {
  using Mask = decltype(Vector<T>{} < Vector<T>{});
  const Vector<T> high = broadcast(limit);
  const Vector<T> low = broadcast(-limit);
  std::int64_t i = 0;
  Mask bad{};
  // A NaN fails each comparison with a bound, and differs from itself.
  for (; i + 4 * lanes<T> <= count; i += 4 * lanes<T>) {
    for (std::int64_t k = 0; k < 4; ++k) {
      const Vector<T> value = load(values + i + k * lanes<T>);
      bad |= nan ? (value > high) | (value < low) : ~((value <= high) & (value >= low));
    }
  }
  for (std::int64_t lane = 0; lane < lanes<T>; ++lane) {
    if (bad[lane] != 0) return false;
  }
  for (; i < count; ++i) {
    const T value = values[i];
    if (nan ? value > limit || value < -limit : !(value <= limit && value >= -limit)) return false;
  }
  return true;
}

bool floats(const float* values, std::int64_t count, float limit, bool nan) noexcept { return within(values, count, limit, nan); }

bool doubles(const double* values, std::int64_t count, double limit, bool nan) noexcept {
  return within(values, count, limit, nan);
}

}  // namespace

extern const FiniteLoops finite_loops = {floats, doubles};

}  // namespace sklort::SKLORT_HOT
