// What the kernels stand on: the words that differ between compilers, and arithmetic in float that keeps small numbers.
//
// CuPy compiles with -ftz=true: plain float arithmetic, comparisons and conversions take numbers below the normal ones for zero.
// In front of a tree that is another leaf. So floats are added, multiplied, compared and converted here, by instructions that do
// not flush; a test reads the compiled text for the ones that do. Arithmetic in double never flushes. Nothing is contracted:
// the text is compiled with -fmad=false, and `fused` says where a product and a sum are rounded once.
//
// The headers of a kernel are put into one text (sklort/providers/cuda/source.py): CuPy finds compiled kernels again by their
// text, and would not see that a header has changed. Angle brackets are left out: NVRTC has no standard library.
#pragma once

#include <cstdint>

#ifndef SKLORT_EMULATION

#ifdef __CUDACC_RTC__
namespace std {
using uint8_t = unsigned char;
using int8_t = signed char;
using uint16_t = unsigned short;
using int16_t = short;
using uint32_t = unsigned int;
using int32_t = int;
using uint64_t = unsigned long long;
using int64_t = long long;
using uintptr_t = unsigned long long;
}  // namespace std
#endif

// Memory that the threads of a block share; the launch says how much.
#define SKLORT_SHARED(name) extern __shared__ __align__(16) unsigned char name[]

namespace sklort::cuda {

// 16 bytes from global to shared memory, which have arrived after wait_copies<groups>() said that all but the latest `groups` of
// groups must, and after a barrier for the other threads of the block.
__device__ __forceinline__ void copy_async(void* to, const void* from) {
#if __CUDA_ARCH__ >= 800
  const auto shared = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared), "l"(from) : "memory");
#else
  *static_cast<uint4*>(to) = *static_cast<const uint4*>(from);
#endif
}
__device__ __forceinline__ void close_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <unsigned groups>
__device__ __forceinline__ void wait_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory");
#endif
}

#define SKLORT_FLOAT_OPERATOR(name, instruction)                        \
  __device__ __forceinline__ float name(float a, float b) {             \
    float to;                                                           \
    asm(instruction ".rn.f32 %0, %1, %2;" : "=f"(to) : "f"(a), "f"(b)); \
    return to;                                                          \
  }
SKLORT_FLOAT_OPERATOR(add, "add")
SKLORT_FLOAT_OPERATOR(subtract, "sub")
SKLORT_FLOAT_OPERATOR(multiply, "mul")
SKLORT_FLOAT_OPERATOR(divide, "div")
#undef SKLORT_FLOAT_OPERATOR

__device__ __forceinline__ float fused(float a, float b, float c) {
  float to;
  asm("fma.rn.f32 %0, %1, %2, %3;" : "=f"(to) : "f"(a), "f"(b), "f"(c));
  return to;
}
__device__ __forceinline__ float root(float a) {
  float to;
  asm("sqrt.rn.f32 %0, %1;" : "=f"(to) : "f"(a));
  return to;
}
__device__ __forceinline__ bool less(float a, float b) {
  int to;
  asm("{\n.reg .pred p;\nsetp.lt.f32 p, %1, %2;\nselp.s32 %0, 1, 0, p;\n}" : "=r"(to) : "f"(a), "f"(b));
  return to != 0;
}
__device__ __forceinline__ double fused(double a, double b, double c) { return __fma_rn(a, b, c); }
__device__ __forceinline__ double root(double a) { return __dsqrt_rn(a); }
__device__ __forceinline__ double natural_log(double a) { return ::log(a); }
__device__ __forceinline__ double round_down(double a) { return ::floor(a); }
__device__ __forceinline__ double round_up(double a) { return ::ceil(a); }
__device__ __forceinline__ double round_even(double a) { return ::rint(a); }
__device__ __forceinline__ double wide(float a) {
  double to;
  asm("cvt.f64.f32 %0, %1;" : "=d"(to) : "f"(a));
  return to;
}
__device__ __forceinline__ float narrow(double a) {
  float to;
  asm("cvt.rn.f32.f64 %0, %1;" : "=f"(to) : "d"(a));
  return to;
}

template <class To, class From>
__device__ __forceinline__ To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From), "");
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}

}  // namespace sklort::cuda

#endif

namespace sklort::cuda {

__device__ __forceinline__ double add(double a, double b) { return a + b; }
__device__ __forceinline__ double subtract(double a, double b) { return a - b; }
__device__ __forceinline__ double multiply(double a, double b) { return a * b; }
__device__ __forceinline__ double divide(double a, double b) { return a / b; }
__device__ __forceinline__ bool less(double a, double b) { return a < b; }
__device__ __forceinline__ double wide(double a) { return a; }

template <class T>
__device__ __forceinline__ T as(double a);
template <>
__device__ __forceinline__ float as<float>(double a) {
  return narrow(a);
}
template <>
__device__ __forceinline__ double as<double>(double a) {
  return a;
}

template <class T>
__device__ __forceinline__ bool is_nan(T a);
template <>
__device__ __forceinline__ bool is_nan<float>(float a) {
  return (bits_as<std::uint32_t>(a) & 0x7FFFFFFFU) > 0x7F800000U;
}
template <>
__device__ __forceinline__ bool is_nan<double>(double a) {
  return (bits_as<std::uint64_t>(a) & 0x7FFFFFFFFFFFFFFFU) > 0x7FF0000000000000U;
}

// The first element of this thread, and how far it is to its next one.
__device__ __forceinline__ std::int64_t first_element() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ std::int64_t element_stride() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

}  // namespace sklort::cuda
