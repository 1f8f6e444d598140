// Which instruction set the hot loops use. Chosen once: the first of the list that was compiled in and that the machine has, or
// what the environment variable SKLORT_ISA names. A name that is unknown, or that the machine lacks, is an error, never ignored.
#pragma once

#include <string>
#include <vector>

namespace sklort {

enum class Isa { baseline, avx2, avx512 };

const char* isa_name(Isa isa) noexcept;
std::vector<Isa> available_isas();  // best first
Isa current_isa() noexcept;
void choose_isa(const std::string& name);  // "" chooses the best; throws Error

// The loops of one stem, one table for each instruction set (see hot.h).
template <class Table>
const Table& choose(const Table& baseline, const Table* avx2, const Table* avx512) noexcept {
  switch (current_isa()) {
    case Isa::avx512:
      if (avx512 != nullptr) return *avx512;
      [[fallthrough]];
    case Isa::avx2:
      if (avx2 != nullptr) return *avx2;
      [[fallthrough]];
    case Isa::baseline:
      break;
  }
  return baseline;
}

// SKLORT_CHOOSE(forest_loops): the table `forest_loops` of the current instruction set. The file that calls it declares them
// with SKLORT_DECLARE(ForestLoops, forest_loops), at namespace scope inside sklort.
#if defined(SKLORT_X86)
#define SKLORT_DECLARE(Table, name) \
  namespace hot_baseline {          \
  extern const Table name;          \
  }                                 \
  namespace hot_avx2 {              \
  extern const Table name;          \
  }                                 \
  namespace hot_avx512 {            \
  extern const Table name;          \
  }
#define SKLORT_CHOOSE(name) choose(hot_baseline::name, &hot_avx2::name, &hot_avx512::name)
#else
#define SKLORT_DECLARE(Table, name) \
  namespace hot_baseline {          \
  extern const Table name;          \
  }
#define SKLORT_CHOOSE(name) choose(hot_baseline::name, decltype(&hot_baseline::name){}, decltype(&hot_baseline::name){})
#endif

}  // namespace sklort
