// CUDA's words for a compiler of the host. Included in front of the text of a kernel, which then runs on fibers (fibers.h).
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#include "fibers.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

#define threadIdx (::sklort::emulation::thread_index)
#define blockIdx (::sklort::emulation::block_index)
#define blockDim (::sklort::emulation::block_size)
#define gridDim (::sklort::emulation::grid_size)
#define __syncthreads() ::sklort::emulation::barrier(__LINE__)

#define SKLORT_SHARED(name) unsigned char* name = ::sklort::emulation::shared_memory()

struct alignas(16) ulonglong2 {
  unsigned long long x;
  unsigned long long y;
};

inline void __syncwarp(unsigned mask = 0xFFFFFFFFU) { (void)sklort::emulation::exchange(mask, 0); }

inline int __any_sync(unsigned mask, int given) {
  const std::uint64_t* table = sklort::emulation::exchange(mask, given != 0 ? 1 : 0);
  int any = 0;
  for (int lane = 0; lane < 32; ++lane) any |= static_cast<int>((mask >> lane & 1) != 0 && table[lane] != 0);
  return any;
}

template <class T>
inline T __ldg(const T* from) {
  return *from;
}

namespace sklort::cuda {

inline void copy_async(void* to, const void* from) { emulation::copy_later(to, from, 16); }
inline void close_copies() { emulation::close_group(); }
template <unsigned groups>
inline void wait_copies() {
  emulation::wait_for_all_but(groups);
}

inline float add(float a, float b) { return a + b; }
inline float subtract(float a, float b) { return a - b; }
inline float multiply(float a, float b) { return a * b; }
inline float divide(float a, float b) { return a / b; }
inline float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float root(float a) { return __builtin_sqrtf(a); }
inline bool less(float a, float b) { return a < b; }
inline double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline double root(double a) { return __builtin_sqrt(a); }
inline double natural_log(double a) { return __builtin_log(a); }
inline double round_down(double a) { return __builtin_floor(a); }
inline double round_up(double a) { return __builtin_ceil(a); }
inline double round_even(double a) { return __builtin_rint(a); }
inline double wide(float a) { return static_cast<double>(a); }
inline float narrow(double a) { return static_cast<float>(a); }

template <class To, class From>
inline To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

}  // namespace sklort::cuda

namespace sklort::emulation {

template <auto kernel>
struct Caller;

template <class... Arguments, void (*kernel)(Arguments...)>
struct Caller<kernel> {
  static void enter(void** arguments) { call(arguments, std::index_sequence_for<Arguments...>{}); }

  // What the host hands over must have the sizes that the kernel reads.
  static bool fits(const std::size_t* sizes, std::size_t count) {
    const std::size_t wanted[] = {sizeof(Arguments)...};
    if (count != sizeof...(Arguments)) return false;
    for (std::size_t i = 0; i < count; ++i) {
      if (sizes[i] != wanted[i]) return false;
    }
    return true;
  }

 private:
  template <std::size_t... i>
  static void call(void** arguments, std::index_sequence<i...>) {
    kernel(*static_cast<Arguments*>(arguments[i])...);
  }
};

}  // namespace sklort::emulation

// The entrance of a kernel for the host: `geometry` is the grid, then the block.
#define SKLORT_EMULATED(kernel)                                                                                             \
  extern "C" int emulated_##kernel(void** arguments, const std::size_t* sizes, std::size_t count, const unsigned* geometry, \
                                   std::size_t shared_bytes, int order, char* message, std::size_t size) {                  \
    using Caller = sklort::emulation::Caller<kernel>;                                                                       \
    if (!Caller::fits(sizes, count)) {                                                                                      \
      std::strncpy(message, "the arguments do not fit the kernel", size);                                                   \
      return 1;                                                                                                             \
    }                                                                                                                       \
    return sklort::emulation::launch(Caller::enter, arguments, {geometry[0], geometry[1], geometry[2]},                     \
                                     {geometry[3], geometry[4], geometry[5]}, shared_bytes, order, message, size);          \
  }
