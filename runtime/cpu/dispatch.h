// From an element type known at run time to a C++ type: calls function(T{}) with the T of `dtype`.
#pragma once

#include <cstdint>
#include <utility>

#include "error.h"
#include "value.h"

namespace sklort {

// bool, the integers, float and double.
template <class Function>
decltype(auto) with_number(DType dtype, Function&& function) {
  switch (dtype) {
    case DType::float32:
      return function(float{});
    case DType::float64:
      return function(double{});
    case DType::int64:
      return function(std::int64_t{});
    case DType::int32:
      return function(std::int32_t{});
    case DType::int16:
      return function(std::int16_t{});
    case DType::int8:
      return function(std::int8_t{});
    case DType::uint64:
      return function(std::uint64_t{});
    case DType::uint32:
      return function(std::uint32_t{});
    case DType::uint16:
      return function(std::uint16_t{});
    case DType::uint8:
      return function(std::uint8_t{});
    case DType::boolean:
      return function(bool{});
    default:
      fail("element type ", dtype_name(dtype), " is not supported here");
  }
}

// float and double.
template <class Function>
decltype(auto) with_float(DType dtype, Function&& function) {
  switch (dtype) {
    case DType::float32:
      return function(float{});
    case DType::float64:
      return function(double{});
    default:
      fail("element type ", dtype_name(dtype), " is not supported here; float or double is");
  }
}

// An unsigned integer of the item's size: for operators that only move elements. Strings move as std::string_view.
template <class Function>
decltype(auto) with_item(DType dtype, Function&& function) {
  if (dtype == DType::string) return function(std::string_view{});
  switch (item_size(dtype)) {
    case 1:
      return function(std::uint8_t{});
    case 2:
      return function(std::uint16_t{});
    case 4:
      return function(std::uint32_t{});
    case 8:
      return function(std::uint64_t{});
    case 16:
      return function(std::pair<std::uint64_t, std::uint64_t>{});
    default:
      fail("element type ", dtype_name(dtype), " is not supported here");
  }
}

// What NumPy gives for an operation on the two; undefined when either is.
DType promote(DType a, DType b) noexcept;

}  // namespace sklort
