#include "runner.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>

#include "signals.h"

namespace nb = nanobind;

namespace sklort {

namespace {

// Work shorter than this keeps the GIL: to release it and take it again costs some tenths of a microsecond, and more where
// others wait for it.
constexpr float worth_releasing = 20'000;  // nanoseconds
// Work shorter than this stays on one thread: to wake another one costs up to 50 microseconds where processors are virtual, and
// the other one begins later still.
constexpr float worth_sharing = 200'000;
// What stands for the first while the pace is not known, in elements of the inputs.
constexpr std::int64_t many_elements = 2048;

bool has_shape(PyArrayObject* array, const std::vector<std::int64_t>& shape) noexcept {
  if (PyArray_NDIM(array) != static_cast<int>(shape.size())) return false;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] >= 0 && shape[axis] != PyArray_DIM(array, static_cast<int>(axis))) return false;
  }
  return true;
}

void check(const Value& value, const ProgramInput& input) {
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

}  // namespace

bool Runner::read(std::size_t input, PyObject* object, Value& value, Keep& keep) const {
  if (!PyArray_CheckExact(object)) return false;
  auto* array = reinterpret_cast<PyArrayObject*>(object);
  const ProgramInput& declared = program_->inputs()[input];
  if (!declared.shape.has_value() || !has_shape(array, *declared.shape)) return false;
  if (dtype_from_numpy(PyArray_DESCR(array)) != declared.dtype || declared.dtype == DType::undefined) return false;
  if (!PyArray_ISNOTSWAPPED(array) || PyArray_TYPE(array) == NPY_STRING) return false;
  value.kind = Value::Kind::tensor;
  if (PyArray_ISCARRAY_RO(array) && declared.dtype != DType::string) {
    value.tensor.dtype = declared.dtype;
    value.tensor.data = PyArray_DATA(array);
    for (int axis = 0; axis < PyArray_NDIM(array); ++axis) value.tensor.shape.push(PyArray_DIM(array, axis));
    return value.tensor.count() != 0;
  }
  if (PyArray_SIZE(array) == 0) return false;
  value.tensor = tensor_from_array(array, keep);
  return true;
}

bool Runner::keeps_gil(std::span<const Value> inputs, std::int64_t rows) const noexcept {
  if (program_->has_subgraphs()) return false;
  const float predicted = pace_.predict(rows);
  if (predicted >= 0) return predicted < worth_releasing;
  std::int64_t elements = 0;
  for (const Value& input : inputs) elements += input.tensor.count();
  return elements < many_elements;
}

std::optional<Program::Result> Runner::execute(std::span<const Value> inputs, bool guarded, const StopFlag* stop, Trace* trace,
                                               std::span<const Tensor> targets) const {
  const bool has_rows = !inputs.empty() && inputs[0].kind == Value::Kind::tensor && inputs[0].tensor.shape.rank() > 0;
  const std::int64_t rows = has_rows ? std::max<std::int64_t>(inputs[0].tensor.shape[0], 1) : 1;
  if (stop == nullptr && trace == nullptr && keeps_gil(inputs, rows)) return timed(inputs, rows, guarded, nullptr, targets);
  Signals signals;
  try {
    const nb::gil_scoped_release released;
    Watch watch(stop == nullptr ? nullptr : stop->flag(), signals.asker(), &signals, trace);
    const Watching watching(&watch);
    return timed(inputs, rows, guarded, &watch, targets);
  } catch (const Stopped&) {
    signals.rethrow();
    fail_as_stopped();
  }
}

std::optional<Program::Result> Runner::timed(std::span<const Value> inputs, std::int64_t rows, bool guarded, Watch* watch,
                                             std::span<const Tensor> targets) const {
  using Clock = std::chrono::steady_clock;
  const float predicted = pace_.predict(rows);
  const int threads = predicted >= 0 && predicted < worth_sharing ? 1 : this->threads();
  if (guarded && range_.is_bounded() && !is_within(inputs[0].tensor, range_, threads)) return std::nullopt;
  if (!pace_.is_due()) return program_->run(inputs, threads, watch, targets);
  const auto start = Clock::now();
  auto result = program_->run(inputs, threads, watch, targets);
  pace_.note(rows, std::chrono::duration<float, std::nano>(Clock::now() - start).count());
  return result;
}

PyObject* Runner::output(Program::Result& result, std::size_t output, bool flat) const {
  const Value& value = result[output];
  if (value.kind != Value::Kind::tensor) return value_to_python(value, nullptr).release().ptr();
  const Tensor& tensor = value.tensor;
  void* owned = tensor.dtype == DType::string ? nullptr : result.detach(output);
  flat = flat && tensor.shape.rank() == 2 && tensor.shape[1] == 1;
  if (owned == nullptr && tensor.dtype != DType::string && tensor.dtype != DType::bfloat16) {
    npy_intp dims[Shape::max_rank];
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) dims[axis] = static_cast<npy_intp>(tensor.shape[axis]);
    PyObject* array = PyArray_SimpleNew(flat ? 1 : tensor.shape.rank(), dims, numpy_type(tensor.dtype));
    if (array == nullptr) throw nb::python_error();
    if (tensor.bytes() != 0) std::memcpy(PyArray_DATA(reinterpret_cast<PyArrayObject*>(array)), tensor.data, tensor.bytes());
    return array;
  }
  nb::object object = value_to_python(value, owned);
  if (!flat) return object.release().ptr();
  PyObject* array = PyArray_Ravel(reinterpret_cast<PyArrayObject*>(object.ptr()), NPY_CORDER);
  if (array == nullptr) throw nb::python_error();
  return array;
}

nb::object Runner::fast(nb::handle object) const {
  Keep keep;
  Value value;
  if (program_->inputs().size() != 1 || program_->inputs()[0].dtype == DType::string) return nb::none();
  if (!read(0, object.ptr(), value, keep)) return nb::none();
  std::optional<Program::Result> result = execute({&value, 1}, true);
  if (!result) return nb::none();
  const std::size_t count = program_->outputs().size();
  if (count == 1) return nb::steal(output(*result, 0));
  nb::object tuple = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(count)));
  for (std::size_t i = 0; i < count; ++i) PyTuple_SET_ITEM(tuple.ptr(), static_cast<Py_ssize_t>(i), output(*result, i));
  return tuple;
}

namespace {

// For each execution of a step: its number, the thread, begin and end in nanoseconds of the monotonic clock, (element type,
// shape) of the tensors it read and made, and how many bytes were fed, constant, and made.
void hand_over(Trace& trace, nb::list times) {
  const auto tensors = [](const std::vector<StepTime::Seen>& seen) {
    nb::list list;
    for (const StepTime::Seen& one : seen) {
      nb::list shape;
      for (const std::int64_t dim : one.shape) shape.append(dim);
      list.append(nb::make_tuple(static_cast<int>(one.dtype), shape));
    }
    return list;
  };
  for (const StepTime& time : trace.take()) {
    times.append(nb::make_tuple(time.step, time.thread, time.begin, time.end, tensors(time.inputs), tensors(time.outputs),
                                time.fed_bytes, time.constant_bytes, time.made_bytes));
  }
}

bool overlap(const Tensor& one, const Tensor& other) noexcept {
  if (one.data == nullptr || other.data == nullptr) return false;
  const auto* first = static_cast<const char*>(one.data);
  const auto* second = static_cast<const char*>(other.data);
  const std::less<> before;
  return before(first, second + other.bytes()) && before(second, first + one.bytes());
}

// Memory that outputs may be written to while inputs are still read: one tensor for each output, or none at all. Its data is null
// where there is no array, or one of another kind than outputs are, or one that shares memory with an input or another target.
std::vector<Tensor> read_targets(const nb::object& into, std::size_t outputs, std::span<const Value> inputs) {
  std::vector<Tensor> targets;
  if (into.is_none()) return targets;
  if (!nb::isinstance<nb::list>(into) || nb::len(into) != outputs)
    throw nb::value_error("expected a list with an entry for each output");
  targets.resize(outputs);
  if (!std::ranges::all_of(inputs, [](const Value& input) { return input.kind == Value::Kind::tensor; })) return targets;
  for (std::size_t i = 0; i < outputs; ++i) {
    const nb::object entry = into[i];
    auto* array = reinterpret_cast<PyArrayObject*>(entry.ptr());
    if (!PyArray_CheckExact(entry.ptr()) || !PyArray_ISCARRAY(array) || PyArray_NDIM(array) > Shape::max_rank) continue;
    Tensor& target = targets[i];
    target.dtype = dtype_from_numpy(PyArray_DESCR(array));
    if (target.dtype == DType::undefined || target.dtype == DType::string) continue;
    for (int axis = 0; axis < PyArray_NDIM(array); ++axis) target.shape.push(PyArray_DIM(array, axis));
    target.data = PyArray_DATA(array);
  }
  for (Tensor& target : targets) {
    const auto shares = [&](const Tensor& other) { return &target != &other && overlap(target, other); };
    if (std::ranges::any_of(inputs, shares, &Value::tensor) || std::ranges::any_of(targets, shares)) target.data = nullptr;
  }
  return targets;
}

// False when the output is no tensor of the target's type and shape, and where there is no target.
bool put_into(const Tensor& target, const Value& output) noexcept {
  if (target.data == nullptr || output.kind != Value::Kind::tensor || !target.is_like(output.tensor)) return false;
  if (output.tensor.data != target.data && target.bytes() != 0) std::memcpy(target.data, output.tensor.data, target.bytes());
  return true;
}

}  // namespace

nb::list Runner::run(const nb::list& objects, const StopFlag* stop, nb::object times, nb::object into) const {
  const auto inputs = program_->inputs();
  if (objects.size() != inputs.size()) {
    throw Error(Status::invalid_argument, sentence("expected ", inputs.size(), " inputs, got ", objects.size()));
  }
  const Pulse::Stoppable stoppable(stop == nullptr ? nullptr : stop->flag());
  Keep keep;
  std::vector<Value> values;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    values.push_back(value_from_python(objects[i], keep));
    check(values.back(), inputs[i]);
  }
  const std::vector<Tensor> targets = read_targets(into, program_->outputs().size(), values);
  const auto compute = [&] {
    if (times.is_none()) return execute(values, false, stop, nullptr, targets);
    Trace trace;
    try {
      auto result = execute(values, false, stop, &trace, targets);
      hand_over(trace, nb::cast<nb::list>(times));
      return result;
    } catch (...) {
      hand_over(trace, nb::cast<nb::list>(times));
      throw;
    }
  };
  std::optional<Program::Result> result = compute();
  nb::list list;
  for (std::size_t i = 0; i < program_->outputs().size(); ++i) {
    const bool put = i < targets.size() && put_into(targets[i], (*result)[i]);
    list.append(put ? nb::borrow(into[i]) : nb::steal(output(*result, i)));
  }
  return list;
}

std::vector<std::string> Runner::explain() const {
  std::vector<std::string> lines;
  for (const Step& step : program_->steps()) {
    const std::string detail = step.op->explain();
    lines.push_back(detail.empty() ? step.label : sentence(step.label, ": ", detail));
  }
  return lines;
}

}  // namespace sklort
