#include "text/dfa.h"

#include <compare>
#include <map>

namespace sklort::text {

namespace {

constexpr std::size_t most_entries = 1U << 16U;
constexpr std::size_t most_visits = 1U << 20U;  // bounds the time it takes to build them

struct State {
  std::vector<std::uint32_t> keys;
  Context behind;
  bool searching;
  auto operator<=>(const State&) const = default;
};

}  // namespace

std::optional<Dfa> Dfa::make(const Classes& classes, const Automaton& automaton, bool searching) {
  Dfa dfa;
  const auto columns = static_cast<std::uint32_t>(classes.count());
  dfa.asks_ = automaton.asks();
  std::map<State, std::uint32_t> known;
  std::vector<const State*> states;
  const auto number = [&](State state) {
    // Nothing can follow: what stands behind does not matter any more.
    if (state.keys.empty() && !state.searching) state.behind = 0;
    const auto [found, added] = known.emplace(std::move(state), static_cast<std::uint32_t>(known.size() * columns));
    if (added) states.push_back(&found->first);
    return found->second;
  };
  number({{}, 0, false});  // dead
  for (std::size_t behind = 0; behind < contexts; ++behind) {
    if ((behind & ~dfa.asks_) != 0) continue;
    State state{{}, static_cast<Context>(behind), searching};
    if (!searching) state.keys.push_back(automaton.start_key());
    dfa.starts_[behind] = number(std::move(state));
  }

  Automaton::Scratch scratch(automaton);
  Threads from;
  Threads to;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const State& state = *states[i];
    from.clear();
    for (const std::uint32_t key : state.keys) from.push(key, 0);
    if (state.searching) {
      from.push(Threads::mark, 0);
      from.push(automaton.start_key(), 0);
    }
    if (states.size() * columns > most_entries || scratch.visits > most_visits) return std::nullopt;
    for (std::uint32_t one = 0; one < columns; ++one) {
      const auto next = static_cast<std::uint8_t>(one);
      const Automaton::Matched matched = automaton.step(classes, from, state.behind, next, to, scratch);
      const auto behind = static_cast<Context>(classes.context(next) & dfa.asks_);
      const std::uint32_t target = number({to.keys, behind, state.searching && !matched.any});
      dfa.table_.push_back(target * 2 + (matched.any ? 1 : 0));
    }
  }
  return dfa;
}

}  // namespace sklort::text
