#include "text/automaton.h"

#include <algorithm>
#include <map>
#include <utility>

#include "error.h"

namespace sklort::text {

namespace {

constexpr std::size_t most_classes = 250;
constexpr std::size_t most_instructions = 20'000;

}  // namespace

// --- Classes --------------------------------------------------------------------------------------------------------

Classes::Classes(const Pattern& pattern) {
  std::vector<const CodeSet*> sets;
  for (const CodeSet& set : pattern.sets) sets.push_back(&set);
  const CodeSet line_feed(std::array{Range{'\n', '\n'}});
  sets.push_back(&line_feed);
  sets.push_back(&pattern.word);

  // Every place where some set begins or ends; in between, membership does not change.
  struct Border {
    char32_t at;
    std::size_t set;
  };
  std::vector<Border> borders;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    for (const Range& range : sets[i]->ranges()) {
      borders.push_back({range.first, i});
      borders.push_back({range.last + 1, i});
    }
  }
  std::ranges::sort(borders, {}, &Border::at);

  std::map<std::vector<bool>, std::uint8_t> known;
  std::vector<std::pair<char32_t, std::uint8_t>> pieces;  // first code point, class
  std::vector<bool> inside(sets.size(), false);
  const auto class_of = [&] {
    const auto [found, added] = known.emplace(inside, static_cast<std::uint8_t>(known.size()));
    if (known.size() > most_classes) throw PatternError{"the pattern tells too many characters apart for the native engine"};
    return found->second;
  };
  auto border = borders.begin();
  for (char32_t at = 0; at <= last_code;) {
    for (; border != borders.end() && border->at <= at; ++border) inside[border->set] = !inside[border->set];
    pieces.emplace_back(at, class_of());
    at = border == borders.end() ? last_code + 1 : border->at;
  }
  pages_ = Pages<std::uint8_t>([&, piece = std::size_t{0}](char32_t first, auto& page) mutable {
    for (std::size_t i = 0; i < page.size(); ++i) {
      while (piece + 1 < pieces.size() && pieces[piece + 1].first <= first + i) ++piece;
      page[i] = pieces[piece].second;
    }
  });
  for (std::size_t byte = 0; byte < ascii_.size(); ++byte) ascii_[byte] = pages_[static_cast<char32_t>(byte)];

  members_.resize(known.size());
  context_.resize(known.size());
  for (const auto& [membership, one] : known) {
    members_[one] = membership;
    context_[one] = static_cast<Context>((membership[sets.size() - 2] ? is_newline : 0) | (membership.back() ? is_word : 0));
  }
  members_.push_back(members_[newline()]);
  context_.push_back(is_newline | is_last_newline);
  members_.emplace_back(sets.size(), false);
  context_.push_back(is_edge);
}

// --- Automaton ------------------------------------------------------------------------------------------------------

Automaton::Automaton(const Pattern& pattern, Options options) : options_(options) {
  const auto assertion = [this](Assertion what, int next) { return emit({Instruction::Kind::assertion, what, 0, next, 0}); };
  int next = emit({Instruction::Kind::match, {}, 0, 0, 0});
  if (options.whole) next = assertion(options.backwards ? Assertion::text_begin : Assertion::text_end, next);
  next = compile(pattern, pattern.root, next);
  if (options.whole) next = assertion(options.backwards ? Assertion::text_end : Assertion::text_begin, next);
  start_ = next;
  counts_first_ = !options.whole && pattern.nullable(pattern.root);
  for (const Instruction& one : instructions_) {
    if (one.kind != Instruction::Kind::assertion) continue;
    switch (one.assertion) {
      case Assertion::text_begin:
      case Assertion::text_end:
        asks_ |= is_edge;
        break;
      case Assertion::line_begin:
      case Assertion::line_end:
        asks_ |= is_edge | is_newline;
        break;
      case Assertion::last_line_end:
        asks_ |= is_edge | is_last_newline;
        break;
      case Assertion::boundary:
      case Assertion::not_boundary:
        asks_ |= is_word;
        break;
    }
  }
}

int Automaton::emit(Instruction instruction) {
  if (instructions_.size() >= most_instructions) throw PatternError{"the pattern is too large for the native engine"};
  instructions_.push_back(instruction);
  return static_cast<int>(instructions_.size()) - 1;
}

int Automaton::compile(const Pattern& pattern, int index, int next) {
  const Pattern::Node& node = pattern.nodes[static_cast<std::size_t>(index)];
  switch (node.kind) {
    case Pattern::Kind::empty:
      return next;
    case Pattern::Kind::set:
      return emit({Instruction::Kind::set, {}, node.set, next, 0});
    case Pattern::Kind::assertion:
      return emit({Instruction::Kind::assertion, node.assertion, 0, next, 0});
    case Pattern::Kind::concat: {
      // Built from where it ends: the last item first, unless the text is read from its end.
      std::vector<int> order = node.children;
      if (!options_.backwards) std::ranges::reverse(order);
      for (const int child : order) next = compile(pattern, child, next);
      return next;
    }
    case Pattern::Kind::alternate: {
      int choice = compile(pattern, node.children.back(), next);
      for (std::size_t i = node.children.size() - 1; i-- > 0;) {
        const int better = compile(pattern, node.children[i], next);
        choice = emit({Instruction::Kind::split, {}, 0, better, choice});
      }
      return choice;
    }
    case Pattern::Kind::repeat:
      return compile_repeat(pattern, node, next);
  }
  return next;
}

int Automaton::compile_repeat(const Pattern& pattern, const Pattern::Node& node, int next) {
  const auto choose = [&node](Instruction& split, int more, int leave) {
    split.next = node.lazy ? leave : more;
    split.other = node.lazy ? more : leave;
  };
  const int child = node.children[0];
  const int leave = next;
  if (node.most < 0) {
    const int loop = emit({Instruction::Kind::split, {}, 0, 0, 0});
    const int body = compile(pattern, child, loop);
    choose(instructions_[static_cast<std::size_t>(loop)], body, leave);
    next = loop;
  } else {
    for (int i = node.least; i < node.most; ++i) {
      const int split = emit({Instruction::Kind::split, {}, 0, 0, 0});
      const int body = compile(pattern, child, next);
      choose(instructions_[static_cast<std::size_t>(split)], body, leave);
      next = split;
    }
  }
  for (int i = 0; i < node.least; ++i) next = compile(pattern, child, next);
  return next;
}

bool Automaton::holds(Assertion assertion, Context behind, Context ahead) const noexcept {
  const Context left = options_.backwards ? ahead : behind;
  const Context right = options_.backwards ? behind : ahead;
  switch (assertion) {
    case Assertion::text_begin:
      return (left & is_edge) != 0;
    case Assertion::text_end:
      return (right & is_edge) != 0;
    case Assertion::line_begin:
      return (left & (is_edge | is_newline)) != 0;
    case Assertion::line_end:
      return (right & (is_edge | is_newline)) != 0;
    case Assertion::last_line_end:
      return (right & (is_edge | is_last_newline)) != 0;
    case Assertion::boundary:
      return ((left ^ right) & is_word) != 0;
    case Assertion::not_boundary:
      return ((left ^ right) & is_word) == 0;
  }
  return false;
}

Automaton::Matched Automaton::step(const Classes& classes, const Threads& from, Context behind, std::uint8_t next, Threads& to,
                                   Scratch& scratch) const {
  to.clear();
  if (++scratch.stamp == 0) {  // the stamps have come round
    std::ranges::fill(scratch.seen, 0);
    std::ranges::fill(scratch.added, 0);
    scratch.stamp = 1;
  }
  const std::uint32_t stamp = scratch.stamp;
  const Context ahead = classes.context(next);
  const bool more = next != classes.none();
  Matched matched;
  bool marked = false;
  for (std::size_t i = 0; i < from.keys.size(); ++i) {
    if (from.keys[i] == Threads::mark) {
      if (matched.any) return matched;  // those behind the mark started later
      marked = options_.prefer == Prefer::longest && !to.keys.empty();
      continue;
    }
    scratch.stack.assign(1, from.keys[i]);
    while (!scratch.stack.empty()) {
      const std::uint32_t key = scratch.stack.back();
      scratch.stack.pop_back();
      if (scratch.seen[key] == stamp) continue;
      scratch.seen[key] = stamp;
      ++scratch.visits;
      const Instruction& one = instructions_[key / 2];
      const std::uint32_t has_read = key & 1U;
      const auto at = [has_read](int target) { return static_cast<std::uint32_t>(target) * 2 | has_read; };
      switch (one.kind) {
        case Instruction::Kind::split:
          scratch.stack.push_back(at(one.other));
          scratch.stack.push_back(at(one.next));
          break;
        case Instruction::Kind::assertion:
          if (holds(one.assertion, behind, ahead)) scratch.stack.push_back(at(one.next));
          break;
        case Instruction::Kind::set: {
          if (!more || !classes.in(next, one.set)) break;
          const std::uint32_t target = static_cast<std::uint32_t>(one.next) * 2 | (counts_first_ ? 1U : 0U);
          if (scratch.added[target] == stamp) break;
          scratch.added[target] = stamp;
          if (std::exchange(marked, false)) to.push(Threads::mark, 0);
          to.push(target, from.starts[i]);
          break;
        }
        case Instruction::Kind::match:
          if (counts_first_ && has_read == 0) break;
          matched = {true, from.starts[i]};
          if (options_.prefer == Prefer::first) return matched;
          break;
      }
    }
  }
  return matched;
}

}  // namespace sklort::text
