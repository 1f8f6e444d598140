#include "reduction.h"

namespace sklort {

SKLORT_DECLARE(ReduceLoops, reduce_loops)

const ReduceLoops& reduce_loops() { return SKLORT_CHOOSE(reduce_loops); }

}  // namespace sklort
