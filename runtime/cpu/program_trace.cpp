// What a program tells a trace of a step.
#include <algorithm>
#include <utility>

#include "program.h"

namespace sklort {

void Program::note(const Frame& frame, const Step& step, std::int64_t begin) const {
  StepTime time{static_cast<int>(&step - steps_.data()), Trace::this_thread(), begin, Trace::now(), {}, {}, 0, 0, 0};
  const auto is_constant = [&](int slot) {
    return std::ranges::any_of(constants_, [&](const auto& constant) { return constant.first == slot; });
  };
  const auto look = [&](int slot, std::vector<StepTime::Seen>& seen, std::size_t& bytes) {
    const Value* value = slot < 0 ? nullptr : frame.slots_[static_cast<std::size_t>(slot)];
    if (value == nullptr || value->kind != Value::Kind::tensor) return;
    const auto dims = value->tensor.shape.dims();
    seen.push_back({value->tensor.dtype, {dims.begin(), dims.end()}});
    bytes += value->tensor.bytes();
  };
  for (const int slot : step.inputs) look(slot, time.inputs, is_constant(slot) ? time.constant_bytes : time.fed_bytes);
  for (const int slot : step.outputs) look(slot, time.outputs, time.made_bytes);
  frame.memory_.watch->trace()->note(std::move(time));
}

}  // namespace sklort
