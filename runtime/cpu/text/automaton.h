// A pattern as a nondeterministic automaton over classes of characters, and one step of it. Both engines take this step: the
// tables (dfa.h) for every state and class beforehand, the simulation (regex.cpp) for every character.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "text/pages.h"
#include "text/pattern.h"

namespace sklort::text {

// Which of the matches that start leftmost: the one that a backtracking search would find first, as Python, or the longest.
enum class Prefer { first, longest };

// What assertions ask of the character beside them; `edge`: there is none.
using Context = std::uint8_t;
inline constexpr Context is_word = 1;
inline constexpr Context is_newline = 2;
inline constexpr Context is_edge = 4;
inline constexpr Context is_last_newline = 8;  // nothing follows it
inline constexpr std::size_t contexts = 16;

// Characters that no set of the pattern tells apart form a class. Two more classes: the newline that ends the text, and none.
class Classes {
 public:
  Classes() = default;
  explicit Classes(const Pattern& pattern);  // throws PatternError

  std::uint8_t of(char32_t code) const noexcept { return code < 128 ? ascii_[code] : pages_[code]; }
  std::uint8_t of_ascii(unsigned char byte) const noexcept { return ascii_[byte]; }
  std::size_t count() const noexcept { return context_.size(); }
  std::uint8_t newline() const noexcept { return ascii_['\n']; }
  std::uint8_t last_newline() const noexcept { return static_cast<std::uint8_t>(count() - 2); }
  std::uint8_t none() const noexcept { return static_cast<std::uint8_t>(count() - 1); }
  Context context(std::uint8_t one) const noexcept { return context_[one]; }
  bool in(std::uint8_t one, int set) const noexcept { return members_[one][static_cast<std::size_t>(set)]; }

 private:
  std::array<std::uint8_t, 128> ascii_{};
  Pages<std::uint8_t> pages_;
  std::vector<Context> context_;
  std::vector<std::vector<bool>> members_;  // by class, then set
};

// Threads of the automaton, best first. In a search for the longest match a mark stands between those that started at
// different places.
struct Threads {
  static constexpr std::uint32_t mark = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> keys;  // where a thread is: instruction * 2 + whether it has read a character
  std::vector<std::size_t> starts;  // where it started

  void clear() noexcept {
    keys.clear();
    starts.clear();
  }
  void push(std::uint32_t key, std::size_t start) {
    keys.push_back(key);
    starts.push_back(start);
  }
};

class Automaton {
 public:
  struct Options {
    bool backwards = false;  // reads the text from its end
    bool whole = false;      // matches the whole text, which may be empty; otherwise a match has at least one character
    Prefer prefer = Prefer::first;
  };

  Automaton(const Pattern& pattern, Options options);  // throws PatternError

  // What `step` writes while it works.
  struct Scratch {
    explicit Scratch(const Automaton& automaton) : seen(automaton.keys(), 0), added(automaton.keys(), 0) {}
    std::vector<std::uint32_t> seen;
    std::vector<std::uint32_t> added;
    std::vector<std::uint32_t> stack;
    std::uint32_t stamp = 0;
    std::size_t visits = 0;  // of instructions, all steps together
  };

  struct Matched {
    bool any = false;
    std::size_t start = 0;
  };

  std::uint32_t start_key() const noexcept { return static_cast<std::uint32_t>(start_) * 2; }
  std::size_t keys() const noexcept { return instructions_.size() * 2; }
  Context asks() const noexcept { return asks_; }  // the parts of a context that matter
  bool looks_at_last_newline() const noexcept { return (asks_ & is_last_newline) != 0; }

  // From `from`, with the character behind it of context `behind`, over a character of class `next` (or the none at the edge).
  // Says whether a match ends before that character, and by which thread.
  Matched step(const Classes& classes, const Threads& from, Context behind, std::uint8_t next, Threads& to,
               Scratch& scratch) const;

 private:
  struct Instruction {
    enum class Kind : std::uint8_t { set, split, assertion, match };
    Kind kind;
    Assertion assertion;
    int set;
    int next;
    int other;  // of a split: the second choice
  };

  int emit(Instruction instruction);
  int compile(const Pattern& pattern, int node, int next);
  int compile_repeat(const Pattern& pattern, const Pattern::Node& node, int next);
  bool holds(Assertion assertion, Context behind, Context ahead) const noexcept;

  Options options_;
  bool counts_first_ = false;  // an empty match is possible and must be told from others
  Context asks_ = 0;
  int start_ = 0;
  std::vector<Instruction> instructions_;
};

}  // namespace sklort::text
