#include "watch.h"

#include <functional>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace sklort {

// The number by which the system, and Python, know this thread.
std::uint64_t Trace::this_thread() noexcept {
#if defined(__linux__)
  return static_cast<std::uint64_t>(syscall(SYS_gettid));
#else
  return std::hash<std::thread::id>{}(std::this_thread::get_id()) & 0x7fffffff;
#endif
}

}  // namespace sklort
