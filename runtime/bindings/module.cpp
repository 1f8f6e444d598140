// The Python module sklort._native._core: converts, never computes.
#define SKLORT_IMPORTS_NUMPY
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "finite.h"
#include "forest/engine.h"
#include "isa.h"
#include "numpy_api.h"
#include "program.h"
#include "threads.h"
#include "values.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace sklort {
namespace {

// Releasing the GIL costs some tenths of a microsecond: below about so many input elements it is kept.
constexpr std::int64_t worth_releasing = 2048;

class PyProgram {
 public:
  PyProgram(std::shared_ptr<const Program> program, int threads, Range range)
      : program_(std::move(program)), threads_(threads), range_(range) {}

  nb::object fast(nb::handle object) const {
    const auto inputs = program_->inputs();
    if (inputs.size() != 1 || !PyArray_CheckExact(object.ptr())) return nb::none();
    auto* array = reinterpret_cast<PyArrayObject*>(object.ptr());
    const ProgramInput& input = inputs[0];
    if (!fits(array, input)) return nb::none();
    Tensor tensor{input.dtype, {}, PyArray_DATA(array), {}};
    for (int axis = 0; axis < PyArray_NDIM(array); ++axis) tensor.shape.push(PyArray_DIM(array, axis));
    const Value value = Value::of(std::move(tensor));
    std::optional<Program::Result> result;
    {
      std::optional<nb::gil_scoped_release> released;
      if (value.tensor.count() >= worth_releasing || program_->has_subgraphs()) released.emplace();
      if (!is_within(value.tensor, range_, threads())) return reacquire_none(released);
      result.emplace(program_->run({&value, 1}, threads()));
    }
    const auto outputs = program_->outputs();
    if (outputs.size() == 1) return take(*result, 0);
    nb::object tuple = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(outputs.size())));
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      PyTuple_SET_ITEM(tuple.ptr(), static_cast<Py_ssize_t>(i), take(*result, i).release().ptr());
    }
    return tuple;
  }

  nb::list run(const nb::list& objects) const {
    const auto inputs = program_->inputs();
    if (objects.size() != inputs.size()) {
      throw Error(Status::invalid_argument, sentence("expected ", inputs.size(), " inputs, got ", objects.size()));
    }
    Keep keep;
    std::vector<Value> values;
    std::int64_t elements = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      values.push_back(value_from_python(objects[i], keep));
      check(values.back(), inputs[i]);
      elements += values.back().tensor.count();
    }
    std::optional<Program::Result> result;
    {
      std::optional<nb::gil_scoped_release> released;
      if (elements >= worth_releasing || program_->has_subgraphs()) released.emplace();
      result.emplace(program_->run(values, threads()));
    }
    nb::list list;
    for (std::size_t i = 0; i < program_->outputs().size(); ++i) list.append(take(*result, i));
    return list;
  }

  const std::shared_ptr<const Program>& program() const noexcept { return program_; }

  PyProgram guarded(bool nan, double limit) const { return {program_, threads_, Range{nan, limit}}; }

  std::int64_t block_rows() const noexcept { return program_->block_rows(); }

  std::vector<std::string> explain() const {
    std::vector<std::string> lines;
    for (const Step& step : program_->steps()) {
      const std::string detail = step.op->explain();
      lines.push_back(detail.empty() ? step.label : sentence(step.label, ": ", detail));
    }
    return lines;
  }

 private:
  int threads() const noexcept { return threads_ > 0 ? threads_ : thread_limit(); }

  static nb::object reacquire_none(std::optional<nb::gil_scoped_release>& released) {
    released.reset();
    return nb::none();
  }

  static nb::object take(Program::Result& result, std::size_t output) {
    const Value& value = result[output];
    void* owned = value.kind == Value::Kind::tensor && value.tensor.dtype != DType::string ? result.detach(output) : nullptr;
    return value_to_python(value, owned);
  }

  static bool fits(PyArrayObject* array, const ProgramInput& input) noexcept {
    if (!PyArray_ISCARRAY_RO(array) || PyArray_SIZE(array) == 0) return false;
    if (input.dtype == DType::string || dtype_from_numpy(PyArray_DESCR(array)) != input.dtype) return false;
    if (!input.shape.has_value() || PyArray_NDIM(array) != static_cast<int>(input.shape->size())) return false;
    for (int axis = 0; axis < PyArray_NDIM(array); ++axis) {
      const std::int64_t dim = (*input.shape)[static_cast<std::size_t>(axis)];
      if (dim >= 0 && dim != PyArray_DIM(array, axis)) return false;
    }
    return true;
  }

  static void check(const Value& value, const ProgramInput& input) {
    if (input.dtype == DType::undefined) return;
    if (value.kind != Value::Kind::tensor) {
      throw Error(Status::invalid_argument, sentence("input '", input.name, "' must be a tensor, got ", kind_name(value.kind)));
    }
    if (value.tensor.dtype != input.dtype) {
      throw Error(Status::invalid_argument, sentence("input '", input.name, "' must be tensor(", dtype_name(input.dtype),
                                                     "), got tensor(", dtype_name(value.tensor.dtype), ")"));
    }
    if (!input.shape.has_value()) return;
    const auto dims = value.tensor.shape.dims();
    bool same = dims.size() == input.shape->size();
    for (std::size_t axis = 0; same && axis < dims.size(); ++axis) {
      same = (*input.shape)[axis] < 0 || (*input.shape)[axis] == dims[axis];
    }
    if (same) return;
    const auto print = [](auto sizes) {
      std::string text;
      for (const std::int64_t size : sizes)
        text += (text.empty() ? "" : ", ") + (size < 0 ? std::string("any") : std::to_string(size));
      return "(" + text + ")";
    };
    throw Error(Status::invalid_argument,
                sentence("input '", input.name, "' must have shape ", print(std::span(*input.shape)), ", got ", print(dims)));
  }

  std::shared_ptr<const Program> program_;
  int threads_;
  Range range_;
};

class PyBuilder {
 public:
  PyBuilder(int slots, std::shared_ptr<Prepared> prepared) : builder_(slots, std::move(prepared)) {}

  void input(int slot, std::string name, int dtype, std::optional<std::vector<std::int64_t>> shape) {
    builder_.input({slot, std::move(name), static_cast<DType>(dtype), std::move(shape)});
  }

  void constant(int slot, nb::handle array) {
    // Copied: the caller may change the array, and the program outlives it.
    auto keep = std::make_shared<Keep>();
    const Value seen = value_from_python(array, *keep);
    if (seen.kind != Value::Kind::tensor) throw nb::type_error("a constant must be an array");
    Tensor copy{seen.tensor.dtype, seen.tensor.shape, nullptr, {}};
    if (seen.tensor.dtype == DType::string) {
      auto memory = std::make_shared<std::pair<std::vector<std::string>, std::vector<std::string_view>>>();
      for (const std::string_view text : seen.tensor.span<std::string_view>()) memory->first.emplace_back(text);
      memory->second.assign(memory->first.begin(), memory->first.end());
      copy.data = memory->second.data();
      builder_.constant(slot, Value::of(copy), memory);
    } else {
      const std::size_t bytes = std::max<std::size_t>(seen.tensor.bytes(), 1);
      const std::shared_ptr<void> memory(std::aligned_alloc(64, (bytes + 63) / 64 * 64), std::free);
      if (!memory) throw std::bad_alloc();
      std::memcpy(memory.get(), seen.tensor.data, seen.tensor.bytes());
      copy.data = memory.get();
      builder_.constant(slot, Value::of(copy), memory);
    }
  }

  void step(std::string label, std::string domain, std::string op_type, int version, const nb::dict& attributes,
            std::vector<int> inputs, std::vector<int> outputs, std::vector<int> release, std::uint64_t key,
            std::vector<std::tuple<std::string, PyProgram, std::vector<int>>> subgraphs, std::vector<std::string> names) {
    Keep keep;
    Node node = make_node(std::move(domain), std::move(op_type), version, attributes, keep);
    node.label = std::move(label);
    for (auto& [name, program, captured] : subgraphs) {
      node.subgraphs.push_back({std::move(name), program.program(), std::move(captured)});
    }
    builder_.step(std::move(node), key, std::move(inputs), std::move(outputs), std::move(release), std::move(names));
  }

  void output(int slot, std::string name, int dtype, std::optional<std::vector<std::int64_t>> shape) {
    builder_.output({slot, std::move(name), static_cast<DType>(dtype), std::move(shape)});
  }

  PyProgram build(int threads) { return {builder_.build(), threads, Range{}}; }

  static Node make_node(std::string domain, std::string op_type, int version, const nb::dict& attributes, Keep& keep) {
    Node node;
    node.domain = std::move(domain);
    node.op_type = std::move(op_type);
    node.version = version;
    for (const auto& [key, value] : attributes) {
      const std::string name = nb::cast<std::string>(key);
      node.attributes.emplace(name, attribute_from_python(name, value, keep));
    }
    return node;
  }

 private:
  ProgramBuilder builder_;
};

std::optional<std::string> refuses(std::string domain, std::string op_type, int version, const nb::dict& attributes) {
  const Registration* found = find_registration(domain, op_type, version);
  if (found == nullptr) {
    std::string others;
    for (const Registration* one : registrations()) {
      if (domain != one->domain || op_type != one->op_type) continue;
      others += sentence(others.empty() ? "" : ", ", one->first, "-", one->last == any_version ? "" : std::to_string(one->last));
    }
    if (others.empty()) return "no native kernel for this operator";
    return sentence("no native kernel for version ", version, " of this operator (there is one for ", others, ")");
  }
  if (found->refuse == nullptr) return std::nullopt;
  Keep keep;
  const std::string reason =
      found->refuse(PyBuilder::make_node(std::move(domain), std::move(op_type), version, attributes, keep));
  return reason.empty() ? std::nullopt : std::optional(reason);
}

void raise(const Error& error) noexcept {
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

}  // namespace
}  // namespace sklort

NB_MODULE(_core, module) {
  using namespace sklort;
  if (PyArray_ImportNumPyAPI() < 0) throw nb::python_error();
  const char* isa = std::getenv("SKLORT_ISA");
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const Error& error) {
      raise(error);
    }
  });
  choose_isa(isa == nullptr ? "" : isa);

  nb::class_<PyProgram>(module, "Program", "A compiled plan.")
      .def("fast", &PyProgram::fast, "x"_a.none(),
           "Run on one C-contiguous ndarray of the declared dtype and shape; None when `x` is anything else.")
      .def("run", &PyProgram::run, "values"_a, "Run on one value for each input, in order; returns one for each output.")
      .def("guarded", &PyProgram::guarded, "nan"_a, "limit"_a,
           "The same program, whose `fast` returns None for arrays that hold a magnitude above `limit`, or NaN unless `nan`.")
      .def_prop_ro("block_rows", &PyProgram::block_rows, "The rows that run at once; 0 when a batch cannot be cut.")
      .def("explain", &PyProgram::explain, "One line for each step.");

  nb::class_<Prepared>(module, "Prepared", "Operators that several programs of one model share.").def(nb::init<>());

  nb::class_<PyBuilder>(module, "ProgramBuilder", "Takes a plan, step by step.")
      .def(nb::init<int, std::shared_ptr<Prepared>>(), "slots"_a, "prepared"_a = nb::none())
      .def("input", &PyBuilder::input, "slot"_a, "name"_a, "dtype"_a, "shape"_a.none())
      .def("constant", &PyBuilder::constant, "slot"_a, "array"_a)
      .def("step", &PyBuilder::step, "label"_a, "domain"_a, "op_type"_a, "version"_a, "attributes"_a, "inputs"_a, "outputs"_a,
           "release"_a, "key"_a = 0, "subgraphs"_a = nb::list(), "names"_a = std::vector<std::string>(),
           "`subgraphs`: for each the attribute, its program, and the slots of this one for what it captures. `names` of the "
           "inputs, for messages.")
      .def("output", &PyBuilder::output, "slot"_a, "name"_a, "dtype"_a, "shape"_a.none() = nb::none())
      .def("build", &PyBuilder::build, "threads"_a = 0);

  module.def(
      "operators",
      [] {
        nb::list list;
        for (const Registration* one : registrations())
          list.append(nb::make_tuple(one->domain, one->op_type, one->first, one->last));
        return list;
      },
      "Domain, operator, first and last opset version of each native kernel.");
  module.def("refuses", &refuses, "domain"_a, "op_type"_a, "version"_a, "attributes"_a,
             "Why there is no native kernel for such a node; None when there is one.");
  module.def("isa", [] { return std::string(isa_name(current_isa())); }, "The instruction set the hot loops use.");
  module.def(
      "isas",
      [] {
        std::vector<std::string> names;
        for (const Isa one : available_isas()) names.emplace_back(isa_name(one));
        return names;
      },
      "The instruction sets this machine has, best first.");
  module.def("choose_isa", &choose_isa, "name"_a, "Use another instruction set; '' chooses the best.");
  module.def(
      "check_forest_engine", [](const std::string& name) { (void)forest::engine_of(name); }, "name"_a,
      "Raise InvalidArgument unless a forest engine has this name.");
  module.def("thread_limit", &thread_limit, "How many threads a program may use.");
  module.def("set_thread_limit", &set_thread_limit, "threads"_a, "Change that for the process; 0 restores the default.");
}
