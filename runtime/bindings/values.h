// Python objects as values of a program, and back. Converts, never computes.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <string>
#include <vector>

#include "numpy_api.h"
#include "op.h"
#include "value.h"

namespace sklort {

DType dtype_from_numpy(PyArray_Descr* descr) noexcept;  // undefined when a program has no such type
int numpy_type(DType dtype);                            // throws nanobind::type_error

// Holds what a converted value points into. Needs the GIL to go.
class Keep {
 public:
  void object(nanobind::object held) {
    if (first_.is_valid()) {
      objects_.push_back(std::move(held));
    } else {
      first_ = std::move(held);
    }
  }
  template <class T>
  T* hold(std::shared_ptr<T> memory) {
    memory_.push_back(memory);
    return memory.get();
  }

 private:
  nanobind::object first_;  // often the only one: no memory for it
  std::vector<nanobind::object> objects_;
  std::vector<std::shared_ptr<void>> memory_;
};

// An array, a list of strings, a dict (map), a list of dicts or arrays (sequence). Throws Python's own exceptions.
Value value_from_python(nanobind::handle object, Keep& keep);
// The same array as a view where it is C-contiguous, aligned and of native byte order; otherwise of a copy that `keep` holds.
Tensor tensor_from_array(PyArrayObject* array, Keep& keep);

// `owned`: memory for free() to take over, or nullptr to copy.
nanobind::object value_to_python(const Value& value, void* owned);

Attribute attribute_from_python(const std::string& name, nanobind::handle object, Keep& keep);

}  // namespace sklort
