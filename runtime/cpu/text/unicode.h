// What Python's str and re know about characters, without a locale.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace sklort::text {

struct Range {
  char32_t first;
  char32_t last;  // included
  bool operator==(const Range&) const = default;
};

// Sorted, apart from each other.
std::span<const Range> word_ranges() noexcept;     // str.isalnum, and '_'
std::span<const Range> decimal_ranges() noexcept;  // str.isdecimal
std::span<const Range> space_ranges() noexcept;    // str.isspace

bool is_space(char32_t code) noexcept;

// The simple mapping, one code point to one.
char32_t lower_of(char32_t code) noexcept;
// Every code point that `lower_of` changes, in ascending order, with what it becomes.
std::span<const std::pair<char32_t, char32_t>> lower_pairs();

// Lower-case code points that share an upper case, as re.IGNORECASE takes them for equal: each in both orders.
struct SameUpper {
  char32_t code;
  char32_t other;
};
std::span<const SameUpper> same_upper() noexcept;

// Appends what str.lower() or str.upper() gives: the full mappings, with final sigma.
void append_lower(std::string_view text, std::string& out);
void append_upper(std::string_view text, std::string& out);

}  // namespace sklort::text
