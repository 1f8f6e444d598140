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
using Body = void (*)(void* context, int worker, std::int64_t first, std::int64_t last) noexcept;
void parallel(std::int64_t count, std::int64_t chunk, int threads, Body body, void* context);
}  // namespace detail

// Calls body(first, last), or body(worker, first, last), for consecutive ranges of at most `chunk` that cover 0 <= i < count, on
// at most `threads` threads; 0 <= worker < threads tells them apart. A call from inside a parallel body, or while another thread
// uses the pool, runs on the calling thread alone, which may then be given several chunks at once. Throws Stopped, with the work
// undone, when the run that is watched (watch.h) is to end.
template <class Function>
void parallel(std::int64_t count, std::int64_t chunk, int threads, Function&& body) {
  using Plain = std::remove_reference_t<Function>;
  const auto call = [](Plain& function, int worker, std::int64_t first, std::int64_t last) noexcept {
    if constexpr (std::is_invocable_v<Plain&, int, std::int64_t, std::int64_t>) {
      function(worker, first, last);
    } else {
      (void)worker;
      function(first, last);
    }
  };
  if (count <= chunk) {
    if (count > 0) call(body, 0, 0, count);
    return;
  }
  detail::parallel(
      count, chunk, threads,
      [](void* context, int worker, std::int64_t first, std::int64_t last) noexcept {
        decltype(call){}(*static_cast<Plain*>(context), worker, first, last);
      },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace sklort
