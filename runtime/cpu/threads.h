// One pool of worker threads for the process.
//
// Sized by the CPU affinity mask, the cgroup's CPU quota, OMP_NUM_THREADS and SKLORT_NUM_THREADS (which wins). Workers start
// with the first parallel call, wait without spinning for long, and do not survive a fork: the child starts its own.
#pragma once

#include <cstdint>
#include <type_traits>

namespace sklort {

// How many threads may work at once, the caller included. At least 1.
int thread_limit() noexcept;
// Overrides the limit for the process; 0 restores what the environment gives.
void set_thread_limit(int threads) noexcept;

namespace detail {
using Body = void (*)(void* context, std::int64_t first, std::int64_t last) noexcept;
void parallel(std::int64_t count, std::int64_t chunk, int threads, Body body, void* context) noexcept;
}  // namespace detail

// Calls body(first, last) for consecutive ranges of at most `chunk` that cover 0 <= i < count, on at most `threads` threads.
// A call from inside a parallel body, or while another thread uses the pool, runs on the calling thread alone.
template <class Function>
void parallel(std::int64_t count, std::int64_t chunk, int threads, Function&& body) noexcept {
  if (threads <= 1 || count <= chunk) {
    if (count > 0) body(std::int64_t{0}, count);
    return;
  }
  using Plain = std::remove_reference_t<Function>;
  detail::parallel(
      count, chunk, threads,
      [](void* context, std::int64_t first, std::int64_t last) noexcept { (*static_cast<Plain*>(context))(first, last); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace sklort
