// The Python module sklort._native._core: converts, never computes.
#define SKLORT_IMPORTS_NUMPY
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <cstdlib>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "entrance.h"
#include "forest/engine.h"
#include "forest_arrays.h"
#include "isa.h"
#include "lane.h"
#include "method.h"
#include "numpy_api.h"
#include "program.h"
#include "python_error.h"
#include "runner.h"
#include "signals.h"
#include "table.h"
#include "threads.h"
#include "values.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace sklort {
namespace {

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
            std::vector<std::tuple<std::string, Runner, std::vector<int>>> subgraphs, std::vector<std::string> names) {
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

  Runner build(int threads) { return {builder_.build(), threads, Range{}}; }

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

void give_memory_back() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
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
      set_python_error(error);
    }
  });
  choose_isa(isa == nullptr ? "" : isa);
  find_main_thread();

  nb::class_<StopFlag>(module, "StopFlag", "Ends the runs that were given it, when it is set; as a threading.Event.")
      .def(nb::init<>())
      .def("set", [](StopFlag& flag) { flag.set(true); })
      .def("clear", [](StopFlag& flag) { flag.set(false); })
      .def("is_set", &StopFlag::is_set);

  nb::class_<Runner>(module, "Program", "A compiled plan.")
      .def("fast", &Runner::fast, "x"_a.none(),
           "Run on one C-contiguous ndarray of the declared dtype and shape; None when `x` is anything else.")
      .def("run", &Runner::run, "values"_a, "stop"_a.none() = nb::none(), "times"_a.none() = nb::none(),
           "into"_a.none() = nb::none(),
           "Run on one value for each input, in order; returns one for each output.\n\n"
           "`stop`: ends the run when it is set. `times`: a list, which is given a tuple for each execution of a step: its "
           "number, "
           "thread, begin and end in nanoseconds, (element type, shape) of the tensors read and made, and the bytes that were "
           "fed, "
           "constant and made. `into`: a list of an array or None for each output; an output that comes out with the type and "
           "shape of "
           "its array is written there, and the array is returned.")
      .def("guarded", &Runner::guarded, "nan"_a, "limit"_a,
           "The same program, whose `fast` returns None for arrays that hold a magnitude above `limit`, or NaN unless `nan`.")
      .def_prop_ro("block_rows", &Runner::block_rows, "The rows that run at once; 0 when a batch cannot be cut.")
      .def("explain", &Runner::explain, "One line for each step.");

  nb::class_<Entrance>(module, "Entrance", "The short way into a session, for calls of `run` with plain arrays.")
      .def(nb::init<const std::vector<std::string>&, std::vector<Entrance::Places>>(), "inputs"_a, "equal"_a,
           "Names of the inputs; and groups of (input, axis) whose sizes must be equal.")
      .def("add", &Entrance::add, "outputs"_a, "program"_a, "Remember the program of some outputs; the first one is of all.");
  add_method(module);

  using Targets = std::vector<TableReader::Target>;
  using Columns = std::vector<TableReader::Column>;
  nb::class_<TableReader>(module, "TableReader", "Reads data frames of one layout into the inputs of a program.")
      .def_static(
          "of_pandas",
          [](nb::type_object type, nb::object columns, const Columns& read, const Targets& targets, double limit) {
            return std::make_unique<TableReader>(type, pandas_source(std::move(columns)), read, targets, limit);
          },
          "type"_a, "columns"_a, "read"_a, "targets"_a, "limit"_a,
          "Of pandas: frames with these columns, an Index. `read`: of each column its element type, 0 where it is not "
          "read, and what stands for NaN and for None among strings, empty where nothing does. `targets`: for each "
          "input its element type, its columns, and which of them must not hold NaN.")
      .def_static(
          "of_arrow",
          [](nb::type_object type, std::vector<std::string> columns, const Columns& read, const Targets& targets, double limit) {
            return std::make_unique<TableReader>(type, arrow_source(std::move(columns)), read, targets, limit);
          },
          "type"_a, "columns"_a, "read"_a, "targets"_a, "limit"_a, "The same of frames with an `__arrow_c_stream__`.")
      .def("arrays", &TableReader::arrays, "frame"_a, "What the inputs would be given; None when the frame is declined.");
  add_lane(module);

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
  add_forest_arrays(module);
  module.def(
      "check_forest_engine", [](const std::string& name) { (void)forest::engine_of(name); }, "name"_a,
      "Raise InvalidArgument unless a forest engine has this name.");
  module.def("begin_tuning", &forest::begin_tuning, "From now on forests that are run measure their engines on their rows.");
  module.def("end_tuning", &forest::end_tuning, "Ends what begin_tuning began.");
  module.def("give_memory_back", &give_memory_back, "Return freed memory to the system, where the C library has a way.");
  module.def("thread_limit", &thread_limit, "How many threads a program may use.");
  module.def("set_thread_limit", &set_thread_limit, "threads"_a, "Change that for the process; 0 restores the default.");
}
