#include "method.h"

#include "entrance.h"
#include "python_error.h"
#include "wrapper.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace sklort {

namespace {

struct Method : Wrapper {
  PyObject* attribute;
  PyObject* slot;  // the descriptor of `attribute` in the class that owns the method; nullptr before it is known
};

PyTypeObject* entrance_type = nullptr;

Method* as_method(PyObject* object) noexcept { return reinterpret_cast<Method*>(object); }

// The entrance of an instance; empty where there is none.
nb::object entrance_of(const Method* method, PyObject* instance) noexcept {
  PyObject* found =
      method->slot == nullptr
          ? PyObject_GetAttr(instance, method->attribute)
          : Py_TYPE(method->slot)->tp_descr_get(method->slot, instance, reinterpret_cast<PyObject*>(Py_TYPE(instance)));
  if (found == nullptr) PyErr_Clear();
  nb::object object = nb::steal(found);
  if (found != nullptr && Py_TYPE(found) != entrance_type) object.reset();
  return object;
}

PyObject* call_method(PyObject* self, PyObject* const* arguments, std::size_t flagged, PyObject* keywords) noexcept {
  const Method* method = as_method(self);
  const auto count = static_cast<std::size_t>(PyVectorcall_NARGS(flagged));
  if (count > 0) {
    if (const nb::object found = entrance_of(method, arguments[0]); found.is_valid()) {
      const Entrance& entrance = *nb::inst_ptr<Entrance>(found);
      PyObject* result = translated([&] { return entrance.attempt(arguments + 1, count - 1, keywords); });
      if (result != nullptr || PyErr_Occurred() != nullptr) return result;
    }
  }
  return PyObject_Vectorcall(method->function, arguments, flagged, keywords);
}

PyObject* new_method(PyTypeObject* type, PyObject* arguments, PyObject* keywords) {
  PyObject* function = nullptr;
  PyObject* attribute = nullptr;
  const char* names[] = {"function", "attribute", nullptr};
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OU", const_cast<char**>(names), &function, &attribute)) return nullptr;
  PyObject* self = type->tp_alloc(type, 0);
  if (self == nullptr) return nullptr;
  Method* method = as_method(self);
  method->call = call_method;
  method->function = Py_NewRef(function);
  method->attribute = Py_NewRef(attribute);
  PyUnicode_InternInPlace(&method->attribute);
  return self;
}

int traverse_method(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_method(self)->function);
  Py_VISIT(as_method(self)->slot);
  return 0;
}

// There is no tp_clear: a cycle through a method leads through the class or the function, which break it.
void free_method(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_CLEAR(as_method(self)->function);
  Py_CLEAR(as_method(self)->slot);
  Py_CLEAR(as_method(self)->attribute);
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* bind_method(PyObject* self, PyObject* instance, PyObject*) {
  return instance == nullptr || instance == Py_None ? Py_NewRef(self) : PyMethod_New(self, instance);
}

// Called when the class is made.
PyObject* set_name(PyObject* self, PyObject* arguments) {
  PyObject* owner = nullptr;
  PyObject* name = nullptr;
  if (!PyArg_ParseTuple(arguments, "OO", &owner, &name)) return nullptr;
  PyObject* slot = PyObject_GetAttr(owner, as_method(self)->attribute);
  if (slot == nullptr) {
    PyErr_Clear();
  } else if (Py_TYPE(slot)->tp_descr_get != nullptr) {
    Py_XSETREF(as_method(self)->slot, slot);
  } else {
    Py_DECREF(slot);
  }
  Py_RETURN_NONE;
}

// Pickled as the function is: by its name.
PyObject* reduce_method(PyObject* self, PyObject*) { return PyObject_GetAttrString(as_method(self)->function, "__qualname__"); }

PyMethodDef methods[] = {
    {"__set_name__", set_name, METH_VARARGS, nullptr},
    {"__reduce__", reduce_method, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(new_method)},
    {Py_tp_dealloc, reinterpret_cast<void*>(free_method)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse_method)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_descr_get, reinterpret_cast<void*>(bind_method)},
    {Py_tp_repr, reinterpret_cast<void*>(wrapper_repr)},
    {Py_tp_getattro, reinterpret_cast<void*>(wrapper_attribute)},
    {Py_tp_getset, wrapper_getters},
    {Py_tp_methods, methods},
    {Py_tp_members, wrapper_members},
    {0, nullptr},
};

PyType_Spec spec = {
    "sklort._native._core._Method",
    sizeof(Method),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR |
        Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

}  // namespace

void add_method(nb::module_& module) {
  entrance_type = reinterpret_cast<PyTypeObject*>(nb::type<Entrance>().ptr());
  nb::object type = nb::steal(PyType_FromSpec(&spec));
  if (!type.is_valid()) throw nb::python_error();
  module.attr("_Method") = type;
  module.def(
      "method", [type](nb::handle function, nb::str attribute) { return type(function, attribute); }, "function"_a, "attribute"_a,
      "`function`, for a class body: calls go through the Entrance in the slot `attribute` of the instance where they can.");
}

}  // namespace sklort
