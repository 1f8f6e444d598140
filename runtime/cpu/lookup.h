// From a key to its position in a list: built when an operator is prepared, and then only read. Nothing allocates in `find`.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sklort {

// Which of equal keys is found.
enum class Duplicates { first, last };

class IntegerLookup {
 public:
  IntegerLookup() = default;
  IntegerLookup(std::span<const std::int64_t> keys, Duplicates duplicates);

  // -1 when there is no such key.
  std::int32_t find(std::int64_t key) const noexcept {
    if (!direct_.empty()) {
      const std::uint64_t place = static_cast<std::uint64_t>(key) - static_cast<std::uint64_t>(least_);
      return place < direct_.size() ? direct_[place] : -1;
    }
    for (std::uint64_t place = first_place(key);; place = (place + 1) & mask_) {
      const Slot& slot = slots_[place];
      if (slot.index < 0 || slot.key == key) return slot.index;
    }
  }

 private:
  struct Slot {
    std::int64_t key = 0;
    std::int32_t index = -1;
  };
  std::uint64_t first_place(std::int64_t key) const noexcept {
    return (static_cast<std::uint64_t>(key) * 0x9E3779B97F4A7C15U >> 32) & mask_;
  }

  std::vector<std::int32_t> direct_;  // by key - least_, where the keys lie close together
  std::int64_t least_ = 0;
  std::vector<Slot> slots_{1};  // never full
  std::uint64_t mask_ = 0;
};

// NaN is found by NaN, and 0 by -0.
class RealLookup {
 public:
  RealLookup() = default;
  RealLookup(std::span<const double> keys, Duplicates duplicates);
  std::int32_t find(double key) const noexcept { return bits_.find(to_bits(key)); }

 private:
  static std::int64_t to_bits(double key) noexcept {
    if (std::isnan(key)) key = std::numeric_limits<double>::quiet_NaN();
    return std::bit_cast<std::int64_t>(key == 0 ? 0.0 : key);
  }
  IntegerLookup bits_;
};

class TextLookup {
 public:
  TextLookup() = default;
  TextLookup(std::vector<std::string> keys, Duplicates duplicates);

  std::int32_t find(std::string_view key) const noexcept {
    const std::uint64_t hash = hash_of(key);
    for (std::uint64_t place = hash & mask_;; place = (place + 1) & mask_) {
      const Slot& slot = slots_[place];
      if (slot.index < 0) return -1;
      if (slot.tag == static_cast<std::uint32_t>(hash >> 32) && keys_[static_cast<std::size_t>(slot.index)] == key)
        return slot.index;
    }
  }

 private:
  struct Slot {
    std::uint32_t tag = 0;  // the hash's upper half
    std::int32_t index = -1;
  };
  static std::uint64_t hash_of(std::string_view text) noexcept;

  std::vector<std::string> keys_;
  std::vector<Slot> slots_{1};  // never full
  std::uint64_t mask_ = 0;
};

inline std::uint64_t TextLookup::hash_of(std::string_view text) noexcept {
  constexpr std::uint64_t factor = 0x9E3779B97F4A7C15U;
  const auto mix = [](std::uint64_t hash, std::uint64_t word) noexcept {
    hash = (hash ^ word) * factor;
    return hash ^ (hash >> 32);
  };
  const char* data = text.data();
  std::size_t left = text.size();
  std::uint64_t hash = mix(left, factor);
  for (; left >= 8; data += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, data, 8);
    hash = mix(hash, word);
  }
  std::uint64_t word = 0;
  if (left >= 4) {  // two halves, which may overlap
    std::uint32_t low;
    std::uint32_t high;
    std::memcpy(&low, data, 4);
    std::memcpy(&high, data + left - 4, 4);
    word = std::uint64_t{high} << 32 | low;
  } else {
    for (std::size_t i = 0; i < left; ++i) word |= std::uint64_t{static_cast<unsigned char>(data[i])} << (8 * i);
  }
  return mix(hash, word);
}

}  // namespace sklort
