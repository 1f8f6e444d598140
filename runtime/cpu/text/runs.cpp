#include "text/runs.h"

#include <algorithm>
#include <span>

namespace sklort::text {

namespace {

using Kind = Pattern::Kind;

bool is_boundary(const Pattern::Node& node) { return node.kind == Kind::assertion && node.assertion == Assertion::boundary; }

}  // namespace

std::optional<Runs> Runs::make(const Pattern& pattern) {
  const auto node = [&](int index) -> const Pattern::Node& { return pattern.nodes[static_cast<std::size_t>(index)]; };
  const auto set_of = [&](const Pattern::Node& one) { return &pattern.sets[static_cast<std::size_t>(one.set)]; };
  std::span<const int> parts(&pattern.root, 1);
  if (node(pattern.root).kind == Kind::concat) parts = node(pattern.root).children;
  // A run ends where its set ends: of the characters of words, that is at a boundary.
  bool bounded = false;
  if (!parts.empty() && is_boundary(node(parts.front()))) {
    bounded = true;
    parts = parts.subspan(1);
  }
  if (!parts.empty() && is_boundary(node(parts.back()))) {
    bounded = true;
    parts = parts.first(parts.size() - 1);
  }
  const CodeSet* set = nullptr;
  std::size_t least = 0;
  bool endless = false;
  for (const int index : parts) {
    const Pattern::Node* one = &node(index);
    std::size_t count = 1;
    if (one->kind == Kind::repeat) {
      if (one->most != -1 || one->lazy) return std::nullopt;
      endless = true;
      count = static_cast<std::size_t>(one->least);
      one = &node(one->children[0]);
    }
    if (one->kind != Kind::set || (set != nullptr && *set != *set_of(*one))) return std::nullopt;
    set = set_of(*one);
    least += count;
  }
  if (set == nullptr || !endless || (bounded && *set != pattern.word)) return std::nullopt;
  return Runs(*set, std::max<std::size_t>(least, 1));
}

Runs::Runs(const CodeSet& set, std::size_t least)
    : least_(least), codes_([&](char32_t first, auto& page) {
        for (std::size_t i = 0; i < page.size(); ++i) page[i] = set.contains(first + static_cast<char32_t>(i)) ? 1 : 0;
      }) {
  for (std::size_t code = 0; code < ascii_.size(); ++code) ascii_[code] = codes_[static_cast<char32_t>(code)];
}

}  // namespace sklort::text
