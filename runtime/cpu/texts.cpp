#include "texts.h"

#include <charconv>
#include <cmath>

#include "convert.h"
#include "error.h"

namespace sklort {

namespace {

// From "d.dddde-XX" to the form Python's repr() chooses.
std::string arrange(std::string_view scientific) {
  std::string text;
  if (scientific.front() == '-') {
    text = "-";
    scientific.remove_prefix(1);
  }
  const std::size_t mark = scientific.find('e');
  std::string digits(1, scientific[0]);
  if (mark > 2) digits += scientific.substr(2, mark - 2);
  int exponent = 0;
  const std::string_view power = scientific.substr(scientific[mark + 1] == '+' ? mark + 2 : mark + 1);
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  if (exponent < -4 || exponent >= 16) {
    text += digits[0];
    if (digits.size() > 1) text += "." + digits.substr(1);
    text += exponent < 0 ? "e-" : "e+";
    const std::string size = std::to_string(std::abs(exponent));
    return text + (size.size() < 2 ? "0" : "") + size;
  }
  if (exponent < 0) return text + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return text + digits + std::string(whole - digits.size(), '0') + ".0";
  return text + digits.substr(0, whole) + "." + digits.substr(whole);
}

template <class T, class... Precision>
std::string scientific(T value, Precision... precision) {
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific, precision...);
  return error == std::errc() ? std::string(buffer, end) : std::string();
}

template <class T, class Shortest>
std::string float_text(T value, Shortest shortest) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  return arrange(shortest(value));
}

// to_chars knows no 16-bit types: the fewest digits that come back as the same bits.
template <class Narrow>
std::string narrow_text(float value, Narrow narrow) {
  return float_text(value, [&](float x) {
    for (int precision = 0;; ++precision) {
      const std::string text = scientific(x, precision);
      float back = 0;
      std::from_chars(text.data(), text.data() + text.size(), back);
      if (narrow(back) == narrow(x) || precision == 8) return text;
    }
  });
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\n\v\f\r";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// The text is quoted, as far as a reader wants to see it.
[[noreturn]] void refuse(std::string_view text, const char* what) {
  constexpr std::size_t longest = 80;
  const bool cut = text.size() > longest;
  std::size_t end = cut ? longest : text.size();
  while (cut && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside a character
  throw Error(Status::runtime_exception, sentence("'", text.substr(0, end), cut ? "..." : "", "' is ", what));
}

// Without a leading plus, which from_chars does not take.
std::string_view unsigned_plus(std::string_view text) noexcept {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
  return text;
}

template <class T>
T parse(std::string_view text) {
  const std::string_view number = unsigned_plus(trimmed(text));
  const char* last = number.data() + number.size();
  T value{};
  const auto [end, error] = std::from_chars(number.data(), last, value);
  // from_chars also knows "nan(...)".
  if (number.empty() || end != last || error == std::errc::invalid_argument || number.back() == ')') refuse(text, "not a number");
  if (error == std::errc::result_out_of_range) {
    if constexpr (sizeof(T) < sizeof(long double)) {
      return static_cast<T>(parse<long double>(text));
    } else {
      const bool small = number.find("e-") != std::string_view::npos || number.find("E-") != std::string_view::npos;
      value = small ? T{} : std::numeric_limits<T>::infinity();
      return number[0] == '-' ? -value : value;
    }
  }
  return value;
}

template <class T>
T parse_integer(std::string_view text, T lowest, T highest) {
  const std::string_view number = unsigned_plus(trimmed(text));
  const char* last = number.data() + number.size();
  T value{};
  const auto [end, error] = std::from_chars(number.data(), last, value);
  if (end != last || error == std::errc::invalid_argument) {
    const double real = parse<double>(text);
    if (!(real == std::trunc(real)) || std::isinf(real)) refuse(text, "not an integer");
    value = convert_number<T>(real);
    if (static_cast<double>(value) != real) refuse(text, "out of range");
  } else if (error == std::errc::result_out_of_range) {
    refuse(text, "out of range");
  }
  if (value < lowest || value > highest) refuse(text, "out of range");
  return value;
}

bool same_word(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != lower[i]) return false;
  }
  return true;
}

}  // namespace

std::string to_text(double value) {
  return float_text(value, [](double x) { return scientific(x); });
}

std::string to_text(float value) {
  return float_text(value, [](float x) { return scientific(x); });
}

std::string half_to_text(std::uint16_t bits) { return narrow_text(half_to_float(bits), float_to_half); }

std::string bfloat16_to_text(std::uint16_t bits) { return narrow_text(bfloat16_to_float(bits), float_to_bfloat16); }

std::string to_text(bool value) { return value ? "True" : "False"; }

std::string to_text(std::int64_t value) { return std::to_string(value); }

std::string to_text(std::uint64_t value) { return std::to_string(value); }

double to_double(std::string_view text) { return parse<double>(text); }

float to_float(std::string_view text) { return parse<float>(text); }

std::int64_t to_signed(std::string_view text, std::int64_t lowest, std::int64_t highest) {
  return parse_integer<std::int64_t>(text, lowest, highest);
}

std::uint64_t to_unsigned(std::string_view text, std::uint64_t highest) { return parse_integer<std::uint64_t>(text, 0, highest); }

bool to_bool(std::string_view text) {
  const std::string_view word = trimmed(text);
  if (same_word(word, "true")) return true;
  if (same_word(word, "false")) return false;
  return parse<double>(text) != 0;
}

}  // namespace sklort
