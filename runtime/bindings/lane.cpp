#include "lane.h"

#include <optional>
#include <vector>

#include "python_error.h"
#include "runner.h"
#include "table.h"
#include "wrapper.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace sklort {

namespace {

// Held by value while it is used: another thread may add a way meanwhile.
struct Way {
  nb::object program;  // keeps `runner` alive
  nb::object reader;   // keeps `table` alive
  nb::object finish;   // called with the output; empty for nothing to do
  nb::object category;
  nb::object warning;  // said before each answer; empty for nothing to say
  const Runner* runner = nullptr;
  const TableReader* table = nullptr;  // nullptr: an array
  bool flat = false;

  std::optional<Program::Result> execute(std::span<const Value> values) const {
    try {
      return runner->execute(values, table == nullptr);
    } catch (const Error&) {  // the slow way meets it too, and knows who can say what is wrong
      return std::nullopt;
    }
  }

  // The answer; nullptr without an exception when X is not for this way.
  PyObject* take(PyObject* x) const {
    Keep keep;
    Value only;
    std::vector<Value> several;
    std::span<const Value> values(&only, 1);
    if (table == nullptr) {
      if (!runner->read(0, x, only, keep)) return nullptr;
    } else {
      if (!table->read(x, several, keep)) return nullptr;
      values = several;
    }
    std::optional<Program::Result> result = execute(values);
    if (!result) return nullptr;
    if (warning.is_valid() && PyErr_WarnEx(category.ptr(), PyUnicode_AsUTF8(warning.ptr()), 1) != 0) return nullptr;
    PyObject* output = runner->output(*result, 0, flat);
    if (!finish.is_valid()) return output;
    const nb::object raw = nb::steal(output);
    return PyObject_CallOneArg(finish.ptr(), raw.ptr());
  }
};

struct Lane : Wrapper {
  std::vector<Way>* ways;
};

Lane* as_lane(PyObject* object) noexcept { return reinterpret_cast<Lane*>(object); }

PyObject* call_lane(PyObject* self, PyObject* const* arguments, std::size_t flagged, PyObject* keywords) noexcept {
  const Lane* lane = as_lane(self);
  if (PyVectorcall_NARGS(flagged) == 1 && keywords == nullptr) {
    PyObject* x = arguments[0];
    const bool array = PyArray_CheckExact(x) != 0;
    for (std::size_t i = 0; i < lane->ways->size(); ++i) {
      const Way& listed = (*lane->ways)[i];
      if (array ? listed.table != nullptr : listed.table == nullptr || !listed.table->takes(x)) continue;
      const Way way = listed;
      PyObject* answer = translated([&] { return way.take(x); });
      if (answer != nullptr || PyErr_Occurred() != nullptr) return answer;
    }
  }
  return PyObject_Vectorcall(lane->function, arguments, flagged, keywords);
}

PyObject* new_lane(PyTypeObject* type, PyObject* arguments, PyObject* keywords) {
  PyObject* slow = nullptr;
  const char* names[] = {"slow", nullptr};
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O", const_cast<char**>(names), &slow)) return nullptr;
  return translated([&] {
    auto ways = std::make_unique<std::vector<Way>>();
    PyObject* self = type->tp_alloc(type, 0);
    if (self == nullptr) return self;
    as_lane(self)->call = call_lane;
    as_lane(self)->function = Py_NewRef(slow);
    as_lane(self)->ways = ways.release();
    return self;
  });
}

nb::object given(PyObject* object) { return object == Py_None ? nb::object() : nb::borrow(object); }

PyObject* add_way(PyObject* self, PyObject* arguments, PyObject* keywords) {
  PyObject* program = nullptr;
  PyObject* finish = Py_None;
  int flat = 0;
  PyObject* warning = Py_None;
  PyObject* table = Py_None;
  const char* names[] = {"program", "finish", "flat", "warning", "table", nullptr};
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|OpOO", const_cast<char**>(names), &program, &finish, &flat, &warning,
                                   &table)) {
    return nullptr;
  }
  return translated([&] {
    Way way;
    way.program = nb::borrow(program);
    way.runner = &nb::cast<const Runner&>(nb::handle(program));
    way.reader = given(table);
    if (way.reader.is_valid()) way.table = &nb::cast<const TableReader&>(way.reader);
    way.finish = given(finish);
    way.flat = flat != 0;
    if (warning != Py_None) {
      if (!PyTuple_CheckExact(warning) || PyTuple_GET_SIZE(warning) != 2 || !PyUnicode_Check(PyTuple_GET_ITEM(warning, 1))) {
        throw nb::type_error("a warning is a category and a text");
      }
      way.category = nb::borrow(PyTuple_GET_ITEM(warning, 0));
      way.warning = nb::borrow(PyTuple_GET_ITEM(warning, 1));
      if (PyUnicode_AsUTF8(way.warning.ptr()) == nullptr) throw nb::python_error();  // kept by the text: it cannot fail later
    }
    const auto& program_of = *way.runner->program();
    const std::size_t inputs = way.table == nullptr ? 1 : way.table->inputs();
    if (program_of.inputs().size() != inputs) throw nb::value_error("the program has other inputs");
    if (program_of.outputs().size() != 1) throw nb::value_error("the program has several outputs");
    as_lane(self)->ways->push_back(std::move(way));
    return Py_NewRef(Py_None);
  });
}

int traverse_lane(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_lane(self)->function);
  for (const Way& way : *as_lane(self)->ways) Py_VISIT(way.finish.ptr());
  return 0;
}

// There is no tp_clear: a cycle through a lane leads through its slow way, a function, or through the object that holds both.
void free_lane(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_CLEAR(as_lane(self)->function);
  delete as_lane(self)->ways;
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"add", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(add_way)), METH_VARARGS | METH_KEYWORDS,
     "add($self, program, finish=None, flat=False, warning=None, table=None)\n--\n\n"
     "A way for X that `program` takes as it is, or for frames that `table` reads.\n\n"
     "`finish` is called with the output; `flat`: an output of one column becomes one-dimensional; `warning`: a category and\n"
     "a text, said before each answer."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(new_lane)},
    {Py_tp_dealloc, reinterpret_cast<void*>(free_lane)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse_lane)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_repr, reinterpret_cast<void*>(wrapper_repr)},
    {Py_tp_getattro, reinterpret_cast<void*>(wrapper_attribute)},
    {Py_tp_getset, wrapper_getters},
    {Py_tp_methods, methods},
    {Py_tp_members, wrapper_members},
    {0, nullptr},
};

PyType_Spec spec = {
    "sklort._native._core._Lane",
    sizeof(Lane),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

}  // namespace

void add_lane(nb::module_& module) {
  nb::object type = nb::steal(PyType_FromSpec(&spec));
  if (!type.is_valid()) throw nb::python_error();
  module.attr("_Lane") = type;
  module.def(
      "lane", [type](nb::handle slow) { return type(slow); }, "slow"_a,
      "`slow` behind a callable that can be given fast ways for some X: add(program, finish, flat, warning, table).");
}

}  // namespace sklort
