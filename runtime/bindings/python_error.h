// C++ exceptions as Python's.
#pragma once

#include <nanobind/nanobind.h>

#include <new>

#include "error.h"

namespace sklort {

// Sets the exception of sklort.exceptions that has the error's status.
void set_python_error(const Error& error) noexcept;

// Calls `function`, which returns a new reference or nullptr, from code that Python calls directly: what it throws becomes a
// Python exception and nullptr.
template <class Function>
PyObject* translated(Function&& function) noexcept {
  try {
    return function();
  } catch (const Error& error) {
    set_python_error(error);
  } catch (nanobind::python_error& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const nanobind::builtin_exception& error) {
    PyErr_SetString(error.type() == nanobind::exception_type::type_error ? PyExc_TypeError : PyExc_ValueError, error.what());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

}  // namespace sklort
