// The fast lane of an estimator's method: X goes from the caller to the program and back without a Python frame.
#pragma once

#include <nanobind/nanobind.h>

namespace sklort {

// Adds `lane(slow)`, a callable of one argument. `add(program, finish, flat, warning, table)` gives it a way for some kind of X:
// without `table` for the very array that the program declares, with one for the frames that the table reads. Every other X, and
// every X on which the program fails, goes to `slow`. To introspection it is `slow`.
void add_lane(nanobind::module_& module);

}  // namespace sklort
