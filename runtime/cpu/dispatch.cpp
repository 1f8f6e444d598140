#include "dispatch.h"

namespace sklort {

namespace {

bool is_float(DType dtype) noexcept { return dtype == DType::float32 || dtype == DType::float64 || dtype == DType::float16; }

bool is_unsigned(DType dtype) noexcept {
  return dtype == DType::uint8 || dtype == DType::uint16 || dtype == DType::uint32 || dtype == DType::uint64;
}

DType signed_of(std::size_t bytes) noexcept {
  return bytes == 1 ? DType::int8 : bytes == 2 ? DType::int16 : bytes == 4 ? DType::int32 : DType::int64;
}

}  // namespace

DType promote(DType a, DType b) noexcept {
  if (a == b) return a;
  if (a == DType::undefined || b == DType::undefined) return DType::undefined;
  if (a == DType::boolean) return b;
  if (b == DType::boolean) return a;
  if (is_float(a) && is_float(b)) return item_size(a) > item_size(b) ? a : b;
  if (is_float(a) || is_float(b)) {
    // A float holds the integers of half its size; wider ones want double.
    const DType real = is_float(a) ? a : b;
    const DType whole = is_float(a) ? b : a;
    if (item_size(whole) < item_size(real)) return real;
    return item_size(whole) == 1 ? DType::float16 : item_size(whole) == 2 ? DType::float32 : DType::float64;
  }
  if (is_unsigned(a) == is_unsigned(b)) return item_size(a) > item_size(b) ? a : b;
  const DType natural = is_unsigned(a) ? a : b;
  const DType whole = is_unsigned(a) ? b : a;
  if (item_size(whole) > item_size(natural)) return whole;
  return natural == DType::uint64 ? DType::float64 : signed_of(item_size(natural) * 2);
}

}  // namespace sklort
