#include "elementwise.h"

#include "broadcast.h"
#include "isa.h"

namespace sklort {

SKLORT_DECLARE(ElementwiseLoops, elementwise_loops)

DType working_type(DType dtype) noexcept { return dtype == DType::float16 || dtype == DType::bfloat16 ? DType::float32 : dtype; }

bool is_floating(DType dtype) noexcept {
  const DType working = working_type(dtype);
  return working == DType::float32 || working == DType::float64;
}

void require_floating(DType dtype) {
  if (!is_floating(dtype)) fail("expected floating-point numbers, got ", dtype_name(dtype));
}

void require_number(DType dtype) {
  if (!is_number(dtype)) fail("expected numbers, got ", dtype_name(dtype));
}

void require_boolean(const Tensor& tensor) {
  if (tensor.dtype != DType::boolean) fail("expected bool, got ", dtype_name(tensor.dtype));
}

Tensor scratch_tensor(Call& call, DType dtype, const Shape& shape) {
  return {dtype, shape, call.scratch(static_cast<std::size_t>(shape.count()) * item_size(dtype)), {}};
}

Tensor in_type(Call& call, const Tensor& tensor, DType dtype) {
  if (tensor.dtype == dtype) return tensor;
  require_number(tensor.dtype);
  Tensor copy = scratch_tensor(call, dtype, tensor.shape);
  convert_numbers(tensor, copy, call.threads());
  return copy;
}

namespace {

int hot_index(DType dtype) noexcept {
  switch (dtype) {
    case DType::float32:
      return 0;
    case DType::float64:
      return 1;
    case DType::int32:
      return 2;
    case DType::int64:
      return 3;
    default:
      return -1;
  }
}

}  // namespace

BinaryLoops arithmetic_loops(Arithmetic operation, DType dtype) {
  if (const int hot = hot_index(dtype); hot >= 0) {
    return SKLORT_CHOOSE(elementwise_loops).arithmetic[static_cast<int>(operation)][hot];
  }
  return with_arithmetic(dtype, [&]<class T>(T) -> BinaryLoops {
    if constexpr (sizeof(T) < 4 || std::is_unsigned_v<T>) {
      switch (operation) {
        case Arithmetic::add:
          return Binary<T, T, AddOf>::loops;
        case Arithmetic::subtract:
          return Binary<T, T, SubtractOf>::loops;
        case Arithmetic::multiply:
          return Binary<T, T, MultiplyOf>::loops;
        case Arithmetic::minimum:
          return Binary<T, T, MinimumOf>::loops;
        case Arithmetic::maximum:
          return Binary<T, T, MaximumOf>::loops;
        case Arithmetic::divide:
          break;
      }
    }
    fail("no loop for ", dtype_name(dtype));
  });
}

BinaryLoops comparison_loops(Comparison comparison, DType dtype) {
  if (const int hot = hot_index(dtype); hot >= 0) {
    return SKLORT_CHOOSE(elementwise_loops).comparison[static_cast<int>(comparison)][hot];
  }
  return with_number(dtype, [&]<class T>(T) -> BinaryLoops {
    if constexpr (sizeof(T) < 4 || std::is_unsigned_v<T>) {
      switch (comparison) {
        case Comparison::equal:
          return Binary<T, bool, EqualOf>::loops;
        case Comparison::less:
          return Binary<T, bool, LessOf>::loops;
        case Comparison::less_equal:
          return Binary<T, bool, LessEqualOf>::loops;
      }
    }
    fail("no loop for ", dtype_name(dtype));
  });
}

UnaryLoop simple_loop(Simple function, DType dtype) {
  if (dtype != DType::float32 && dtype != DType::float64) fail("expected floating-point numbers, got ", dtype_name(dtype));
  return SKLORT_CHOOSE(elementwise_loops).simple[static_cast<int>(function)][hot_index(dtype)];
}

void run_binary(const Tensor& a, const Tensor& b, const Tensor& out, const BinaryLoops& loops, std::int64_t grain, int threads) {
  const Walk<2> walk(out.shape, {&a.shape, &b.shape});
  const BinaryLoop loop = walk.step()[0] == walk.step()[1] ? loops.both : walk.step()[0] == 1 ? loops.left : loops.right;
  const auto* left = static_cast<const char*>(a.data);
  const auto* right = static_cast<const char*>(b.data);
  auto* result = static_cast<char*>(out.data);
  const auto in_size = static_cast<std::int64_t>(item_size(a.dtype));
  const auto out_size = static_cast<std::int64_t>(item_size(out.dtype));
  walk.run(threads, grain, [&](std::int64_t to, const auto& from, std::int64_t rows, std::int64_t inner) noexcept {
    loop(left + from[0] * in_size, right + from[1] * in_size, result + to * out_size,
         Block{rows, inner, walk.row()[0], walk.row()[1]});
  });
}

void run_unary(const Tensor& in, const Tensor& out, UnaryLoop loop, std::int64_t grain, int threads) {
  const auto size = static_cast<std::int64_t>(item_size(in.dtype));
  parallel(in.count(), grain, threads, [&](std::int64_t first, std::int64_t last) noexcept {
    loop(static_cast<const char*>(in.data) + first * size, static_cast<char*>(out.data) + first * size, last - first);
  });
}

}  // namespace sklort
