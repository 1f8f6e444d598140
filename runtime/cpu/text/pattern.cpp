#include "text/pattern.h"

#include <algorithm>

namespace sklort::text {

bool Pattern::capture_is_match() const {
  const Node& top = nodes[static_cast<std::size_t>(root)];
  if (captures != 1) return false;
  if (top.captures) return true;
  return top.kind == Kind::concat && std::ranges::all_of(top.children, [&](int child) {
           const Node& one = nodes[static_cast<std::size_t>(child)];
           return one.captures || one.kind == Kind::assertion;
         });
}

bool Pattern::nullable(int index) const {
  const Node& node = nodes[static_cast<std::size_t>(index)];
  const auto empty = [this](int child) { return nullable(child); };
  switch (node.kind) {
    case Kind::empty:
    case Kind::assertion:
      return true;
    case Kind::set:
      return false;
    case Kind::concat:
      return std::ranges::all_of(node.children, empty);
    case Kind::alternate:
      return std::ranges::any_of(node.children, empty);
    case Kind::repeat:
      return node.least == 0 || nullable(node.children[0]);
  }
  return true;
}

}  // namespace sklort::text
