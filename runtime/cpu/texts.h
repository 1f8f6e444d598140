// Numbers as text and text as numbers. Floats are written as Python's repr() writes them, whatever their width: plain from 1e-4
// up to 1e16, as ONNX asks for plain numbers (NumPy itself began in 2.3 to print float32 from 1e6 on in powers of ten).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sklort {

// The shortest decimal text that gives the same number back: "1.0", "1e-05", "1e+16", "nan", "inf", "-inf".
std::string to_text(double value);
std::string to_text(float value);
std::string half_to_text(std::uint16_t bits);
std::string bfloat16_to_text(std::uint16_t bits);
std::string to_text(bool value);  // "True" and "False"
std::string to_text(std::int64_t value);
std::string to_text(std::uint64_t value);

// Blanks around the number are allowed, anything else that is not part of it is an error which quotes the text. Infinity and NaN
// are spelled "inf", "infinity" and "nan" in any case, with a sign or without.
double to_double(std::string_view text);
float to_float(std::string_view text);
// Also takes a floating-point text whose value is an integer, such as "3.0". Throws when the value is not within the bounds.
std::int64_t to_signed(std::string_view text, std::int64_t lowest, std::int64_t highest);
std::uint64_t to_unsigned(std::string_view text, std::uint64_t highest);
bool to_bool(std::string_view text);  // "True", "False" in any case, or a number

}  // namespace sklort
