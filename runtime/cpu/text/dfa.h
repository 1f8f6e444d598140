// An automaton made deterministic: one table look-up for a character. All states are made beforehand, so that threads share
// them; a pattern that would need too many has no tables.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/automaton.h"

namespace sklort::text {

class Dfa {
 public:
  // Nothing when the tables would be too large. `searching`: a match may start anywhere; otherwise where the reading starts.
  static std::optional<Dfa> make(const Classes& classes, const Automaton& automaton, bool searching);

  // A state is known by where its row of the table starts.
  static constexpr std::uint32_t dead = 0;
  std::uint32_t start(Context behind) const noexcept { return starts_[behind & asks_]; }
  // The state after a character, times two, plus one when a match ends before that character.
  std::uint32_t next(std::uint32_t state, std::uint8_t one) const noexcept { return table_[state + one]; }

 private:
  Context asks_ = 0;
  std::array<std::uint32_t, contexts> starts_{};
  std::vector<std::uint32_t> table_;
};

}  // namespace sklort::text
