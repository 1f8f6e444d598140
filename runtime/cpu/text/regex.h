// Regular expressions in time linear in the text, for each search.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "text/automaton.h"
#include "text/dfa.h"
#include "text/pattern.h"

namespace sklort::text {

struct Match {
  std::size_t first;
  std::size_t last;  // behind the last byte
};

// Finds the leftmost match of at least one character.
class Search {
 public:
  // Throws PatternError.
  Search(const Pattern& pattern, Prefer prefer);

  // What one thread writes while it searches.
  struct Scratch {
    explicit Scratch(const Search& search) : step(search.forwards_) {}
    Automaton::Scratch step;
    Threads now;
    Threads next;
  };

  // The first match that starts at or behind byte `from`. Allocates only without tables.
  std::optional<Match> find(std::string_view text, std::size_t from, Scratch& scratch) const;

  bool has_tables() const noexcept { return ends_.has_value() && begins_.has_value(); }

 private:
  std::size_t end_of_match(std::string_view text, std::size_t from) const noexcept;
  std::size_t begin_of_match(std::string_view text, std::size_t end, std::size_t from) const noexcept;
  std::optional<Match> simulate(std::string_view text, std::size_t from, Scratch& scratch) const;

  Classes classes_;
  Automaton forwards_;
  Automaton backwards_;
  std::optional<Dfa> ends_;    // reads on to where the match ends
  std::optional<Dfa> begins_;  // reads back to where it begins
};

// Whether the whole text matches.
class FullMatch {
 public:
  // Throws PatternError.
  explicit FullMatch(const Pattern& pattern);

  struct Scratch {
    explicit Scratch(const FullMatch& match) : step(match.forwards_) {}
    Automaton::Scratch step;
    Threads now;
    Threads next;
  };

  bool matches(std::string_view text, Scratch& scratch) const;
  bool has_tables() const noexcept { return tables_.has_value(); }

 private:
  Classes classes_;
  Automaton forwards_;
  std::optional<Dfa> tables_;
};

}  // namespace sklort::text
