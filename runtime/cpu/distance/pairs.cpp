#include "pairs.h"

namespace sklort::distance {

namespace {

// skl2onnx writes scikit-learn's `p` as it finds it, an integer or a float.
double power_of(const Node& node) {
  const auto found = node.attributes.find("p");
  const bool whole = found != node.attributes.end() && std::holds_alternative<std::int64_t>(found->second);
  return whole ? static_cast<double>(node.integer("p", 2)) : node.number("p", 2);
}

}  // namespace

Pairs::Pairs(const Node& node, const char* default_metric)
    : metric_(metric_of(node.text("metric", default_metric), power_of(node))) {
  const Value* value = node.constant(1);
  if (value == nullptr || value->kind != Value::Kind::tensor || value->tensor.shape.rank() != 2) return;
  const Tensor& y = value->tensor;
  if (y.dtype != DType::float32 && y.dtype != DType::float64) return;
  check_features(metric_, y.shape[1], y.shape[1]);
  with_float(y.dtype, [&]<class T>(T) { constant_.emplace(metric_, y.as<T>(), y.shape[0], y.shape[1]); });
}

std::string Pairs::refuse(const Node& node) { return refuse_metric(node.text("metric", "sqeuclidean"), power_of(node)); }

void* Pairs::aligned_scratch(Call& call, std::int64_t doubles) {
  constexpr std::size_t line = 64;
  std::size_t space = static_cast<std::size_t>(doubles) * sizeof(double) + line;
  void* memory = call.scratch(space);
  return std::align(line, space - line, memory, space);
}

}  // namespace sklort::distance
