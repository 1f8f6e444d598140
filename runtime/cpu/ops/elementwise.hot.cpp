#include "elementwise.hot.h"

#include "simd_math.h"

namespace sklort::SKLORT_HOT {
namespace {

template <class T, class Function>
void unary(const void* in_, void* out_, std::int64_t count) noexcept {
  const T* in = static_cast<const T*>(in_);
  T* __restrict out = static_cast<T*>(out_);
  for (std::int64_t i = 0; i < count; ++i) out[i] = Function::apply(in[i]);
}

struct AbsoluteOf {
  static float apply(float x) noexcept { return __builtin_fabsf(x); }
  static double apply(double x) noexcept { return __builtin_fabs(x); }
};

struct NegativeOf {
  template <class T>
  static T apply(T x) noexcept {
    return -x;
  }
};

struct RootOf {
  static float apply(float x) noexcept { return __builtin_sqrtf(x); }
  static double apply(double x) noexcept { return __builtin_sqrt(x); }
};

struct ReciprocalOf {
  template <class T>
  static T apply(T x) noexcept {
    return T{1} / x;
  }
};

struct FloorOf {
  static float apply(float x) noexcept { return __builtin_floorf(x); }
  static double apply(double x) noexcept { return __builtin_floor(x); }
};

struct CeilOf {
  static float apply(float x) noexcept { return __builtin_ceilf(x); }
  static double apply(double x) noexcept { return __builtin_ceil(x); }
};

// Halves to even: nobody changes the rounding mode.
struct RoundOf {
  static float apply(float x) noexcept { return __builtin_rintf(x); }
  static double apply(double x) noexcept { return __builtin_rint(x); }
};

struct ReluOf {
  template <class T>
  static T apply(T x) noexcept {
    return (x > T{0}) | (x != x) ? x : T{0};
  }
};

template <class T>
void exponential(const void* in, void* out, std::int64_t count) noexcept {
  map(static_cast<const T*>(in), static_cast<T*>(out), count, [](Vector<T> x) { return exp<T>(x); });
}

template <class T>
void sigmoid(const void* in, void* out, std::int64_t count) noexcept {
  map(static_cast<const T*>(in), static_cast<T*>(out), count, [](Vector<T> x) { return logistic<T>(x); });
}

template <class T>
void hyperbolic(const void* in, void* out, std::int64_t count) noexcept {
  map(static_cast<const T*>(in), static_cast<T*>(out), count, [](Vector<T> x) { return tanh<T>(x); });
}

#define SKLORT_ARITHMETIC(Function)                                                \
  {Binary<float, float, Function>::loops, Binary<double, double, Function>::loops, \
   Binary<std::int32_t, std::int32_t, Function>::loops, Binary<std::int64_t, std::int64_t, Function>::loops}
#define SKLORT_COMPARISON(Function)                                                                                          \
  {Binary<float, bool, Function>::loops, Binary<double, bool, Function>::loops, Binary<std::int32_t, bool, Function>::loops, \
   Binary<std::int64_t, bool, Function>::loops}
#define SKLORT_SIMPLE(Function) {unary<float, Function>, unary<double, Function>}

}  // namespace

extern const ElementwiseLoops elementwise_loops = {
    {SKLORT_ARITHMETIC(AddOf),
     SKLORT_ARITHMETIC(SubtractOf),
     SKLORT_ARITHMETIC(MultiplyOf),
     {Binary<float, float, DivideOf>::loops, Binary<double, double, DivideOf>::loops, {}, {}},
     SKLORT_ARITHMETIC(MinimumOf),
     SKLORT_ARITHMETIC(MaximumOf)},
    {SKLORT_COMPARISON(EqualOf), SKLORT_COMPARISON(LessOf), SKLORT_COMPARISON(LessEqualOf)},
    {SKLORT_SIMPLE(AbsoluteOf),
     SKLORT_SIMPLE(NegativeOf),
     SKLORT_SIMPLE(RootOf),
     SKLORT_SIMPLE(ReciprocalOf),
     SKLORT_SIMPLE(FloorOf),
     SKLORT_SIMPLE(CeilOf),
     SKLORT_SIMPLE(RoundOf),
     SKLORT_SIMPLE(ReluOf),
     {exponential<float>, exponential<double>},
     {sigmoid<float>, sigmoid<double>},
     {hyperbolic<float>, hyperbolic<double>}}};

}  // namespace sklort::SKLORT_HOT
