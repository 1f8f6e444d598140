// How a run is looked at from outside: whether it is to end, and how long its steps take.
//
// A run is ended between its steps, between blocks of rows, and between the ranges that `parallel` cuts loops into; it throws
// Stopped from there. Nothing is asked where that could not be thrown, which is inside the body of a parallel loop.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "value.h"

namespace sklort {

struct Stopped {};

// One execution of a step: of the whole batch, or of a block of its rows.
struct StepTime {
  struct Seen {
    DType dtype;
    std::vector<std::int64_t> shape;
  };
  int step;
  std::uint64_t thread;
  std::int64_t begin;  // nanoseconds of the steady clock
  std::int64_t end;
  std::vector<Seen> inputs;  // tensors only
  std::vector<Seen> outputs;
  std::size_t fed_bytes;  // of the inputs that are no constants
  std::size_t constant_bytes;
  std::size_t made_bytes;
};

// What the steps of a run took, gathered from all its threads.
class Trace {
 public:
  void note(StepTime time) {
    const std::lock_guard lock(mutex_);
    times_.push_back(std::move(time));
  }
  std::vector<StepTime> take() { return std::exchange(times_, {}); }

  static std::int64_t now() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  static std::uint64_t this_thread() noexcept;

 private:
  std::mutex mutex_;
  std::vector<StepTime> times_;
};

class Watch {
 public:
  using Ask = bool (*)(void* context) noexcept;

  // `flag`: raised by anybody at any time; nullptr: by nobody. `ask`, unless nullptr, is called now and then, by the thread that
  // makes the watch; true ends the run. `trace`, unless nullptr, is told of every step.
  Watch(const std::atomic<bool>* flag, Ask ask, void* context, Trace* trace) noexcept
      : flag_(flag), ask_(ask), context_(context), trace_(trace) {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  Trace* trace() const noexcept { return trace_; }
  bool stopped() const noexcept {
    return ended_.load(std::memory_order_relaxed) || (flag_ != nullptr && flag_->load(std::memory_order_relaxed));
  }
  // The same, after asking, where this thread may and it is time to.
  bool poll() noexcept {
    if (ask_ != nullptr && std::this_thread::get_id() == owner_ && Clock::now() >= next_) {
      if (ask_(context_)) ended_.store(true, std::memory_order_relaxed);
      next_ = Clock::now() + interval;
    }
    return stopped();
  }
  void check() {
    if (poll()) throw Stopped{};
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds interval{25};

  const std::atomic<bool>* flag_;
  Ask ask_;
  void* context_;
  Trace* trace_;
  std::atomic<bool> ended_{false};
  const std::thread::id owner_ = std::this_thread::get_id();
  Clock::time_point next_ = Clock::now() + interval;
};

// While it lives, `parallel` looks at the watch when it is called from this thread, and may throw.
class Watching {
 public:
  explicit Watching(Watch* watch) noexcept;
  ~Watching();
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

 private:
  Watch* before_;
};

}  // namespace sklort
