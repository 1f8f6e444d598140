#include "program.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "convert.h"
#include "threads.h"

namespace sklort {

namespace {

// An output of at most so many bytes is copied from memory that the frame keeps: cheaper than memory that leaves with it.
constexpr std::size_t copied_output = 4096;

// Memory for a tensor: what it had in the last run, where that fits, else from the pool.
void claim(Tensor& tensor, BufferPool& pool, std::size_t bytes, bool reusable) {
  const Buffer* held = tensor.buffer.get();
  const bool fits = held != nullptr && reusable && held->reusable && held->references == 1 && held->capacity >= bytes;
  if (!fits) tensor.buffer = BufferRef(pool.take(bytes, reusable));
  tensor.data = tensor.buffer.get()->data;
}

// After the value's death: little memory that nobody shares stays for the next run, the rest goes back to the pool.
void let_go(Tensor& tensor) noexcept {
  const Buffer* held = tensor.buffer.get();
  if (held == nullptr || (held->reusable && held->references == 1 && held->capacity <= copied_output)) return;
  tensor.buffer = BufferRef();
}

}  // namespace

Frame::Frame(const Program& program, Frame* outer)
    : own_memory_(outer == nullptr ? std::make_unique<Memory>() : nullptr),
      memory_(outer == nullptr ? *own_memory_ : outer->memory_),
      own_(program.slot_count_),
      slots_(program.slot_count_, nullptr),
      leaves_(program.slot_count_, 0),
      inner_(program.subgraph_count_) {
  for (const auto& [slot, value] : program.constants_) slots_[static_cast<std::size_t>(slot)] = &value;
  if (outer == nullptr) {
    for (const ProgramOutput& output : program.outputs_) leaves_[static_cast<std::size_t>(output.slot)] = 1;
  } else {
    fed_.resize(program.inputs_.size());
    results_.resize(program.outputs_.size());
  }
}

void Frame::forget_unread() noexcept {
  while (unread_count_ != 0) let_go(*unread_[--unread_count_]);
}

// --- Body -----------------------------------------------------------------------------------------------------------

Body::~Body() {
  for (Value& value : frame_.fed_) value = Value();
  for (Value& value : frame_.results_) value = Value();
  subgraph_.program->clear(frame_);
}

Value& Body::feed(int input) noexcept { return frame_.fed_[static_cast<std::size_t>(input)]; }

Value& Body::result(int output) noexcept { return frame_.results_[static_cast<std::size_t>(output)]; }

void Body::run() {
  if (frame_.memory_.watch != nullptr) frame_.memory_.watch->check();
  const Program& program = *subgraph_.program;
  const std::size_t fed = program.inputs_.size() - subgraph_.captured.size();
  for (std::size_t i = 0; i < program.inputs_.size(); ++i) {  // each time: the steps use the slots again for values of their own
    frame_.slots_[static_cast<std::size_t>(program.inputs_[i].slot)] =
        i < fed ? &frame_.fed_[i] : outer_.slots_[static_cast<std::size_t>(subgraph_.captured[i - fed])];
  }
  program.execute(frame_, threads_);
  for (std::size_t i = 0; i < frame_.results_.size(); ++i) {
    frame_.results_[i] = *frame_.slots_[static_cast<std::size_t>(program.outputs_[i].slot)];
  }
  program.clear(frame_);
}

// --- Call -----------------------------------------------------------------------------------------------------------

Call::Call(Frame& frame, const Step& step, int threads) noexcept
    : frame_(frame),
      step_(step),
      inputs_(step.inputs.data()),
      outputs_(step.outputs.data()),
      input_count_(static_cast<int>(step.inputs.size())),
      output_count_(static_cast<int>(step.outputs.size())),
      threads_(threads) {}

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
  // An output nobody reads still needs a place to write to.
  const std::size_t bytes = static_cast<std::size_t>(shape.count()) * item_size(dtype);
  if (!wants(output)) {
    if (frame_.unread_count_ == frame_.unread_.size()) frame_.unread_.push_back(std::make_unique<Tensor>());
    Tensor& unread = *frame_.unread_[frame_.unread_count_];
    claim(unread, frame_.memory_.pool, bytes, true);
    ++frame_.unread_count_;
    unread.dtype = dtype;
    unread.shape = shape;
    return unread;
  }
  const auto slot = static_cast<std::size_t>(outputs_[output]);
  Value& value = frame_.own_[slot];
  claim(value.tensor, frame_.memory_.pool, bytes, frame_.leaves_[slot] == 0 || bytes <= copied_output);
  value.kind = Value::Kind::tensor;
  value.tensor.dtype = dtype;
  value.tensor.shape = shape;
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
  frame_.scratch_.emplace_back(frame_.memory_.pool.take(bytes, true));
  return frame_.scratch_.back().get()->data;
}

std::string_view Call::keep(std::string text) {
  auto& texts = frame_.memory_.texts;
  texts.push_back(std::make_unique<std::string>(std::move(text)));
  return *texts.back();
}

Tensor Call::make(DType dtype, const Shape& shape) {
  const std::size_t bytes = static_cast<std::size_t>(shape.count()) * item_size(dtype);
  Tensor tensor{dtype, shape, nullptr, BufferRef(frame_.memory_.pool.take(bytes, true))};
  tensor.data = tensor.buffer.get()->data;
  return tensor;
}

Body Call::body(int subgraph) {
  const Subgraph& found = step_.subgraphs[static_cast<std::size_t>(subgraph)];
  std::unique_ptr<Frame>& frame = frame_.inner_[step_.first_subgraph + static_cast<std::size_t>(subgraph)];
  if (!frame) frame = std::make_unique<Frame>(*found.program, &frame_);
  return {found, frame_, *frame, threads_};
}

// --- Program --------------------------------------------------------------------------------------------------------

void* Program::Result::detach(std::size_t output) noexcept {
  if (!frame_) return memory_[output].release();
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
  if (Frame* spare = spare_.exchange(nullptr, std::memory_order_acquire)) return std::unique_ptr<Frame>(spare);
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto frame = std::move(idle_.back());
      idle_.pop_back();
      return frame;
    }
  }
  return std::make_unique<Frame>(*this, nullptr);
}

void Program::clear(Frame& frame) const noexcept {
  for (const Step& step : steps_) {
    for (const int slot : step.outputs) {
      if (slot < 0) continue;
      Value& value = frame.own_[static_cast<std::size_t>(slot)];
      let_go(value.tensor);
      if (value.composite) value.composite.reset();
      value.kind = Value::Kind::none;
    }
  }
  frame.scratch_.clear();
  frame.forget_unread();
}

void Program::give_back(std::unique_ptr<Frame> frame) const noexcept {
  clear(*frame);
  frame->memory_.texts.clear();
  frame->memory_.watch = nullptr;
  Frame* nobody = nullptr;
  if (spare_.compare_exchange_strong(nobody, frame.get(), std::memory_order_release, std::memory_order_relaxed)) {
    frame.release();
    return;
  }
  try {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(frame));
  } catch (...) {  // the list could not grow: this frame is simply not kept
  }
}

void Program::execute(Frame& frame, int threads) const {
  Watch* const watch = frame.own_memory_ == nullptr ? nullptr : frame.memory_.watch;  // a Body looks for its steps
  for (const Step& step : steps_) {
    if (watch != nullptr) watch->check();
    const std::int64_t begin = watch != nullptr && watch->trace() != nullptr ? Trace::now() : 0;
    Call call(frame, step, threads);
    try {
      step.op->run(call);
    } catch (const Error& error) {
      throw Error(error.status(), sentence(step.label, ": ", error.message(), read_by(frame, step)));
    } catch (const std::bad_alloc&) {
      throw Error(Status::fail, sentence(step.label, ": not enough memory"));
    }
    if (begin != 0) note(frame, step, begin);
    if (!frame.scratch_.empty()) frame.scratch_.clear();
    if (frame.unread_count_ != 0) frame.forget_unread();
    for (const int slot : step.release) {
      Value& dead = frame.own_[static_cast<std::size_t>(slot)];
      let_go(dead.tensor);
      if (dead.composite) dead.composite.reset();
    }
  }
}

void Program::run_steps(Frame& frame, std::span<const Value> inputs, int threads) const {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    frame.slots_[static_cast<std::size_t>(inputs_[i].slot)] = &inputs[i];
  }
  execute(frame, threads);
  for (const ProgramOutput& output : outputs_) {
    const auto slot = static_cast<std::size_t>(output.slot);
    const Value& value = *frame.slots_[slot];
    if (output.dtype == DType::undefined || value.kind != Value::Kind::tensor || value.tensor.dtype == output.dtype) continue;
    if (!is_number(output.dtype) || !is_number(value.tensor.dtype)) continue;  // text stays what the operator made
    Tensor cast;
    cast.dtype = output.dtype;
    cast.shape = value.tensor.shape;
    const std::size_t bytes = static_cast<std::size_t>(cast.count()) * item_size(cast.dtype);
    cast.buffer = BufferRef(frame.memory_.pool.take(bytes, bytes <= copied_output));
    cast.data = cast.buffer.get()->data;
    convert_numbers(value.tensor, cast, threads);
    frame.own_[slot] = Value::of(std::move(cast));
    frame.slots_[slot] = &frame.own_[slot];
  }
}

Program::Result Program::run(std::span<const Value> inputs, int threads, Watch* watch, std::span<const Tensor> targets) const {
  Result result(*this);
  if (block_rows_ != 0 && run_blocks(result, inputs, threads, watch, targets)) return result;
  result.frame_ = borrow();
  result.frame_->memory_.watch = watch;
  run_steps(*result.frame_, inputs, threads);
  return result;
}

namespace {

// Rows first <= row < last of a tensor.
Value rows_of(const Value& value, std::int64_t first, std::int64_t last) {
  Tensor part{value.tensor.dtype, value.tensor.shape, nullptr, {}};
  const std::size_t row = static_cast<std::size_t>(part.shape.count(1, part.shape.rank())) * item_size(part.dtype);
  part.data = static_cast<char*>(value.tensor.data) + static_cast<std::size_t>(first) * row;
  part.shape[0] = last - first;
  return Value::of(std::move(part));
}

}  // namespace

// Equal blocks, as many for each thread; two at least where that costs nothing, so that a thread which a neighbour slows down can
// leave one to the others. Loops over rows like round numbers.
std::int64_t Program::block_of(std::int64_t rows, int threads) const noexcept {
  constexpr std::int64_t round = 512;
  const std::int64_t share = (rows + threads - 1) / threads;
  std::int64_t blocks = (share + block_rows_ - 1) / block_rows_;
  if (threads > 1 && block_rows_ <= 4 * round && share >= 2 * round) blocks = std::max<std::int64_t>(blocks, 2);
  const std::int64_t block = (share + blocks - 1) / blocks;
  const std::int64_t rounded = block > round ? (block + round - 1) / round * round : (block + 63) / 64 * 64;
  return std::clamp<std::int64_t>(rounded, std::min<std::int64_t>(block_rows_, 256), block_rows_);
}

bool Program::run_blocks(Result& result, std::span<const Value> inputs, int threads, Watch* watch,
                         std::span<const Tensor> targets) const {
  const std::int64_t rows = inputs[0].tensor.shape.rank() > 0 ? inputs[0].tensor.shape[0] : 0;
  for (const Value& input : inputs) {
    if (input.kind != Value::Kind::tensor || input.tensor.shape.rank() == 0 || input.tensor.shape[0] != rows) return false;
  }
  if (rows <= std::min<std::int64_t>(block_rows_, 256)) return false;
  const std::int64_t block = block_of(rows, threads);
  if (rows <= block) return false;

  // What the outputs look like is known when the first block is done, whichever that is.
  std::mutex first_done;
  const auto make_room = [&](const Frame& frame) {
    const std::lock_guard lock(first_done);
    if (!result.whole_.empty()) return true;
    std::vector<Value> wholes;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const Value& part = *frame.slots_[static_cast<std::size_t>(outputs_[i].slot)];
      if (part.kind != Value::Kind::tensor || part.tensor.shape.rank() == 0) return false;
      Tensor whole{part.tensor.dtype, part.tensor.shape, nullptr, {}};
      whole.shape[0] = rows;
      if (i < targets.size() && targets[i].is_like(whole)) whole.data = targets[i].data;
      result.memory_.emplace_back(nullptr, std::free);
      if (whole.data == nullptr) {
        const std::size_t bytes = (whole.bytes() + 63) / 64 * 64;
        result.memory_.back().reset(std::aligned_alloc(64, std::max<std::size_t>(bytes, 64)));
        whole.data = result.memory_.back().get();
      }
      if (whole.data == nullptr) return false;
      wholes.push_back(Value::of(std::move(whole)));
    }
    result.whole_ = std::move(wholes);
    return true;
  };
  // Puts a block's outputs in their place.
  const auto place = [&](Frame& frame, std::int64_t first, std::int64_t last) {
    if (!frame.memory_.texts.empty()) return false;  // strings made by this block would go with its frame
    if (!make_room(frame)) return false;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const Value& part = *frame.slots_[static_cast<std::size_t>(outputs_[i].slot)];
      if (part.kind != Value::Kind::tensor || part.tensor.shape.rank() == 0) return false;
      Tensor& whole = result.whole_[i].tensor;
      Shape expected = whole.shape;
      expected[0] = last - first;
      if (!(expected == part.tensor.shape) || whole.dtype != part.tensor.dtype) return false;
      const std::size_t row = static_cast<std::size_t>(whole.shape.count(1, whole.shape.rank())) * item_size(whole.dtype);
      std::memcpy(static_cast<char*>(whole.data) + static_cast<std::size_t>(first) * row, part.tensor.data,
                  static_cast<std::size_t>(last - first) * row);
    }
    return true;
  };
  const auto run_block = [&](Frame& frame, std::vector<Value>& parts, std::int64_t first, std::int64_t last) {
    parts.clear();
    for (const Value& input : inputs) parts.push_back(rows_of(input, first, last));
    run_steps(frame, parts, 1);
    const bool placed = place(frame, first, last);
    clear(frame);
    return placed;
  };
  std::atomic<bool> fine{true};
  parallel(rows, block, threads, [&](std::int64_t first, std::int64_t last) noexcept {
    try {
      const Watching watching(watch);  // nested loops may throw: here it is caught
      std::vector<Value> parts;
      auto frame = borrow();
      frame->memory_.watch = watch;
      for (; first < last && fine.load(std::memory_order_relaxed); first += block) {
        if (!run_block(*frame, parts, first, std::min(last, first + block))) fine = false;
      }
      give_back(std::move(frame));
    } catch (...) {  // the run of the whole batch will say it
      fine = false;
    }
  });
  if (!fine) {
    result.whole_.clear();
    result.memory_.clear();
    if (watch != nullptr && watch->stopped()) throw Stopped{};
  }
  return fine;
}

}  // namespace sklort
