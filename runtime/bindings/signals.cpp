#include "signals.h"

#include <atomic>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

#include "error.h"

namespace nb = nanobind;

namespace sklort {

namespace {

std::atomic<unsigned long> main_thread{0};
thread_local const std::atomic<bool>* stop_flag = nullptr;

}  // namespace

void find_main_thread() {
  main_thread = nb::cast<unsigned long>(nb::module_::import_("threading").attr("main_thread")().attr("ident"));
#if defined(__unix__) || defined(__APPLE__)
  // The only thread of a forked child is its main one.
  pthread_atfork(nullptr, nullptr, [] { main_thread = PyThread_get_thread_ident(); });
#endif
}

Watch::Ask Signals::asker() const noexcept {
  return PyThread_get_thread_ident() == main_thread.load(std::memory_order_relaxed) ? ask : nullptr;
}

bool Signals::ask(void* self) noexcept {
  const nb::gil_scoped_acquire held;
  if (PyErr_CheckSignals() == 0) return false;
  static_cast<Signals*>(self)->raised_.emplace();  // takes the error over
  return true;
}

void Signals::rethrow() {
  if (!raised_) return;
  nb::python_error raised = std::move(*raised_);
  raised_.reset();
  throw raised;
}

Pulse::Stoppable::Stoppable(const std::atomic<bool>* flag) noexcept : before_(std::exchange(stop_flag, flag)) {}
Pulse::Stoppable::~Stoppable() { stop_flag = before_; }

void Pulse::pause() {
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
  {
    const nb::gil_scoped_release released;
  }
  if (stop_flag != nullptr && stop_flag->load(std::memory_order_relaxed)) fail_as_stopped();
}

void fail_as_stopped() { fail("the run was ended: 'terminate' is set in its run options"); }

}  // namespace sklort
