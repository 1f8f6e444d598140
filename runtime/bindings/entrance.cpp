#include "entrance.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace nb = nanobind;

namespace sklort {

namespace {

// A session of many outputs could be asked for any subset of them: the first ones stay.
constexpr std::size_t most_selections = 16;

bool same_text(PyObject* one, PyObject* other) noexcept {
  if (one == other) return true;
  return PyUnicode_CheckExact(one) && PyUnicode_CheckExact(other) && PyUnicode_Compare(one, other) == 0;
}

nb::object interned(const char* text) {
  PyObject* object = PyUnicode_InternFromString(text);
  if (object == nullptr) throw nb::python_error();
  return nb::steal(object);
}

struct Arguments {
  PyObject* outputs = nullptr;
  PyObject* feed = nullptr;
  PyObject* options = nullptr;

  // False when the arguments are not those of `run`; the Python method then says what is wrong.
  bool parse(PyObject* const* arguments, std::size_t count, PyObject* keywords) noexcept {
    PyObject** const places[] = {&outputs, &feed, &options};
    if (count > std::size(places)) return false;
    for (std::size_t i = 0; i < count; ++i) *places[i] = arguments[i];
    const std::size_t named = keywords == nullptr ? 0 : static_cast<std::size_t>(PyTuple_GET_SIZE(keywords));
    constexpr const char* names[] = {"output_names", "input_feed", "run_options"};
    for (std::size_t i = 0; i < named; ++i) {
      PyObject* name = PyTuple_GET_ITEM(keywords, static_cast<Py_ssize_t>(i));
      const auto* found =
          std::ranges::find_if(names, [&](const char* one) { return PyUnicode_CompareWithASCIIString(name, one) == 0; });
      if (found == std::end(names) || *places[found - names] != nullptr) return false;
      *places[found - names] = arguments[count + i];
    }
    return outputs != nullptr && feed != nullptr && (options == nullptr || options == Py_None);
  }
};

}  // namespace

Entrance::Entrance(const std::vector<std::string>& inputs, std::vector<Places> equal) : equal_(std::move(equal)) {
  for (const std::string& name : inputs) inputs_.push_back(interned(name.c_str()));
  for (const Places& places : equal_) {
    for (const auto& [input, axis] : places) {
      if (input < 0 || static_cast<std::size_t>(input) >= inputs.size() || axis < 0) throw nb::value_error("no such input");
    }
  }
}

void Entrance::add(nb::tuple outputs, nb::object program) {
  if (selections_.size() == most_selections) return;
  const Runner& runner = nb::cast<const Runner&>(program);
  if (runner.program()->inputs().size() != inputs_.size()) throw nb::value_error("the program has other inputs");
  selections_.push_back({std::move(outputs), std::move(program), &runner});
}

const Entrance::Selection* Entrance::select(PyObject* outputs) const noexcept {
  if (selections_.empty()) return nullptr;
  if (outputs == Py_None) return &selections_.front();
  if (!PyList_CheckExact(outputs) && !PyTuple_CheckExact(outputs)) return nullptr;
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(outputs);
  if (count == 0) return &selections_.front();
  for (const Selection& selection : selections_) {
    PyObject* known = selection.outputs.ptr();
    if (PyTuple_GET_SIZE(known) != count) continue;
    Py_ssize_t i = 0;
    while (i < count && same_text(PySequence_Fast_GET_ITEM(outputs, i), PyTuple_GET_ITEM(known, i))) ++i;
    if (i == count) return &selection;
  }
  return nullptr;
}

bool Entrance::read(PyObject* feed, const Runner& runner, std::span<Value> values, Keep& keep) const {
  for (std::size_t i = 0; i < values.size(); ++i) {
    PyObject* value = PyDict_GetItemWithError(feed, inputs_[i].ptr());
    if (value == nullptr) {
      PyErr_Clear();
      return false;
    }
    // While the program runs without the GIL another thread may take the array out of the dict.
    keep.object(nb::borrow(value));
    if (!runner.read(i, value, values[i], keep)) return false;
  }
  return std::ranges::all_of(equal_, [&](const Places& places) {
    const auto size = [&](const auto& place) {
      const Shape& shape = values[static_cast<std::size_t>(place.first)].tensor.shape;
      return place.second < shape.rank() ? shape[place.second] : -1;
    };
    return std::ranges::all_of(places, [&](const auto& place) { return size(place) == size(places.front()); });
  });
}

PyObject* Entrance::attempt(PyObject* const* arguments, std::size_t count, PyObject* keywords) const {
  Arguments given;
  if (!given.parse(arguments, count, keywords)) return nullptr;
  const Selection* selection = select(given.outputs);
  if (selection == nullptr || !PyDict_CheckExact(given.feed)) return nullptr;
  if (static_cast<std::size_t>(PyDict_GET_SIZE(given.feed)) != inputs_.size()) return nullptr;
  const nb::object program = selection->program;  // `add` may move the selections while this program runs
  const Runner& runner = *selection->runner;
  Keep keep;
  Value only;
  std::vector<Value> several;
  std::span<Value> values(&only, 1);
  if (inputs_.size() != 1) {
    several.resize(inputs_.size());
    values = several;
  }
  if (!read(given.feed, runner, values, keep)) return nullptr;
  std::optional<Program::Result> result = runner.execute(values, false);
  const auto outputs = static_cast<Py_ssize_t>(runner.program()->outputs().size());
  nb::object list = nb::steal(PyList_New(outputs));
  if (!list.is_valid()) throw nb::python_error();
  for (Py_ssize_t i = 0; i < outputs; ++i) PyList_SET_ITEM(list.ptr(), i, runner.output(*result, static_cast<std::size_t>(i)));
  return list.release().ptr();
}

}  // namespace sklort
