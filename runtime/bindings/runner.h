// A program as Python holds it: with its number of threads, and the range of values that its fast lane answers.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "finite.h"
#include "numpy_api.h"
#include "program.h"
#include "threads.h"
#include "values.h"

namespace sklort {

// How long a row takes, measured on some of the calls: it decides whether releasing the GIL is worth its cost.
class Pace {
 public:
  Pace() = default;
  Pace(const Pace&) noexcept {}
  Pace& operator=(const Pace&) = delete;

  // Nanoseconds; negative while nothing is known.
  float predict(std::int64_t rows) const noexcept {
    return nanoseconds_.load(std::memory_order_relaxed) * static_cast<float>(rows);
  }
  // Whether this call should be measured: the first ones, then one of 64. A count that is lost between threads does no harm.
  bool is_due() noexcept {
    const std::uint32_t count = calls_.load(std::memory_order_relaxed) + 1;
    calls_.store(count, std::memory_order_relaxed);
    return (count & 63) == 0 || (count & (count - 1)) == 0;
  }
  void note(std::int64_t rows, float nanoseconds) noexcept {
    nanoseconds_.store(nanoseconds / static_cast<float>(rows), std::memory_order_relaxed);
  }

 private:
  std::atomic<float> nanoseconds_{-1};  // a row
  std::atomic<std::uint32_t> calls_{0};
};

// Raised by any thread to end a run early.
class StopFlag {
 public:
  void set(bool raised) noexcept { raised_.store(raised, std::memory_order_relaxed); }
  bool is_set() const noexcept { return raised_.load(std::memory_order_relaxed); }
  const std::atomic<bool>* flag() const noexcept { return &raised_; }

 private:
  std::atomic<bool> raised_{false};
};

class Runner {
 public:
  Runner(std::shared_ptr<const Program> program, int threads, Range range)
      : program_(std::move(program)), threads_(threads), range_(range) {}

  // What Python calls.
  nanobind::object fast(nanobind::handle object) const;
  // `times`, unless None, is a list that is given a tuple for each execution of a step. `into`, unless None, is a list of an
  // array or None for each output.
  nanobind::list run(const nanobind::list& objects, const StopFlag* stop, nanobind::object times, nanobind::object into) const;
  Runner guarded(bool nan, double limit) const { return {program_, threads_, Range{nan, limit}}; }
  std::int64_t block_rows() const noexcept { return program_->block_rows(); }
  std::vector<std::string> explain() const;

  // For the entrances. The GIL is held.
  const std::shared_ptr<const Program>& program() const noexcept { return program_; }
  // Reads an array of the very dtype and shape that the input declares; false for anything else, and for no elements.
  bool read(std::size_t input, PyObject* object, Value& value, Keep& keep) const;
  // Nothing when `guarded` and a value of the first input is outside the range. Throws what a signal's handler raised meanwhile.
  std::optional<Program::Result> execute(std::span<const Value> inputs, bool guarded, const StopFlag* stop = nullptr,
                                         Trace* trace = nullptr, std::span<const Tensor> targets = {}) const;
  // A new reference. `flat`: an array of shape (n, 1) becomes one of shape (n,).
  PyObject* output(Program::Result& result, std::size_t output, bool flat = false) const;

 private:
  int threads() const noexcept { return threads_ > 0 ? threads_ : thread_limit(); }
  bool keeps_gil(std::span<const Value> inputs, std::int64_t rows) const noexcept;
  std::optional<Program::Result> timed(std::span<const Value> inputs, std::int64_t rows, bool guarded, Watch* watch,
                                       std::span<const Tensor> targets) const;

  std::shared_ptr<const Program> program_;
  int threads_;
  Range range_;
  mutable Pace pace_;
};

}  // namespace sklort
