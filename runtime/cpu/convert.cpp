#include "convert.h"

#include <bit>
#include <cstring>

#include "dispatch.h"
#include "threads.h"

namespace sklort {

bool is_number(DType dtype) noexcept {
  switch (dtype) {
    case DType::undefined:
    case DType::string:
    case DType::complex64:
    case DType::complex128:
      return false;
    default:
      return item_size(dtype) != 0;
  }
}

float half_to_float(std::uint16_t bits) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1FU;
  const std::uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  if (exponent == 0) {  // zero or denormal: mantissa * 2^-24
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

std::uint16_t float_to_half(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U);
  if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7C00U);  // rounds to infinity
  if (magnitude < 0x38800000U) {                                                    // denormal: in units of 2^-24
    const float scaled = std::ldexp(std::bit_cast<float>(magnitude), 24);
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(scaled)));
  }
  const std::uint32_t rounded = magnitude + 0xFFFU + ((magnitude >> 13) & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

std::uint16_t double_to_half(double value) noexcept {
  // To float first, rounded to odd: the last bit then tells the second rounding of what the first one dropped.
  const auto nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || std::isnan(value) || std::isinf(nearest)) return float_to_half(nearest);
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(value)) --bits;
  return float_to_half(std::bit_cast<float>(bits | 1U));
}

float bfloat16_to_float(std::uint16_t bits) noexcept { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

std::uint16_t float_to_bfloat16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

namespace {

constexpr std::int64_t chunk = 1 << 16;

// The 16-bit floats have no C++ type here: they go through float.
template <class Function>
void with_reader(DType dtype, Function&& function) {
  if (dtype == DType::float16) return function(std::uint16_t{}, [](std::uint16_t bits) noexcept { return half_to_float(bits); });
  if (dtype == DType::bfloat16)
    return function(std::uint16_t{}, [](std::uint16_t bits) noexcept { return bfloat16_to_float(bits); });
  with_number(dtype, [&]<class T>(T) { function(T{}, [](T value) noexcept { return value; }); });
}

}  // namespace

void convert_numbers(const Tensor& from, Tensor& to, int threads) {
  const std::int64_t count = from.count();
  if (from.dtype == to.dtype) {
    std::memcpy(to.data, from.data, from.bytes());
    return;
  }
  with_reader(from.dtype, [&]<class Stored, class Read>(Stored, Read read) {
    const Stored* source = from.as<Stored>();
    const auto fill = [&]<class To, class Write>(To* target, Write write) {
      parallel(count, chunk, threads, [&](std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t i = first; i < last; ++i) target[i] = write(read(source[i]));
      });
    };
    if (to.dtype == DType::float16) {
      fill(to.as<std::uint16_t>(), [](auto value) noexcept {
        if constexpr (std::is_same_v<decltype(value), double>) {
          return double_to_half(value);
        } else {
          return float_to_half(static_cast<float>(value));
        }
      });
    } else if (to.dtype == DType::bfloat16) {
      fill(to.as<std::uint16_t>(), [](auto value) noexcept { return float_to_bfloat16(static_cast<float>(value)); });
    } else {
      with_number(to.dtype,
                  [&]<class To>(To) { fill(to.as<To>(), [](auto value) noexcept { return convert_number<To>(value); }); });
    }
  });
}

}  // namespace sklort
