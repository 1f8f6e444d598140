// Ctrl-C while the GIL is away: Python handles signals on its main thread only, and only when asked to.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <optional>

#include "watch.h"

namespace sklort {

class Signals {
 public:
  Signals() noexcept = default;
  // For a Watch, with this object as its context; nullptr where signals are no matter of this thread.
  Watch::Ask asker() const noexcept;
  // Throws what a handler raised, if one did. The GIL is held.
  void rethrow();

 private:
  static bool ask(void* self) noexcept;
  std::optional<nanobind::python_error> raised_;
};

// Tells which thread is Python's main one. Called once, when the module is imported.
void find_main_thread();

// In a long loop with the GIL held: now and then handles signals and lets other threads have the GIL. Throws what a handler
// raises, and Error where the run is to end.
class Pulse {
 public:
  void beat() {
    if ((++beats_ & 4095) == 0) pause();
  }

  // While it lives, the flag ends such loops of this thread.
  class Stoppable {
   public:
    explicit Stoppable(const std::atomic<bool>* flag) noexcept;
    ~Stoppable();
    Stoppable(const Stoppable&) = delete;
    Stoppable& operator=(const Stoppable&) = delete;

   private:
    const std::atomic<bool>* before_;
  };

 private:
  static void pause();
  unsigned beats_ = 0;
};

// What a run says that was ended by its options.
[[noreturn]] void fail_as_stopped();

}  // namespace sklort
