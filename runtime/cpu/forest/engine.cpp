#include "engine.h"

#include <algorithm>

#include "error.h"
#include "op.h"
#include "sums.h"

namespace sklort::forest {

Engine engine_of(std::string_view name) {
  const auto* found = std::ranges::find(engine_names, name);
  if (found != engine_names.end()) return static_cast<Engine>(found - engine_names.begin());
  std::string names;
  for (const std::string_view one : engine_names) names += sentence(names.empty() ? "" : ", ", "'", one, "'");
  throw Error(Status::invalid_argument, sentence("there is no forest engine '", name, "'; choose one of: ", names));
}

double Forms::cost(std::int64_t rows, Engine engine) const noexcept {
  switch (engine) {
    case Engine::compare:
      return compare->cost(rows);
    case Engine::gather:
      return walk->cost(rows, Follow::gather);
    default:
      return walk->cost(rows, Follow::plain);
  }
}

Engine Forms::pick(std::int64_t rows, Engine asked) const noexcept {
  const bool gathers = best_follow(*walk) == Follow::gather;
  if (asked == Engine::walk || (asked == Engine::gather && can_gather(*walk)) || (asked == Engine::compare && compare))
    return asked;
  const Engine walking = gathers ? Engine::gather : Engine::walk;
  return compare && cost(rows, Engine::compare) < cost(rows, walking) ? Engine::compare : walking;
}

std::string Forms::explain(Engine asked) const {
  constexpr std::int64_t many_rows = 1 << 20;
  std::string text = sentence(walk->trees.size(), " trees of ", walk->columns.size(), " columns, nodes of ", walk->wide ? 16 : 8,
                              " bytes, ", (walk->bytes() + (compare ? compare->bytes() : 0)) / 1024, " KiB: ");
  Engine last = pick(1, asked);
  text += name_of(last);
  for (std::int64_t rows = 2; rows <= many_rows; rows += rows < 512 ? 1 : rows / 2) {
    const Engine here = pick(rows, asked);
    if (here != last) text += sentence(", ", name_of(here), " from ", rows, " rows");
    last = here;
  }
  if (!compare) text += sentence("; no compare-all: ", compare_refuses);
  if (asked != Engine::automatic && last != asked) text += sentence("; ", name_of(asked), " was asked for, but cannot take it");
  return text;
}

}  // namespace sklort::forest
