// What the engines must know of the processor that no list of its features tells.
#pragma once

#include <cstddef>

namespace sklort::forest {

// Whether following many paths with gather instructions is faster here than following a few with plain ones. Processors that
// were mended against leaks through gathers have the instruction, but take several times as long for it. Measured once for each
// instruction set, in some 50 microseconds.
bool gathers_are_fast();

// Of one core; a usual size where the system does not tell.
std::size_t second_level_cache() noexcept;

}  // namespace sklort::forest
