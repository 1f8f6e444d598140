#include "text/regex.h"

#include <utility>

#include "text/utf8.h"

namespace sklort::text {

namespace {

constexpr std::size_t nowhere = std::string_view::npos;

struct Character {
  std::uint8_t one;  // its class
  std::size_t size;
};

Character character_at(const Classes& classes, const Automaton& automaton, std::string_view text, std::size_t at) noexcept {
  if (at == text.size()) return {classes.none(), 0};
  if (is_ascii(text[at])) {
    if (text[at] == '\n' && at + 1 == text.size() && automaton.looks_at_last_newline()) return {classes.last_newline(), 1};
    return {classes.of_ascii(static_cast<unsigned char>(text[at])), 1};
  }
  const Decoded found = decode(text, at);
  return {classes.of(found.code), found.size};
}

Character character_before(const Classes& classes, const Automaton& automaton, std::string_view text, std::size_t end) noexcept {
  if (end == 0) return {classes.none(), 0};
  if (is_ascii(text[end - 1])) return {character_at(classes, automaton, text, end - 1).one, 1};
  const Decoded found = decode_before(text, end);
  return {classes.of(found.code), found.size};
}

}  // namespace

Search::Search(const Pattern& pattern, Prefer prefer)
    : classes_(pattern),
      forwards_(pattern, {.prefer = prefer}),
      backwards_(pattern, {.backwards = true, .prefer = Prefer::longest}),
      ends_(Dfa::make(classes_, forwards_, true)),
      begins_(ends_ ? Dfa::make(classes_, backwards_, false) : std::nullopt) {}

std::optional<Match> Search::find(std::string_view text, std::size_t from, Scratch& scratch) const {
  if (!has_tables()) return simulate(text, from, scratch);
  const std::size_t end = end_of_match(text, from);
  if (end == nowhere) return std::nullopt;
  // The leftmost match that ends there is the one: an earlier start would have been found first.
  return Match{begin_of_match(text, end, from), end};
}

std::size_t Search::end_of_match(std::string_view text, std::size_t from) const noexcept {
  // Before `plain`, the class of an ASCII character does not depend on where it stands.
  const std::size_t plain = text.size() - (forwards_.looks_at_last_newline() && !text.empty() ? 1 : 0);
  std::uint32_t state = ends_->start(classes_.context(character_before(classes_, forwards_, text, from).one));
  std::size_t end = nowhere;
  for (std::size_t at = from;;) {
    while (at < plain && is_ascii(text[at])) {
      const std::uint32_t entry = ends_->next(state, classes_.of_ascii(static_cast<unsigned char>(text[at])));
      if ((entry & 1U) != 0) end = at;
      state = entry >> 1U;
      if (state == Dfa::dead) return end;
      ++at;
    }
    const Character next = character_at(classes_, forwards_, text, at);
    const std::uint32_t entry = ends_->next(state, next.one);
    if ((entry & 1U) != 0) end = at;
    state = entry >> 1U;
    if (state == Dfa::dead || next.size == 0) return end;
    at += next.size;
  }
}

std::size_t Search::begin_of_match(std::string_view text, std::size_t end, std::size_t from) const noexcept {
  std::uint32_t state = begins_->start(classes_.context(character_at(classes_, backwards_, text, end).one));
  std::size_t begin = end;
  for (std::size_t at = end;;) {
    // The first character read may be a newline that ends the text: it goes the longer way.
    while (at > from && at < text.size() && is_ascii(text[at - 1])) {
      const std::uint32_t entry = begins_->next(state, classes_.of_ascii(static_cast<unsigned char>(text[at - 1])));
      if ((entry & 1U) != 0) begin = at;
      state = entry >> 1U;
      if (state == Dfa::dead) return begin;
      --at;
    }
    const Character next = character_before(classes_, backwards_, text, at);
    const std::uint32_t entry = begins_->next(state, next.one);
    if ((entry & 1U) != 0) begin = at;
    state = entry >> 1U;
    if (state == Dfa::dead || at <= from) return begin;
    at -= next.size;
  }
}

std::optional<Match> Search::simulate(std::string_view text, std::size_t from, Scratch& scratch) const {
  std::optional<Match> found;
  scratch.now.clear();
  Context behind = classes_.context(character_before(classes_, forwards_, text, from).one);
  for (std::size_t at = from;;) {
    if (!found) {
      scratch.now.push(Threads::mark, 0);
      scratch.now.push(forwards_.start_key(), at);
    }
    const Character next = character_at(classes_, forwards_, text, at);
    const Automaton::Matched matched = forwards_.step(classes_, scratch.now, behind, next.one, scratch.next, scratch.step);
    if (matched.any) found = Match{matched.start, at};
    std::swap(scratch.now, scratch.next);
    if (next.size == 0 || (found && scratch.now.keys.empty())) return found;
    behind = classes_.context(next.one);
    at += next.size;
  }
}

FullMatch::FullMatch(const Pattern& pattern)
    : classes_(pattern), forwards_(pattern, {.whole = true}), tables_(Dfa::make(classes_, forwards_, false)) {}

bool FullMatch::matches(std::string_view text, Scratch& scratch) const {
  if (!has_tables()) {
    scratch.now.clear();
    scratch.now.push(forwards_.start_key(), 0);
    Context behind = is_edge;
    for (std::size_t at = 0;;) {
      const Character next = character_at(classes_, forwards_, text, at);
      const bool matched = forwards_.step(classes_, scratch.now, behind, next.one, scratch.next, scratch.step).any;
      std::swap(scratch.now, scratch.next);
      if (next.size == 0 || scratch.now.keys.empty()) return matched;
      behind = classes_.context(next.one);
      at += next.size;
    }
  }
  std::uint32_t state = tables_->start(is_edge);
  for (std::size_t at = 0;;) {
    const Character next = character_at(classes_, forwards_, text, at);
    const std::uint32_t entry = tables_->next(state, next.one);
    if (next.size == 0) return (entry & 1U) != 0;
    state = entry >> 1U;
    if (state == Dfa::dead) return false;
    at += next.size;
  }
}

}  // namespace sklort::text
