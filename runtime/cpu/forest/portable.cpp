#include "portable.h"

#include <algorithm>
#include <utility>

#include "model.h"

namespace sklort::forest {

Portable portable_of(const Node& node, bool doubles) {
  Portable made;
  made.forest = forest_of(node);
  Forest& forest = made.forest;
  made.trees = static_cast<std::int64_t>(forest.roots.size());
  made.positive = std::ranges::all_of(forest.addends, [](const Addend& addend) { return addend.weight >= 0; });
  made.one_target = !forest.addends.empty() && std::ranges::all_of(forest.addends, [&](const Addend& addend) {
    return addend.target == forest.addends[0].target;
  });
  check_acyclic(forest);
  made.refuses = walk_refuses(forest);
  if (!made.refuses.empty()) return made;
  merge_copies(forest);
  if (!doubles) made.packed = pack_narrow(forest);
  if (!made.packed) made.packed = pack_wide(forest);
  return made;
}

}  // namespace sklort::forest
