// Callables of the C API that stand for a Python function: to introspection they are the function.
#pragma once

#include <nanobind/nanobind.h>

namespace sklort {

// The head of such an object.
struct Wrapper {
  PyObject head;
  vectorcallfunc call;
  PyObject* function;
};

inline Wrapper* as_wrapper(PyObject* object) noexcept { return reinterpret_cast<Wrapper*>(object); }

// For the type's slots: the name, the signature and the documentation are the function's, and so is the repr.
PyObject* wrapper_attribute(PyObject* self, PyObject* name);
PyObject* wrapper_repr(PyObject* self);
extern PyGetSetDef wrapper_getters[];
extern PyMemberDef wrapper_members[];

}  // namespace sklort
