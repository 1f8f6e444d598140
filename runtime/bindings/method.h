// Callables that Python enters without a frame of its own. They are types of the C API: a call reaches them by vectorcall.
#pragma once

#include <nanobind/nanobind.h>

namespace sklort {

// `method(function, attribute)`, for a class body: calling it looks for an Entrance in that slot of the instance, tries it, and
// calls `function` where the call is not plain. To introspection it is `function`.
void add_method(nanobind::module_& module);

}  // namespace sklort
