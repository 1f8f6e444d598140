// The forest of a node as arrays, for providers that walk it elsewhere.
#pragma once

#include <nanobind/nanobind.h>

namespace sklort {

void add_forest_arrays(nanobind::module_& module);

}  // namespace sklort
