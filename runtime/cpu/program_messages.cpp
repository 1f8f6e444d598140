// What a program says when a step fails.
#include "axes.h"
#include "program.h"

namespace sklort {

// The end of a message: what the step was given, by name.
std::string Program::read_by(const Frame& frame, const Step& step) {
  constexpr std::size_t most = 12;
  std::string text;
  for (std::size_t i = 0; i < step.names.size() && i < step.inputs.size(); ++i) {
    if (step.inputs[i] < 0) continue;
    const Value* value = frame.slots_[static_cast<std::size_t>(step.inputs[i])];
    text += text.empty() ? " (given " : ", ";
    if (i >= most) {
      text += sentence("and ", step.inputs.size() - i, " more");
      break;
    }
    text += sentence("'", step.names[i], "' ");
    if (value == nullptr || value->kind != Value::Kind::tensor) {
      text += value == nullptr ? "nothing" : kind_name(value->kind);
    } else {
      text += sentence(dtype_name(value->tensor.dtype), " ", print(value->tensor.shape));
    }
  }
  return text.empty() ? text : text + ")";
}

}  // namespace sklort
