// A forest for another device: the very nodes that the walk of the CPU reads, or the model's own form where the walk refuses it.
#pragma once

#include <optional>
#include <string>

#include "forest.h"
#include "packed.h"

namespace sklort::forest {

struct Portable {
  Forest forest;           // copies of trees merged where there is `packed`
  std::int64_t trees = 0;  // as the model counts them: an average divides by it
  std::string refuses;     // why there is no `packed`
  std::optional<Packed> packed;
  bool one_target = false;  // all addends are of one target
  bool positive = true;     // no addend is negative
};

// `doubles`: the rows to come are of double.
Portable portable_of(const Node& node, bool doubles);

}  // namespace sklort::forest
