#include "engine.h"

#include <algorithm>
#include <atomic>

#include "error.h"
#include "op.h"
#include "sums.h"

namespace sklort::forest {

namespace {

std::atomic<int> tunings{0};

}  // namespace

void begin_tuning() noexcept { tunings.fetch_add(1, std::memory_order_relaxed); }
void end_tuning() noexcept { tunings.fetch_sub(1, std::memory_order_relaxed); }
bool tuning() noexcept { return tunings.load(std::memory_order_relaxed) != 0; }

Engine engine_of(std::string_view name) {
  const auto* found = std::ranges::find(engine_names, name);
  if (found != engine_names.end()) return static_cast<Engine>(found - engine_names.begin());
  std::string names;
  for (const std::string_view one : engine_names) names += sentence(names.empty() ? "" : ", ", "'", one, "'");
  throw Error(Status::invalid_argument, sentence("there is no forest engine '", name, "'; choose one of: ", names));
}

bool Forms::takes(Engine engine) const noexcept {
  switch (engine) {
    case Engine::walk:
      return true;
    case Engine::gather:
      return can_gather(*walk);
    case Engine::quick:
      return quick && can_score(*quick);
    case Engine::compare:
      return compare != nullptr;
    case Engine::automatic:
      break;
  }
  return false;
}

double Forms::cost(std::int64_t rows, Engine engine) const noexcept {
  switch (engine) {
    case Engine::compare:
      return compare->cost(rows);
    case Engine::quick:
      return quick->cost(rows);
    case Engine::gather:
      return walk->cost(rows, Follow::gather);
    default:
      return walk->cost(rows, Follow::plain);
  }
}

Engine Forms::pick(std::int64_t rows, Engine asked) const noexcept {
  if (takes(asked)) return asked;
  Engine best = best_follow(*walk) == Follow::gather ? Engine::gather : Engine::walk;
  for (const Engine other : {Engine::quick, Engine::compare}) {
    if (takes(other) && cost(rows, other) < cost(rows, best)) best = other;
  }
  return best;
}

std::string Forms::explain(Engine asked) const {
  constexpr std::int64_t many_rows = 1 << 20;
  std::string text =
      sentence(walk->trees.size(), " trees of ", walk->columns.size(), " columns, nodes of ", walk->wide ? 16 : 8, " bytes, ",
               (walk->bytes() + (quick ? quick->bytes() : 0) + (compare ? compare->bytes() : 0)) / 1024, " KiB: ");
  Engine last = pick(1, asked);
  text += name_of(last);
  for (std::int64_t rows = 2; rows <= many_rows; rows *= 2) {  // between two powers it may change to and fro
    const Engine here = pick(rows, asked);
    if (here != last) text += sentence(", ", name_of(here), " from about ", rows, " rows");
    last = here;
  }
  if (!quick) text += sentence("; no quickscorer: ", quick_refuses);
  if (!compare) text += sentence("; no compare-all: ", compare_refuses);
  if (asked != Engine::automatic && last != asked) text += sentence("; ", name_of(asked), " was asked for, but cannot take it");
  return text;
}

}  // namespace sklort::forest
