// Code points of UTF-8 text. Whatever is not UTF-8 reads as U+FFFD, a byte at a time: never past the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sklort::text {

inline constexpr char32_t last_code = 0x10FFFF;

struct Decoded {
  char32_t code;
  std::size_t size;  // in bytes
};

inline bool is_ascii(char byte) noexcept { return static_cast<unsigned char>(byte) < 0x80; }
inline bool is_ascii(std::string_view text) noexcept {
  unsigned char bits = 0;
  for (const char byte : text) bits = static_cast<unsigned char>(bits | static_cast<unsigned char>(byte));
  return bits < 0x80;
}

namespace detail {

inline bool follows(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }
inline char32_t tail(char byte) noexcept { return static_cast<unsigned char>(byte) & 0x3FU; }

}  // namespace detail

// The code point that starts at `at`, which must be inside the text.
inline Decoded decode(std::string_view text, std::size_t at) noexcept {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1};
  const char* next = text.data() + at + 1;
  const std::size_t left = text.size() - at - 1;
  if (lead >= 0xC2 && lead < 0xE0 && left >= 1 && detail::follows(next[0])) {
    return {(lead & 0x1FU) << 6 | detail::tail(next[0]), 2};
  }
  if (lead >= 0xE0 && lead < 0xF0 && left >= 2 && detail::follows(next[0]) && detail::follows(next[1])) {
    return {(lead & 0x0FU) << 12 | detail::tail(next[0]) << 6 | detail::tail(next[1]), 3};
  }
  if (lead >= 0xF0 && lead < 0xF5 && left >= 3 && detail::follows(next[0]) && detail::follows(next[1]) &&
      detail::follows(next[2])) {
    const char32_t code = (lead & 0x07U) << 18 | detail::tail(next[0]) << 12 | detail::tail(next[1]) << 6 | detail::tail(next[2]);
    if (code <= last_code) return {code, 4};
  }
  return {0xFFFD, 1};
}

// The code point that ends at `end` > 0.
inline Decoded decode_before(std::string_view text, std::size_t end) noexcept {
  std::size_t first = end - 1;
  while (first > 0 && end - first < 4 && detail::follows(text[first])) --first;
  const Decoded found = decode(text.substr(0, end), first);
  return found.size == end - first ? found : Decoded{0xFFFD, 1};
}

inline void append(std::string& text, char32_t code) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80U | (code >> shift & 0x3FU)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0U | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0U | code >> 12);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0U | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

inline std::size_t count_codes(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char byte : text) count += detail::follows(byte) ? 0 : 1;
  return count;
}

}  // namespace sklort::text
