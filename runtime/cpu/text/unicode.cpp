#include "text/unicode.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "text/pages.h"
#include "text/utf8.h"

namespace sklort::text {

namespace {

struct Move {
  char32_t first;
  char32_t last;  // included
  char32_t step;
  std::int32_t delta;
};

struct Several {
  char32_t code;
  std::array<char32_t, 3> to;  // filled up with zeros
};

using Pair = SameUpper;

namespace tables {
#include "text/unicode_tables.inc"
}  // namespace tables

bool contains(std::span<const Range> ranges, char32_t code) noexcept {
  const auto after = std::ranges::upper_bound(ranges, code, {}, &Range::first);
  return after != ranges.begin() && code <= std::prev(after)->last;
}

// A code point of `beyond` becomes several and has no distance.
constexpr std::int32_t several = std::numeric_limits<std::int32_t>::max();

Pages<std::int32_t> spread(std::span<const Move> moves, std::span<const Several> beyond) {
  std::vector<std::pair<char32_t, std::int32_t>> each;
  for (const Move& move : moves) {
    for (char32_t code = move.first; code <= move.last; code += move.step) each.emplace_back(code, move.delta);
  }
  for (const Several& one : beyond) each.emplace_back(one.code, several);
  std::ranges::sort(each);
  return Pages<std::int32_t>([&, next = each.begin()](char32_t first, auto& page) mutable {
    for (; next != each.end() && next->first < first + page.size(); ++next) page[next->first - first] = next->second;
  });
}

const Pages<std::int32_t>& lower_moves() {
  static const Pages<std::int32_t> pages = spread(tables::lower, {});
  return pages;
}

const Pages<std::int32_t>& upper_moves() {
  static const Pages<std::int32_t> pages = spread(tables::upper, tables::upper_several);
  return pages;
}

char32_t moved(char32_t code, std::int32_t delta) noexcept {
  return static_cast<char32_t>(static_cast<std::int32_t>(code) + delta);
}

constexpr char32_t capital_sigma = 0x3A3;
constexpr char32_t small_sigma = 0x3C3;
constexpr char32_t final_sigma = 0x3C2;
constexpr char32_t capital_i_with_dot = 0x130;
constexpr char32_t dot_above = 0x307;

// A sigma ends a word when something cased stands before it and nothing cased after it, looking through what has no case of
// its own (apostrophes, accents).
bool is_final(std::string_view text, std::size_t at, std::size_t size) noexcept {
  bool before = false;
  for (std::size_t end = at; end > 0;) {
    const Decoded found = decode_before(text, end);
    end -= found.size;
    if (contains(tables::ignorable, found.code)) continue;
    before = contains(tables::cased, found.code);
    break;
  }
  if (!before) return false;
  for (std::size_t next = at + size; next < text.size();) {
    const Decoded found = decode(text, next);
    next += found.size;
    if (!contains(tables::ignorable, found.code)) return !contains(tables::cased, found.code);
  }
  return true;
}

template <char First>  // 'A' to lower, 'a' to upper
void append_ascii(std::string_view text, std::string& out) {
  const std::size_t start = out.size();
  out.append(text);
  char* bytes = out.data() + start;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    const bool letter = static_cast<unsigned char>(byte - First) < 26;
    bytes[i] = static_cast<char>(byte ^ (letter ? 0x20U : 0U));
  }
}

}  // namespace

std::span<const Range> word_ranges() noexcept { return tables::word; }
std::span<const Range> decimal_ranges() noexcept { return tables::decimal; }
std::span<const Range> space_ranges() noexcept { return tables::space; }
std::span<const SameUpper> same_upper() noexcept { return tables::same_upper; }

bool is_space(char32_t code) noexcept { return contains(tables::space, code); }

char32_t lower_of(char32_t code) noexcept { return moved(code, lower_moves()[code]); }

std::span<const std::pair<char32_t, char32_t>> lower_pairs() {
  static const auto pairs = [] {
    std::vector<std::pair<char32_t, char32_t>> each;
    for (const Move& move : tables::lower) {
      for (char32_t code = move.first; code <= move.last; code += move.step) each.emplace_back(code, lower_of(code));
    }
    std::ranges::sort(each);
    return each;
  }();
  return pairs;
}

void append_lower(std::string_view text, std::string& out) {
  if (is_ascii(text)) return append_ascii<'A'>(text, out);
  const Pages<std::int32_t>& moves = lower_moves();
  std::size_t copied = 0;  // what does not change is copied in one go
  for (std::size_t at = 0; at < text.size();) {
    const Decoded found = decode(text, at);
    const std::int32_t delta = moves[found.code];
    if (delta != 0) {
      out.append(text, copied, at - copied);
      copied = at + found.size;
      if (found.code == capital_sigma) {
        append(out, is_final(text, at, found.size) ? final_sigma : small_sigma);
      } else {
        append(out, moved(found.code, delta));
        if (found.code == capital_i_with_dot) append(out, dot_above);
      }
    }
    at += found.size;
  }
  out.append(text, copied);
}

void append_upper(std::string_view text, std::string& out) {
  if (is_ascii(text)) return append_ascii<'a'>(text, out);
  const Pages<std::int32_t>& moves = upper_moves();
  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Decoded found = decode(text, at);
    const std::int32_t delta = moves[found.code];
    if (delta != 0) {
      out.append(text, copied, at - copied);
      copied = at + found.size;
      if (delta != several) {
        append(out, moved(found.code, delta));
      } else {
        const auto* to = std::ranges::lower_bound(tables::upper_several, found.code, {}, &Several::code);
        for (const char32_t code : to->to) {
          if (code != 0) append(out, code);
        }
      }
    }
    at += found.size;
  }
  out.append(text, copied);
}

}  // namespace sklort::text
