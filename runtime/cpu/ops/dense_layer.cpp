// DenseLayer: f(X W + b) with an elementwise f, what passes make of a layer of neurons. The function is applied to some rows of
// the product while they are in the cache.
//
// Inputs: X; weights and bias, constants of X's type. Attribute `activation`: Relu or Tanh.
#include <algorithm>

#include "axes.h"
#include "dense.h"
#include "dispatch.h"
#include "elementwise.h"
#include "op.h"
#include "threads.h"

namespace sklort {
namespace {

Simple activation_of(const std::string& name) {
  if (name == "Relu") return Simple::relu;
  if (name == "Tanh") return Simple::tanh;
  bad_graph("attribute 'activation' is '", name, "'; it must be Relu or Tanh");
}

const Tensor& constant(const Node& node, int input) {
  const Value* value = node.constant(input);
  if (value == nullptr || value->kind != Value::Kind::tensor) bad_graph("weights and bias must be constants");
  return value->tensor;
}

template <class T>
class DenseLayer final : public Op {
 public:
  DenseLayer(const Tensor& weights, const Tensor& bias, Simple activation)
      : dense_(Matrix<T>::row_major(weights.as<T>(), weights.shape[0], weights.shape[1]), bias.as<T>()),
        activate_(simple_loop(activation, dtype_of<T>::value)) {}

  void run(Call& call) const override {
    const Tensor& x = call.tensor(0);
    if (x.dtype != dtype_of<T>::value) fail("expected ", dtype_name(dtype_of<T>::value), ", got ", dtype_name(x.dtype));
    const std::int64_t k = dense_.inputs();
    const std::int64_t m = dense_.outputs();
    if (x.shape.rank() != 2 || x.shape[1] != k) fail("expected rows of ", k, " numbers, got shape ", print(x.shape));
    const T* data = x.as<T>();
    T* y = call.allocate(0, x.dtype, {x.shape[0], m}).template as<T>();
    const std::int64_t chunk = dense_.chunk();
    parallel(x.shape[0], chunk, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
      for (; first < last; first += chunk) {
        const std::int64_t count = std::min(chunk, last - first);
        dense_.run_here(data + first * k, count, y + first * m);
        activate_(y + first * m, y + first * m, count * m);
      }
    });
  }

  DType result(int, std::span<const DType>) const override { return dtype_of<T>::value; }

 private:
  Dense<T> dense_;
  UnaryLoop activate_;
};

std::unique_ptr<Op> prepare(const Node& node) {
  if (node.inputs() != 3) bad_graph("expected a matrix, weights and bias");
  const Tensor& weights = constant(node, 1);
  const Tensor& bias = constant(node, 2);
  const Simple activation = activation_of(node.text("activation", ""));
  if (weights.shape.rank() != 2) bad_graph("the weights must be a matrix");
  if (bias.dtype != weights.dtype || bias.count() != weights.shape[1]) bad_graph("the bias does not fit the weights");
  return with_float(weights.dtype, [&]<class T>(T) -> std::unique_ptr<Op> {
    return std::make_unique<DenseLayer<T>>(weights, bias, activation);
  });
}

const Registration dense_layer{"ai.sklort", "DenseLayer", 1, any_version, prepare};

}  // namespace
}  // namespace sklort
