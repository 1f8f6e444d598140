// What the element-wise operators share: element types, temporary copies, and the way to their loops.
#pragma once

#include <cstdint>

#include "convert.h"
#include "dispatch.h"
#include "error.h"
#include "op.h"
#include "ops/elementwise.hot.h"
#include "threads.h"
#include "value.h"

namespace sklort {

// Where a chunk of work for one thread begins to pay, in elements: cheap ones, and calls of the mathematical library.
inline constexpr std::int64_t cheap_grain = 1 << 15;
inline constexpr std::int64_t costly_grain = 1 << 13;

// The type in which numbers of `dtype` are computed: float for the 16-bit floats, itself for the others.
DType working_type(DType dtype) noexcept;

// float, double and the 16-bit floats.
bool is_floating(DType dtype) noexcept;
void require_floating(DType dtype);
void require_number(DType dtype);
void require_boolean(const Tensor& tensor);

// Memory until the end of the call.
Tensor scratch_tensor(Call& call, DType dtype, const Shape& shape);

// The numbers of `tensor` as `dtype`: itself, or a copy until the end of the call.
Tensor in_type(Call& call, const Tensor& tensor, DType dtype);

// Allocates an output and has fill(tensor) write it, in the working type.
template <class Fill>
void produce(Call& call, int output, DType dtype, const Shape& shape, Fill&& fill) {
  Tensor& out = call.allocate(output, dtype, shape);
  const DType working = working_type(dtype);
  if (working == dtype) {
    fill(out);
    return;
  }
  Tensor wide = scratch_tensor(call, working, shape);
  fill(wide);
  convert_numbers(wide, out, call.threads());
}

// The integers, float and double, without bool.
template <class Function>
decltype(auto) with_arithmetic(DType dtype, Function&& function) {
  if (dtype == DType::boolean) fail("arithmetic on bool is not defined");
  return with_number(dtype, [&]<class T>(T value) {
    if constexpr (std::is_same_v<T, bool>) {
      return function(std::uint8_t{});  // not reached
    } else {
      return function(value);
    }
  });
}

// Loops for operands of a working type.
BinaryLoops arithmetic_loops(Arithmetic operation, DType dtype);  // no integer division
BinaryLoops comparison_loops(Comparison comparison, DType dtype);
UnaryLoop simple_loop(Simple function, DType dtype);  // float and double

// out = a with b, broadcast; `out` has the shape of the result.
void run_binary(const Tensor& a, const Tensor& b, const Tensor& out, const BinaryLoops& loops, std::int64_t grain, int threads);
void run_unary(const Tensor& in, const Tensor& out, UnaryLoop loop, std::int64_t grain, int threads);

// out[i] = function(in[i])
template <class In, class Out, class Function>
void map_elements(const Tensor& in, const Tensor& out, std::int64_t grain, int threads, Function function) {
  const In* from = in.as<In>();
  Out* to = static_cast<Out*>(out.data);
  parallel(in.count(), grain, threads, [&](std::int64_t first, std::int64_t last) noexcept {
    for (std::int64_t i = first; i < last; ++i) to[i] = function(from[i]);
  });
}

// An operator made from its node alone.
template <class T>
std::unique_ptr<Op> make(const Node& node) {
  if constexpr (std::is_constructible_v<T, const Node&>) {
    return std::make_unique<T>(node);
  } else {
    return std::make_unique<T>();
  }
}

}  // namespace sklort
