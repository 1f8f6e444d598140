// What a hot file may include, besides simd.h and common/.
//
// A hot file, cpu/ops/<stem>.hot.cpp, is compiled once for each instruction set, with SKLORT_HOT naming the namespace:
//
//     namespace sklort::SKLORT_HOT {
//     namespace { ...loops... }                  // internal linkage: nothing here may be shared between instruction sets
//     extern const StemLoops stem_loops = {...}; // the table, the only symbol
//     }
//
// It allocates nothing, throws nothing, locks nothing and calls no library template, which could be emitted for a chip the user
// lacks; tests/rules reads the symbols of the objects. The table's type is in cpu/ops/<stem>.hot.h.
#pragma once

#include <cstddef>
#include <cstdint>

#if !defined(SKLORT_HOT)
#error "hot.h is for files compiled once for each instruction set"
#endif

#define SKLORT_INLINE inline __attribute__((always_inline))
