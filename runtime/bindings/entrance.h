// The short way into a session: `run` with plain arrays goes from the caller to the program and back without a Python frame.
//
// What is plain: outputs that were asked for before, a dict with exactly the declared inputs, each an ndarray of the declared
// dtype, rank and sizes, no run options. Every other call is left to the Python method, which reads more and explains more.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runner.h"

namespace sklort {

class Entrance {
 public:
  using Places = std::vector<std::pair<int, int>>;  // input and axis

  // Names of the inputs; and axes of inputs whose sizes must be equal, in groups.
  Entrance(const std::vector<std::string>& inputs, std::vector<Places> equal);

  // Remembers the program of some outputs; the first one also answers for None.
  void add(nanobind::tuple outputs, nanobind::object program);

  // The arguments of `run` without the session, as vectorcall gives them. A new list; nothing, without an exception, when the
  // call is not plain; or nothing with one.
  PyObject* attempt(PyObject* const* arguments, std::size_t count, PyObject* keywords) const;

 private:
  struct Selection {
    nanobind::tuple outputs;
    nanobind::object program;  // keeps `runner` alive
    const Runner* runner;
  };

  const Selection* select(PyObject* outputs) const noexcept;
  bool read(PyObject* feed, const Runner& runner, std::span<Value> values, Keep& keep) const;

  std::vector<nanobind::object> inputs_;
  std::vector<Places> equal_;
  std::vector<Selection> selections_;
};

}  // namespace sklort
