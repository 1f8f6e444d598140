#include "finite.h"

#include <atomic>
#include <limits>

#include "isa.h"
#include "ops/finite.hot.h"
#include "threads.h"

namespace sklort {

SKLORT_DECLARE(FiniteLoops, finite_loops)

bool is_within(const Tensor& tensor, Range range, int threads) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if ((range.nan && range.limit == infinity) || (tensor.dtype != DType::float32 && tensor.dtype != DType::float64)) return true;
  const FiniteLoops& loops = SKLORT_CHOOSE(finite_loops);
  constexpr float largest = std::numeric_limits<float>::max();
  const float narrow = range.limit == infinity ? static_cast<float>(infinity)
                       : range.limit < largest ? static_cast<float>(range.limit)
                                               : largest;
  std::atomic<bool> all{true};
  parallel(tensor.count(), std::int64_t{1} << 15, threads, [&](std::int64_t first, std::int64_t last) noexcept {
    const bool fine = tensor.dtype == DType::float32
                          ? loops.floats(tensor.as<float>() + first, last - first, narrow, range.nan)
                          : loops.doubles(tensor.as<double>() + first, last - first, range.limit, range.nan);
    if (!fine) all.store(false, std::memory_order_relaxed);
  });
  return all.load();
}

}  // namespace sklort
