#include "finite.h"

#include <atomic>
#include <limits>

#include "isa.h"
#include "ops/finite.hot.h"
#include "threads.h"

namespace sklort {

SKLORT_DECLARE(FiniteLoops, finite_loops)

bool is_finite(const Tensor& tensor, Finite rule, int threads) noexcept {
  if (rule == Finite::any || (tensor.dtype != DType::float32 && tensor.dtype != DType::float64)) return true;
  const bool nan = rule == Finite::no_infinity || rule == Finite::no_infinity_in_float32;
  const bool narrow = rule == Finite::no_infinity_in_float32 || rule == Finite::finite_in_float32;
  const FiniteLoops& loops = SKLORT_CHOOSE(finite_loops);
  constexpr float float_limit = std::numeric_limits<float>::max();
  // Values up to half a unit above the largest float still round to it.
  constexpr double rounds_to_it = 0x1.fffffefffffffp127;
  const double double_limit = narrow ? rounds_to_it : std::numeric_limits<double>::max();
  std::atomic<bool> all{true};
  parallel(tensor.count(), std::int64_t{1} << 15, threads, [&](std::int64_t first, std::int64_t last) noexcept {
    const bool fine = tensor.dtype == DType::float32
                          ? loops.floats(tensor.as<float>() + first, last - first, float_limit, nan)
                          : loops.doubles(tensor.as<double>() + first, last - first, double_limit, nan);
    if (!fine) all.store(false, std::memory_order_relaxed);
  });
  return all.load();
}

}  // namespace sklort
