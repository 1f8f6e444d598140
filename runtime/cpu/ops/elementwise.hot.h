// Loops over two operands or one, shared by the files of element-wise operators: the types that matter most are compiled for
// each instruction set (elementwise.hot.cpp), the others once, where an operator asks for them.
#pragma once

#include <cstdint>

namespace sklort {

// Rows of `inner` elements; the result's rows follow one another.
struct Block {
  std::int64_t rows;
  std::int64_t inner;
  std::int64_t a_row;
  std::int64_t b_row;
};

using BinaryLoop = void (*)(const void* a, const void* b, void* out, const Block& block) noexcept;
using UnaryLoop = void (*)(const void* in, void* out, std::int64_t count) noexcept;

struct BinaryLoops {
  BinaryLoop both;   // both operands move along a row
  BinaryLoop left;   // b stands still
  BinaryLoop right;  // a stands still
};

enum class Arithmetic : std::uint8_t { add, subtract, multiply, divide, minimum, maximum };
enum class Comparison : std::uint8_t { equal, less, less_equal };
enum class Simple : std::uint8_t { absolute, negative, root, reciprocal, floor, ceil, round, relu, exp, sigmoid, tanh };

inline constexpr int arithmetics = 6;
inline constexpr int comparisons = 3;
inline constexpr int simples = 11;

// Of float, double, int32 and int64; integers have no loop for division here.
struct ElementwiseLoops {
  BinaryLoops arithmetic[arithmetics][4];
  BinaryLoops comparison[comparisons][4];
  UnaryLoop simple[simples][2];  // of float and double
};

namespace {

// Signed integers wrap around, as NumPy's do: the arithmetic is done without sign.
template <class T>
struct Wrapping {
  using type = T;
};
template <>
struct Wrapping<std::int8_t> {
  using type = std::uint32_t;
};
template <>
struct Wrapping<std::uint8_t> {
  using type = std::uint32_t;
};
template <>
struct Wrapping<std::int16_t> {
  using type = std::uint32_t;
};
template <>
struct Wrapping<std::uint16_t> {
  using type = std::uint32_t;
};
template <>
struct Wrapping<std::int32_t> {
  using type = std::uint32_t;
};
template <>
struct Wrapping<std::int64_t> {
  using type = std::uint64_t;
};

struct AddOf {
  template <class T>
  static T apply(T a, T b) noexcept {
    using W = typename Wrapping<T>::type;
    return static_cast<T>(static_cast<W>(a) + static_cast<W>(b));
  }
};

struct SubtractOf {
  template <class T>
  static T apply(T a, T b) noexcept {
    using W = typename Wrapping<T>::type;
    return static_cast<T>(static_cast<W>(a) - static_cast<W>(b));
  }
};

struct MultiplyOf {
  template <class T>
  static T apply(T a, T b) noexcept {
    using W = typename Wrapping<T>::type;
    return static_cast<T>(static_cast<W>(a) * static_cast<W>(b));
  }
};

struct DivideOf {
  template <class T>
  static T apply(T a, T b) noexcept {
    return a / b;
  }
};

// A NaN of either side wins; of equals the first.
struct MinimumOf {
  template <class T>
  static T apply(T a, T b) noexcept {
    return (a <= b) | (a != a) ? a : b;  // without a jump
  }
};

struct MaximumOf {
  template <class T>
  static T apply(T a, T b) noexcept {
    return (a >= b) | (a != a) ? a : b;
  }
};

struct EqualOf {
  template <class T>
  static bool apply(T a, T b) noexcept {
    return a == b;
  }
};

struct LessOf {
  template <class T>
  static bool apply(T a, T b) noexcept {
    return a < b;
  }
};

struct LessEqualOf {
  template <class T>
  static bool apply(T a, T b) noexcept {
    return a <= b;
  }
};

template <class In, class Out, class Function>
struct Binary {
  static void both(const void* a_, const void* b_, void* out_, const Block& block) noexcept {
    const In* a = static_cast<const In*>(a_);
    const In* b = static_cast<const In*>(b_);
    Out* __restrict out = static_cast<Out*>(out_);
    for (std::int64_t row = 0; row < block.rows; ++row) {
      for (std::int64_t i = 0; i < block.inner; ++i) out[i] = Function::apply(a[i], b[i]);
      a += block.a_row;
      b += block.b_row;
      out += block.inner;
    }
  }

  static void left(const void* a_, const void* b_, void* out_, const Block& block) noexcept {
    const In* a = static_cast<const In*>(a_);
    const In* b = static_cast<const In*>(b_);
    Out* __restrict out = static_cast<Out*>(out_);
    for (std::int64_t row = 0; row < block.rows; ++row) {
      const In still = *b;
      for (std::int64_t i = 0; i < block.inner; ++i) out[i] = Function::apply(a[i], still);
      a += block.a_row;
      b += block.b_row;
      out += block.inner;
    }
  }

  static void right(const void* a_, const void* b_, void* out_, const Block& block) noexcept {
    const In* a = static_cast<const In*>(a_);
    const In* b = static_cast<const In*>(b_);
    Out* __restrict out = static_cast<Out*>(out_);
    for (std::int64_t row = 0; row < block.rows; ++row) {
      const In still = *a;
      for (std::int64_t i = 0; i < block.inner; ++i) out[i] = Function::apply(still, b[i]);
      a += block.a_row;
      b += block.b_row;
      out += block.inner;
    }
  }

  static constexpr BinaryLoops loops = {both, left, right};
};

}  // namespace
}  // namespace sklort
