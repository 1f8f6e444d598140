#include "text/code_set.h"

#include <algorithm>

#include "text/utf8.h"

namespace sklort::text {

void CodeSet::normalise() {
  std::ranges::sort(ranges_, {}, &Range::first);
  std::vector<Range> merged;
  for (const Range& range : ranges_) {
    if (!merged.empty() && range.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  ranges_ = std::move(merged);
}

void CodeSet::add(char32_t first, char32_t last) {
  ranges_.push_back({first, last});
  normalise();
}

void CodeSet::add(const CodeSet& other) {
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
  normalise();
}

bool CodeSet::contains(char32_t code) const noexcept {
  const auto after = std::ranges::upper_bound(ranges_, code, {}, &Range::first);
  return after != ranges_.begin() && code <= std::prev(after)->last;
}

CodeSet CodeSet::complement() const {
  CodeSet out;
  char32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.first > next) out.ranges_.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= last_code) out.ranges_.push_back({next, last_code});
  return out;
}

CodeSet set_of(std::initializer_list<Range> ranges) { return CodeSet(std::span(ranges.begin(), ranges.size())); }

std::optional<CodeSet> posix_class(std::string_view name) {
  struct Named {
    std::string_view name;
    std::initializer_list<Range> ranges;
  };
  static constexpr Range digit{'0', '9'};
  static constexpr Range upper{'A', 'Z'};
  static constexpr Range lower{'a', 'z'};
  const Named all[] = {
      {"alnum", {digit, upper, lower}},
      {"alpha", {upper, lower}},
      {"ascii", {{0, 0x7F}}},
      {"blank", {{'\t', '\t'}, {' ', ' '}}},
      {"cntrl", {{0, 0x1F}, {0x7F, 0x7F}}},
      {"digit", {digit}},
      {"graph", {{'!', '~'}}},
      {"lower", {lower}},
      {"print", {{' ', '~'}}},
      {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
      {"space", {{'\t', '\r'}, {' ', ' '}}},
      {"upper", {upper}},
      {"word", {digit, upper, {'_', '_'}, lower}},
      {"xdigit", {digit, {'A', 'F'}, {'a', 'f'}}},
  };
  const auto* found = std::ranges::find(all, name, &Named::name);
  return found == std::end(all) ? std::nullopt : std::optional(set_of(found->ranges));
}

CodeSet without_case(const CodeSet& set, bool dotless) {
  constexpr char32_t capital_i_with_dot = 0x130;
  constexpr char32_t dotless_i = 0x131;
  // First the lower-case letters that stand for the set, then all that have one of these as their lower case.
  std::vector<Range> more;
  for (const auto& [code, to] : lower_pairs()) {
    if (set.contains(code) && (dotless || code != capital_i_with_dot)) more.push_back({to, to});
  }
  CodeSet all = set;
  all.add(CodeSet(more));
  more.clear();
  for (const auto& [code, other] : same_upper()) {
    if (!dotless && (code == dotless_i || other == dotless_i)) continue;
    if (all.contains(code)) more.push_back({other, other});
  }
  all.add(CodeSet(more));
  more.clear();
  for (const auto& [code, to] : lower_pairs()) {
    if ((dotless || code != capital_i_with_dot) && all.contains(to)) more.push_back({code, code});
  }
  all.add(CodeSet(more));
  return all;
}

}  // namespace sklort::text
