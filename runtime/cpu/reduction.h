// The loops of reduce.hot.h for an element type.
#pragma once

#include <type_traits>

#include "isa.h"
#include "ops/reduce.hot.h"

namespace sklort {

const ReduceLoops& reduce_loops();

template <class T>
const RunLoops<T>& run_loops() {
  if constexpr (std::is_same_v<T, float>) {
    return reduce_loops().floats;
  } else {
    return reduce_loops().doubles;
  }
}

}  // namespace sklort
