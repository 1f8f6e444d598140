// If, Loop, Scan and SequenceMap: operators that run graphs of their own.
#include <algorithm>
#include <cstring>
#include <limits>

#include "axes.h"
#include "elementwise.h"
#include "op.h"
#include "program.h"
#include "sequence.h"
#include "strided.h"

namespace sklort {
namespace {

// A subgraph as an operator knows it when it is prepared.
class Inner {
 public:
  Inner(const Node& node, const char* attribute) : index_(node.subgraph(attribute)), name_(attribute) {
    const Subgraph& subgraph = node.subgraphs[static_cast<std::size_t>(index_)];
    program_ = subgraph.program;
    inputs_ = static_cast<int>(program_->inputs().size() - subgraph.captured.size());
  }

  int inputs() const noexcept { return inputs_; }
  int outputs() const noexcept { return static_cast<int>(program_->outputs().size()); }
  const ProgramOutput& output(int i) const noexcept { return program_->outputs()[static_cast<std::size_t>(i)]; }
  DType computed(int i) const noexcept { return i < outputs() ? output(i).computed : DType::undefined; }

  void require(int inputs, int least_outputs) const {
    if (inputs_ != inputs) bad_graph("the graph '", name_, "' must have ", inputs, " inputs, it has ", inputs_);
    if (outputs() < least_outputs) bad_graph("the graph '", name_, "' must have ", least_outputs, " outputs, it has ", outputs());
  }

  std::string explain() const { return sentence(name_, " of ", program_->steps().size(), " steps"); }

  Body enter(Call& call) const { return call.body(index_); }

 private:
  int index_;
  const char* name_;
  std::shared_ptr<const Program> program_;
  int inputs_;
};

DType same(DType a, DType b) noexcept { return a == b ? a : DType::undefined; }

bool truth(const Value& value, const char* what) {
  if (value.kind != Value::Kind::tensor || value.tensor.dtype != DType::boolean || value.tensor.count() != 1) {
    fail(what, " must be one bool, got ",
         value.kind == Value::Kind::tensor ? sentence(dtype_name(value.tensor.dtype), print(value.tensor.shape))
                                           : std::string(kind_name(value.kind)));
  }
  return *value.tensor.as<bool>();
}

template <class T>
Value scalar(Call& call, T value) {
  Tensor tensor = call.make(dtype_of<T>::value, {});
  *tensor.as<T>() = value;
  return Value::of(std::move(tensor));
}

// Values of one type and shape, one after another along a new first axis.
class Stack {
 public:
  // `output` is written in place when the number of values is known and their axis stays the first; -1: it is not.
  Stack(std::int64_t expected, int output) : capacity_(std::max<std::int64_t>(expected, 1)), output_(output) {}

  void add(Call& call, const Value& value, std::int64_t position) {
    if (value.kind != Value::Kind::tensor) fail("a scan output must be a tensor, got ", kind_name(value.kind));
    const Tensor& item = value.tensor;
    if (count_ == 0) {
      item_ = item.shape;
      bytes_ = item.bytes();
      whole_ = output_ >= 0 ? call.allocate(output_, item.dtype, shape(capacity_)) : call.make(item.dtype, shape(capacity_));
    } else if (item.dtype != whole_.dtype || !(item.shape == item_)) {
      fail("a scan output was ", dtype_name(whole_.dtype), print(item_), " before and is ", dtype_name(item.dtype),
           print(item.shape), " in iteration ", count_);
    }
    if (count_ == capacity_) {
      capacity_ *= 2;
      Tensor larger = call.make(whole_.dtype, shape(capacity_));
      if (bytes_ != 0) std::memcpy(larger.data, whole_.data, static_cast<std::size_t>(count_) * bytes_);
      whole_ = std::move(larger);
    }
    if (bytes_ != 0) std::memcpy(whole_.as<char>() + static_cast<std::size_t>(position) * bytes_, item.data, bytes_);
    ++count_;
  }

  bool empty() const noexcept { return count_ == 0; }

  Tensor all() const {
    Tensor tensor = whole_;
    tensor.shape = shape(count_);
    return tensor;
  }

 private:
  Shape shape(std::int64_t count) const {
    Shape shape{count};
    for (const std::int64_t dim : item_.dims()) shape.push(dim);
    return shape;
  }

  std::int64_t capacity_;
  int output_;
  std::int64_t count_ = 0;
  std::size_t bytes_ = 0;
  Shape item_;
  Tensor whole_;
};

// The scan output of no iteration at all: of the type an iteration would have given, sizes that are not declared being 0.
void no_iteration(Call& call, int output, const ProgramOutput& declared, std::int64_t axis) {
  const DType dtype = declared.computed != DType::undefined ? declared.computed : declared.dtype;
  if (dtype == DType::undefined) {
    fail("no iteration ran, and the body does not say of what type its output '", declared.name, "' is");
  }
  const std::vector<std::int64_t> dims = declared.shape.value_or(std::vector<std::int64_t>{});
  const int place = normal_axis(axis, static_cast<int>(dims.size()) + 1);
  Shape shape;
  for (int i = 0; i <= std::ssize(dims); ++i) {
    if (i == place) shape.push(0);
    if (i < std::ssize(dims)) shape.push(std::max<std::int64_t>(dims[static_cast<std::size_t>(i)], 0));
  }
  call.allocate(output, dtype, shape);
}

class If final : public Op {
 public:
  explicit If(const Node& node) : then_(node, "then_branch"), else_(node, "else_branch") {
    then_.require(0, node.outputs);
    else_.require(0, node.outputs);
  }

  void run(Call& call) const override {
    const bool taken = truth(call.value(0), "the condition");
    Body body = (taken ? then_ : else_).enter(call);
    body.run();
    for (int i = 0; i < call.outputs(); ++i) call.set(i, std::move(body.result(i)));
  }

  std::string explain() const override { return then_.explain() + ", " + else_.explain(); }

  DType result(int output, std::span<const DType>) const override { return same(then_.computed(output), else_.computed(output)); }

 private:
  Inner then_;
  Inner else_;
};

// The body takes the iteration, the condition and the carried values, and gives the condition, the carried values and what is
// stacked. Its condition ends the loop also where the node has none: so do onnxruntime and onnx.reference.
class Loop final : public Op {
 public:
  explicit Loop(const Node& node) : body_(node, "body"), carried_(std::max(node.inputs() - 2, 0)) {
    body_.require(2 + carried_, std::max(1 + carried_, 1 + node.outputs));
  }

  void run(Call& call) const override {
    constexpr std::int64_t endless = std::numeric_limits<std::int64_t>::max();
    const std::int64_t trips = call.has(0) ? one_integer(call.tensor(0), "the trip count") : endless;
    bool alive = !call.has(1) || truth(call.value(1), "the condition");
    Body body = body_.enter(call);
    body.feed(1) = scalar(call, alive);
    for (int i = 0; i < carried_; ++i) body.feed(2 + i) = call.value(2 + i);
    const int stacked = std::max(call.outputs() - carried_, 0);
    std::vector<Stack> stacks(static_cast<std::size_t>(stacked), Stack(std::min<std::int64_t>(trips, 64), -1));
    for (std::int64_t turn = 0; alive && turn < trips; ++turn) {
      body.feed(0) = scalar(call, turn);
      body.run();
      alive = truth(body.result(0), "the condition that the body gives");
      for (int i = 0; i <= carried_; ++i) body.feed(1 + i) = std::move(body.result(i));
      for (int i = 0; i < stacked; ++i) {
        if (call.wants(carried_ + i)) stacks[static_cast<std::size_t>(i)].add(call, body.result(1 + carried_ + i), turn);
      }
    }
    for (int i = 0; i < std::min(carried_, call.outputs()); ++i) call.set(i, body.feed(2 + i));
    for (int i = 0; i < stacked; ++i) {
      if (!call.wants(carried_ + i)) continue;
      const Stack& stack = stacks[static_cast<std::size_t>(i)];
      if (stack.empty()) {
        no_iteration(call, carried_ + i, body_.output(1 + carried_ + i), 0);
      } else {
        call.set(carried_ + i, Value::of(stack.all()));
      }
    }
  }

  std::string explain() const override { return body_.explain(); }

  DType result(int output, std::span<const DType> inputs) const override {
    const DType computed = body_.computed(1 + output);
    return output < carried_ ? same(computed, inputs[static_cast<std::size_t>(2 + output)]) : computed;
  }

 private:
  Inner body_;
  int carried_;
};

// The body takes the states and a slice of each scan input, and gives the states and what is stacked.
class Scan final : public Op {
 public:
  explicit Scan(const Node& node) : body_(node, "body"), scanned_(static_cast<int>(node.integer("num_scan_inputs", 0))) {
    if (scanned_ < 1 || scanned_ > node.inputs()) {
      bad_graph("attribute 'num_scan_inputs' must be between 1 and ", node.inputs(), ", got ",
                node.integer("num_scan_inputs", 0));
    }
    states_ = node.inputs() - scanned_;
    body_.require(node.inputs(), std::max(states_, node.outputs));
    const int stacked = body_.outputs() - states_;
    read(node, "scan_input_axes", scanned_, input_axes_);
    read(node, "scan_output_axes", stacked, output_axes_);
    read(node, "scan_input_directions", scanned_, input_backward_);
    read(node, "scan_output_directions", stacked, output_backward_);
    for (const auto* directions : {&input_backward_, &output_backward_}) {
      for (const std::int64_t direction : *directions) {
        if (direction != 0 && direction != 1) bad_graph("a direction must be 0 or 1, got ", direction);
      }
    }
  }

  void run(Call& call) const override {
    const std::vector<Tensor> sequences = inputs(call);
    const std::int64_t length = sequences[0].shape[0];
    Body body = body_.enter(call);
    for (int i = 0; i < states_; ++i) body.feed(i) = call.value(i);
    const int stacked = std::max(call.outputs() - states_, 0);
    std::vector<Stack> stacks;
    for (int i = 0; i < stacked; ++i) stacks.emplace_back(length, axis(i) == 0 && call.wants(states_ + i) ? states_ + i : -1);
    for (std::int64_t turn = 0; turn < length; ++turn) {
      for (int i = 0; i < scanned_; ++i)
        body.feed(states_ + i) = slice(sequences[static_cast<std::size_t>(i)], turn, backward_in(i), length);
      body.run();
      for (int i = 0; i < states_; ++i) body.feed(i) = std::move(body.result(i));
      for (int i = 0; i < stacked; ++i) {
        if (!call.wants(states_ + i)) continue;
        const bool backward = output_backward_[static_cast<std::size_t>(i)] != 0;
        stacks[static_cast<std::size_t>(i)].add(call, body.result(states_ + i), backward ? length - 1 - turn : turn);
      }
    }
    for (int i = 0; i < std::min(states_, call.outputs()); ++i) call.set(i, body.feed(i));
    for (int i = 0; i < stacked; ++i) {
      if (!call.wants(states_ + i)) continue;
      if (length == 0) {
        no_iteration(call, states_ + i, body_.output(states_ + i), axis(i));
      } else if (axis(i) != 0) {
        move_axis(call, states_ + i, stacks[static_cast<std::size_t>(i)].all(), axis(i));
      }
    }
  }

  std::string explain() const override { return body_.explain(); }

  DType result(int output, std::span<const DType> inputs) const override {
    const DType computed = body_.computed(output);
    return output < states_ ? same(computed, inputs[static_cast<std::size_t>(output)]) : computed;
  }

 private:
  static void read(const Node& node, const char* name, int count, std::vector<std::int64_t>& into) {
    const auto given = node.integers(name);
    if (!given.empty() && std::ssize(given) != count)
      bad_graph("attribute '", name, "' must hold ", count, " numbers, got ", given.size());
    into.assign(given.begin(), given.end());
    into.resize(static_cast<std::size_t>(count), 0);
  }

  std::int64_t axis(int i) const { return output_axes_[static_cast<std::size_t>(i)]; }
  bool backward_in(int i) const { return input_backward_[static_cast<std::size_t>(i)] != 0; }

  // The scan inputs, each with its axis first.
  std::vector<Tensor> inputs(Call& call) const {
    std::vector<Tensor> found;
    for (int i = 0; i < scanned_; ++i) {
      const Tensor& tensor = call.tensor(states_ + i);
      const int rank = tensor.shape.rank();
      if (rank == 0) fail("scan input ", i, " must have an axis, got a scalar");
      const int first = normal_axis(input_axes_[static_cast<std::size_t>(i)], rank);
      if (first == 0) {
        found.push_back(tensor);
      } else {
        std::array<int, Shape::max_rank> order{first};
        for (int other = 0, at = 1; other < rank; ++other) {
          if (other != first) order[static_cast<std::size_t>(at++)] = other;
        }
        const std::span<const int> axes(order.data(), static_cast<std::size_t>(rank));
        found.push_back(call.make(tensor.dtype, permuted(tensor.shape, axes)));
        permute(tensor, axes, found.back().data, call.threads());
      }
      if (found.back().shape[0] != found[0].shape[0]) {
        fail("scan input ", i, " has ", found.back().shape[0], " slices, the first has ", found[0].shape[0]);
      }
    }
    return found;
  }

  static Value slice(const Tensor& sequence, std::int64_t turn, bool backward, std::int64_t length) {
    Tensor item{sequence.dtype, Shape(sequence.shape.dims().subspan(1)), sequence.data, sequence.buffer};
    item.data = static_cast<char*>(sequence.data) + static_cast<std::size_t>(backward ? length - 1 - turn : turn) * item.bytes();
    return Value::of(std::move(item));
  }

  static void move_axis(Call& call, int output, const Tensor& whole, std::int64_t to) {
    const int rank = whole.shape.rank();
    const int place = normal_axis(to, rank);
    std::array<int, Shape::max_rank> order{};
    for (int i = 0; i < rank; ++i) order[static_cast<std::size_t>(i)] = i == place ? 0 : i < place ? i + 1 : i;
    const std::span<const int> axes(order.data(), static_cast<std::size_t>(rank));
    permute(whole, axes, call.allocate(output, whole.dtype, permuted(whole.shape, axes)).data, call.threads());
  }

  Inner body_;
  int scanned_;
  int states_;
  std::vector<std::int64_t> input_axes_;
  std::vector<std::int64_t> output_axes_;
  std::vector<std::int64_t> input_backward_;
  std::vector<std::int64_t> output_backward_;
};

// The body on the items of the first sequence, each with the item of every other sequence at its place; tensors go to all.
class SequenceMap final : public Op {
 public:
  explicit SequenceMap(const Node& node) : body_(node, "body") { body_.require(node.inputs(), node.outputs); }

  void run(Call& call) const override {
    const std::int64_t length = sequence_length(call.value(0));
    for (int i = 1; i < call.inputs(); ++i) {
      if (call.value(i).kind == Value::Kind::tensor || sequence_length(call.value(i)) == length) continue;
      fail("sequence ", i, " has ", sequence_length(call.value(i)), " items, the first has ", length);
    }
    std::vector<std::shared_ptr<Composite>> lists;
    for (int i = 0; i < call.outputs(); ++i) lists.push_back(std::make_shared<Composite>());
    Body body = body_.enter(call);
    for (std::int64_t turn = 0; turn < length; ++turn) {
      for (int i = 0; i < call.inputs(); ++i) {
        const Value& value = call.value(i);
        body.feed(i) = value.kind == Value::Kind::tensor ? value : sequence_item(value, turn);
      }
      body.run();
      for (int i = 0; i < call.outputs(); ++i) lists[static_cast<std::size_t>(i)]->items.push_back(std::move(body.result(i)));
    }
    for (int i = 0; i < call.outputs(); ++i) call.set(i, sequence_of(std::move(lists[static_cast<std::size_t>(i)])));
  }

  std::string explain() const override { return body_.explain(); }

 private:
  Inner body_;
};

const Registration if_{"", "If", 1, any_version, make<If>};
const Registration loop{"", "Loop", 1, any_version, make<Loop>};
const Registration scan{"", "Scan", 9, any_version, make<Scan>};  // version 8 had a batch axis and lengths
const Registration sequence_map{"", "SequenceMap", 17, any_version, make<SequenceMap>};

}  // namespace
}  // namespace sklort
