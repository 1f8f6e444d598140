// One element of each operand makes one of the result, whatever their strides: the elementwise family. The operator is an
// argument, not compiled in: a graph has many operators of few types, and what takes time here is the memory.
//
// SKLORT_WORK  element type of the operands, and to compute in
// SKLORT_TO    the same, or bool for what compares
#include "numbers.cuh"
#include "special.cuh"

namespace sklort::cuda {

// In the order of sklort/providers/cuda/elementwise.py.
enum Operation : std::int64_t {
  op_add,
  op_subtract,
  op_multiply,
  op_divide,
  op_minimum,
  op_maximum,
  op_where,  // a where c, else b
  op_copy,
  op_negative,
  op_absolute,
  op_relu,
  op_sign,
  op_root,
  op_reciprocal,
  op_floor,
  op_ceil,
  op_round,
  op_exp,
  op_sigmoid,
  op_tanh,
  op_log,
  // What follows makes bool.
  op_less,
  op_less_equal,
  op_equal,
  op_and,
  op_or,
  op_xor,
  op_not,
  op_is_nan,
};

template <class T>
__device__ __forceinline__ bool is_less(T a, T b) {
  if constexpr (IsReal<T>::value) {
    return less(a, b);
  } else {
    return a < b;
  }
}
template <class T>
__device__ __forceinline__ bool unordered(T a) {
  if constexpr (IsReal<T>::value) {
    return is_nan(a);
  } else {
    return false;
  }
}
template <class T>
__device__ __forceinline__ bool same(T a, T b) {
  return !is_less(a, b) && !is_less(b, a) && !unordered(a) && !unordered(b);
}

__device__ __forceinline__ float without_sign(float a) { return bits_as<float>(bits_as<std::uint32_t>(a) & 0x7FFFFFFFU); }
__device__ __forceinline__ double without_sign(double a) {
  return bits_as<double>(bits_as<std::uint64_t>(a) & 0x7FFFFFFFFFFFFFFFU);
}

template <class T>
__device__ __forceinline__ T of_real(std::int64_t operation, T a, T b) {
  switch (operation) {
    case op_add:
      return add(a, b);
    case op_subtract:
      return subtract(a, b);
    case op_multiply:
      return multiply(a, b);
    case op_divide:
      return divide(a, b);
    case op_negative:
      return negative(a);
    case op_absolute:
      return without_sign(a);
    case op_root:
      return root(a);
    case op_reciprocal:
      return divide(T(1), a);
    case op_floor:
      return as<T>(round_down(wide(a)));
    case op_ceil:
      return as<T>(round_up(wide(a)));
    case op_round:
      return as<T>(round_even(wide(a)));
    case op_exp:
      return exponential(a);
    case op_sigmoid:
      return logistic(a);
    case op_tanh:
      return hyperbolic_tangent(a);
    case op_log:
      return as<T>(natural_log(wide(a)));
    default:
      return a;
  }
}

// Integers wrap around: the arithmetic is done without sign.
template <class T>
__device__ __forceinline__ T of_integer(std::int64_t operation, T a, T b) {
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  switch (operation) {
    case op_add:
      return static_cast<T>(x + y);
    case op_subtract:
      return static_cast<T>(x - y);
    case op_multiply:
      return static_cast<T>(x * y);
    case op_negative:
      return static_cast<T>(0 - x);
    case op_absolute:
      return a < T(0) ? static_cast<T>(0 - x) : a;
    default:
      return a;
  }
}

template <class T>
__device__ __forceinline__ T value_of(std::int64_t operation, T a, T b, bool c) {
  switch (operation) {
    // A NaN of either side wins; of equals the first.
    case op_minimum:
      return is_less(a, b) || same(a, b) || unordered(a) ? a : b;
    case op_maximum:
      return is_less(b, a) || same(a, b) || unordered(a) ? a : b;
    case op_where:
      return c ? a : b;
    case op_relu:
      return is_less(T(0), a) || unordered(a) ? a : T(0);
    case op_sign:
      return unordered(a) ? a : is_less(T(0), a) ? T(1) : is_less(a, T(0)) ? static_cast<T>(-1) : T(0);
    default:
      if constexpr (IsReal<T>::value) {
        return of_real(operation, a, b);
      } else {
        return of_integer(operation, a, b);
      }
  }
}

template <class T>
__device__ __forceinline__ bool truth_of(std::int64_t operation, T a, T b) {
  switch (operation) {
    case op_less:
      return is_less(a, b);
    case op_less_equal:
      return is_less(a, b) || same(a, b);
    case op_equal:
      return same(a, b);
    case op_and:
      return !same(a, T(0)) && !same(b, T(0));
    case op_or:
      return !same(a, T(0)) || !same(b, T(0));
    case op_xor:
      return same(a, T(0)) != same(b, T(0));
    case op_not:
      return same(a, T(0));
    default:
      return unordered(a);
  }
}

}  // namespace sklort::cuda

// Up to four dimensions, the strides of the first one first; a result of one dimension leaves the other sizes at 1. Operands that
// an operator does not have are null.
extern "C" __global__ void elementwise(std::int64_t operation, const SKLORT_WORK* a, const SKLORT_WORK* b, const bool* c,
                                       SKLORT_TO* to, std::int64_t count, std::int64_t size1, std::int64_t size2,
                                       std::int64_t size3, std::int64_t a0, std::int64_t a1, std::int64_t a2, std::int64_t a3,
                                       std::int64_t b0, std::int64_t b1, std::int64_t b2, std::int64_t b3, std::int64_t c0,
                                       std::int64_t c1, std::int64_t c2, std::int64_t c3) {
  using namespace sklort::cuda;
  const bool flat = size1 == 1 && size2 == 1 && size3 == 1;
  for (std::int64_t i = first_element(); i < count; i += element_stride()) {
    std::int64_t at_a = i * a0;
    std::int64_t at_b = i * b0;
    std::int64_t at_c = i * c0;
    if (!flat) {
      const std::int64_t at3 = i % size3;
      const std::int64_t at2 = i / size3 % size2;
      const std::int64_t at1 = i / size3 / size2 % size1;
      const std::int64_t at0 = i / size3 / size2 / size1;
      at_a = at0 * a0 + at1 * a1 + at2 * a2 + at3 * a3;
      at_b = at0 * b0 + at1 * b1 + at2 * b2 + at3 * b3;
      at_c = at0 * c0 + at1 * c1 + at2 * c2 + at3 * c3;
    }
    const SKLORT_WORK x = a[at_a];
    const SKLORT_WORK y = b == nullptr ? x : b[at_b];
    if constexpr (Same<SKLORT_TO, SKLORT_WORK>::value) {
      to[i] = operation >= op_less ? static_cast<SKLORT_TO>(truth_of(operation, x, y))
                                   : value_of(operation, x, y, c != nullptr && c[at_c]);
    } else {
      to[i] = truth_of(operation, x, y);
    }
  }
}
