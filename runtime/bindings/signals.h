// Ctrl-C while the GIL is away: Python handles signals on its main thread only, and only when asked to.
#pragma once

#include <nanobind/nanobind.h>

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

// In a long loop with the GIL held: handles signals now and then; throws what a handler raises.
class Pulse {
 public:
  void beat() {
    if ((++beats_ & 4095) == 0 && PyErr_CheckSignals() != 0) throw nanobind::python_error();
  }

 private:
  unsigned beats_ = 0;
};

}  // namespace sklort
