#include "wrapper.h"

#include <structmember.h>

#include <cstddef>

namespace sklort {

namespace {

PyObject* wrapped(PyObject* self, void*) { return Py_NewRef(as_wrapper(self)->function); }

PyObject* of_function(PyObject* self, void* name) {
  return PyObject_GetAttrString(as_wrapper(self)->function, static_cast<const char*>(name));
}

}  // namespace

PyObject* wrapper_attribute(PyObject* self, PyObject* name) {
  // No getter: the type keeps the name of its own module in its place.
  if (PyUnicode_CompareWithASCIIString(name, "__module__") == 0) {
    return PyObject_GetAttr(as_wrapper(self)->function, name);
  }
  return PyObject_GenericGetAttr(self, name);
}

PyObject* wrapper_repr(PyObject* self) { return PyObject_Repr(as_wrapper(self)->function); }

PyGetSetDef wrapper_getters[] = {
    {"__wrapped__", wrapped, nullptr, nullptr, nullptr},
    {"__doc__", of_function, nullptr, nullptr, const_cast<char*>("__doc__")},
    {"__name__", of_function, nullptr, nullptr, const_cast<char*>("__name__")},
    {"__qualname__", of_function, nullptr, nullptr, const_cast<char*>("__qualname__")},
    {"__annotations__", of_function, nullptr, nullptr, const_cast<char*>("__annotations__")},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMemberDef wrapper_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Wrapper, call), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

}  // namespace sklort
