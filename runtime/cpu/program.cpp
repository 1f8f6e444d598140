#include "program.h"

#include <cstdlib>
#include <new>
#include <utility>

#include "convert.h"

namespace sklort {

Frame::Frame(std::size_t slots) : own_(slots), slots_(slots, nullptr), leaves_(slots, 0) {}

// --- Call -----------------------------------------------------------------------------------------------------------

bool Call::has(int input) const noexcept { return input < input_count_ && inputs_[input] >= 0; }

bool Call::wants(int output) const noexcept { return output < output_count_ && outputs_[output] >= 0; }

const Value& Call::value(int input) const {
  if (!has(input)) fail("input ", input, " is missing");
  return *frame_.slots_[static_cast<std::size_t>(inputs_[input])];
}

const Tensor& Call::tensor(int input) const {
  const Value& found = value(input);
  if (found.kind != Value::Kind::tensor) fail("input ", input, " must be a tensor, got ", kind_name(found.kind));
  return found.tensor;
}

Tensor& Call::allocate(int output, DType dtype, const Shape& shape) {
  // An output nobody reads still needs a place to write to: scratch.
  const std::size_t bytes = static_cast<std::size_t>(shape.count()) * item_size(dtype);
  if (!wants(output)) {
    frame_.unread_.push_back(std::make_unique<Tensor>(Tensor{dtype, shape, scratch(bytes), {}}));
    return *frame_.unread_.back();
  }
  const auto slot = static_cast<std::size_t>(outputs_[output]);
  Value& value = frame_.own_[slot];
  value.kind = Value::Kind::tensor;
  value.tensor.dtype = dtype;
  value.tensor.shape = shape;
  value.tensor.buffer = BufferRef(frame_.pool_.take(bytes, frame_.leaves_[slot] == 0));
  value.tensor.data = value.tensor.buffer.get()->data;
  frame_.slots_[slot] = &value;
  return value.tensor;
}

void Call::set(int output, Value value) {
  if (!wants(output)) return;
  const auto slot = static_cast<std::size_t>(outputs_[output]);
  frame_.own_[slot] = std::move(value);
  frame_.slots_[slot] = &frame_.own_[slot];
}

void* Call::scratch(std::size_t bytes) {
  frame_.scratch_.emplace_back(frame_.pool_.take(bytes, true));
  return frame_.scratch_.back().get()->data;
}

std::string_view Call::keep(std::string text) {
  frame_.texts_.push_back(std::make_unique<std::string>(std::move(text)));
  return *frame_.texts_.back();
}

// --- Program --------------------------------------------------------------------------------------------------------

void* Program::Result::detach(std::size_t output) noexcept {
  const auto slot = static_cast<std::size_t>(program_.outputs_[output].slot);
  Value& value = frame_->own_[slot];
  if (frame_->slots_[slot] != &value) return nullptr;  // a constant or an input
  Buffer* buffer = value.tensor.buffer.get();
  if (buffer == nullptr || buffer->reusable || buffer->references != 1 || buffer->data != value.tensor.data) return nullptr;
  void* data = std::exchange(buffer->data, nullptr);
  value.tensor.buffer = BufferRef();
  return data;
}

std::unique_ptr<Frame> Program::borrow() const {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto frame = std::move(idle_.back());
      idle_.pop_back();
      return frame;
    }
  }
  auto frame = std::make_unique<Frame>(slot_count_);
  for (const auto& [slot, value] : constants_) frame->slots_[static_cast<std::size_t>(slot)] = &value;
  for (const ProgramOutput& output : outputs_) frame->leaves_[static_cast<std::size_t>(output.slot)] = 1;
  return frame;
}

void Program::give_back(std::unique_ptr<Frame> frame) const noexcept {
  for (const Step& step : steps_) {
    for (const int slot : step.outputs) {
      if (slot < 0) continue;
      Value& value = frame->own_[static_cast<std::size_t>(slot)];
      value.tensor.buffer = BufferRef();
      value.composite.reset();
      value.kind = Value::Kind::none;
    }
  }
  frame->scratch_.clear();
  frame->unread_.clear();
  frame->texts_.clear();
  try {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(frame));
  } catch (...) {  // the list could not grow: this frame is simply not kept
  }
}

Program::Result Program::run(std::span<const Value> inputs, int threads) const {
  Result result(*this, borrow());
  Frame& frame = *result.frame_;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    frame.slots_[static_cast<std::size_t>(inputs_[i].slot)] = &inputs[i];
  }
  for (const Step& step : steps_) {
    Call call(frame, step.inputs.data(), static_cast<int>(step.inputs.size()), step.outputs.data(),
              static_cast<int>(step.outputs.size()), threads);
    try {
      step.op->run(call);
    } catch (const Error& error) {
      throw Error(error.status(), sentence(step.label, ": ", error.message()));
    } catch (const std::bad_alloc&) {
      throw Error(Status::fail, sentence(step.label, ": not enough memory"));
    }
    if (!frame.scratch_.empty()) frame.scratch_.clear();
    if (!frame.unread_.empty()) frame.unread_.clear();
    for (const int slot : step.release) {
      Value& dead = frame.own_[static_cast<std::size_t>(slot)];
      dead.tensor.buffer = BufferRef();
      dead.composite.reset();
    }
  }
  for (const ProgramOutput& output : outputs_) {
    const auto slot = static_cast<std::size_t>(output.slot);
    const Value& value = *frame.slots_[slot];
    if (output.dtype == DType::undefined || value.kind != Value::Kind::tensor || value.tensor.dtype == output.dtype) continue;
    if (!is_number(output.dtype) || !is_number(value.tensor.dtype)) continue;  // text stays what the operator made
    Tensor cast;
    cast.dtype = output.dtype;
    cast.shape = value.tensor.shape;
    cast.buffer = BufferRef(frame.pool_.take(static_cast<std::size_t>(cast.count()) * item_size(cast.dtype), false));
    cast.data = cast.buffer.get()->data;
    convert_numbers(value.tensor, cast, threads);
    frame.own_[slot] = Value::of(std::move(cast));
    frame.slots_[slot] = &frame.own_[slot];
  }
  return result;
}

// --- ProgramBuilder -------------------------------------------------------------------------------------------------

ProgramBuilder::ProgramBuilder(int slots)
    : program_(std::make_unique<Program>()),
      dtypes_(static_cast<std::size_t>(slots), DType::undefined),
      constants_(static_cast<std::size_t>(slots), nullptr) {
  program_->slot_count_ = static_cast<std::size_t>(slots);
}

void ProgramBuilder::check_slot(int slot, bool omittable) const {
  if (slot == -1 && omittable) return;
  if (slot < 0 || static_cast<std::size_t>(slot) >= program_->slot_count_) fail("slot ", slot, " is not in the plan");
}

void ProgramBuilder::input(ProgramInput input) {
  check_slot(input.slot, false);
  dtypes_[static_cast<std::size_t>(input.slot)] = input.dtype;
  program_->inputs_.push_back(std::move(input));
}

void ProgramBuilder::constant(int slot, Value value, std::shared_ptr<void> memory) {
  check_slot(slot, false);
  held_.push_back(std::make_unique<Value>(value));
  constants_[static_cast<std::size_t>(slot)] = held_.back().get();
  dtypes_[static_cast<std::size_t>(slot)] = value.tensor.dtype;
  program_->constants_.emplace_back(slot, std::move(value));
  program_->memory_.push_back(std::move(memory));
}

void ProgramBuilder::step(Node node, std::vector<int> inputs, std::vector<int> outputs, std::vector<int> release) {
  for (const int slot : inputs) {
    check_slot(slot, true);
    node.constants.push_back(slot < 0 ? nullptr : constants_[static_cast<std::size_t>(slot)]);
    node.dtypes.push_back(slot < 0 ? DType::undefined : dtypes_[static_cast<std::size_t>(slot)]);
  }
  for (const int slot : outputs) {
    check_slot(slot, true);
    // A frame is told of the constants once, when it is made.
    if (slot >= 0 && constants_[static_cast<std::size_t>(slot)] != nullptr) fail("slot ", slot, " holds a constant");
  }
  for (const int slot : release) check_slot(slot, false);
  node.outputs = static_cast<int>(outputs.size());
  const Registration* found = find_registration(node.domain, node.op_type, node.version);
  if (found == nullptr) {
    throw Error(Status::not_implemented, sentence(node.label, ": no native kernel for version ", node.version));
  }
  Step step;
  try {
    step.op = found->prepare(node);
  } catch (const Error& error) {
    throw Error(error.status(), sentence(node.label, ": ", error.message()));
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] >= 0) {
      dtypes_[static_cast<std::size_t>(outputs[i])] = step.op->result(static_cast<int>(i), node.dtypes);
    }
  }
  step.label = std::move(node.label);
  step.inputs = std::move(inputs);
  step.outputs = std::move(outputs);
  step.release = std::move(release);
  program_->steps_.push_back(std::move(step));
}

void ProgramBuilder::output(ProgramOutput output) {
  check_slot(output.slot, false);
  program_->outputs_.push_back(std::move(output));
}

std::unique_ptr<Program> ProgramBuilder::build() { return std::move(program_); }

}  // namespace sklort
