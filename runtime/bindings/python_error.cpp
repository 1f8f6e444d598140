#include "python_error.h"

namespace nb = nanobind;

namespace sklort {

void set_python_error(const Error& error) noexcept {
  const char* name = "Fail";
  switch (error.status()) {
    case Status::fail:
      break;
    case Status::invalid_argument:
      name = "InvalidArgument";
      break;
    case Status::runtime_exception:
      name = "RuntimeException";
      break;
    case Status::not_implemented:
      name = "NotImplemented";
      break;
    case Status::invalid_graph:
      name = "InvalidGraph";
      break;
  }
  try {
    const nb::object type = nb::module_::import_("sklort.exceptions").attr(name);
    PyErr_SetString(type.ptr(), error.message().c_str());
  } catch (nb::python_error& python) {
    python.restore();
  }
}

}  // namespace sklort
