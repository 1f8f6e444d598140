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

// A slot holds the beginning of its key: a word of at most eight bytes is found, or missed, without reading another place.
class TextLookup {
 public:
  TextLookup() = default;
  TextLookup(std::span<const std::string> keys, Duplicates duplicates);

  // A key on the way to its place: who looks for many sets out for all of them before the first one arrives.
  struct Sought {
    std::string_view key;
    std::uint64_t head;
    std::uint64_t place;
  };
  Sought seek(std::string_view key) const noexcept {
    if (key.size() > longest_) return {key, 0, nowhere};
    const std::uint64_t head = head_of(key);
    const std::uint64_t place = first_place(key, head);
    __builtin_prefetch(&slots_[place]);
    return {key, head, place};
  }

  std::int32_t find(const Sought& sought) const noexcept {
    if (sought.place == nowhere) return -1;
    for (std::uint64_t place = sought.place;; place = (place + 1) & mask_) {
      const Slot& slot = slots_[place];
      if (slot.index < 0) return -1;
      if (slot.head == sought.head && slot.size == sought.key.size() && same_tail(slot, sought.key)) return slot.index;
    }
  }
  std::int32_t find(std::string_view key) const noexcept { return find(seek(key)); }

 private:
  struct Slot {
    std::uint64_t head = 0;
    std::uint32_t size = 0;
    std::int32_t index = -1;
  };
  static constexpr std::size_t head_size = 8;
  static constexpr std::uint64_t nowhere = ~std::uint64_t{0};
  static constexpr std::uint64_t factor = 0x9E3779B97F4A7C15U;

  template <class Word>
  static std::uint64_t read(const char* from) noexcept {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
  }

  // The first eight bytes, those that are not there being zero.
  static std::uint64_t head_of(std::string_view text) noexcept {
    const char* data = text.data();
    const std::size_t size = text.size();
    if (size >= 8) return read<std::uint64_t>(data);
    if (size >= 4) {  // two halves that may overlap, bit upon equal bit
      return read<std::uint32_t>(data) | read<std::uint32_t>(data + size - 4) << (8 * (size - 4));
    }
    if (size == 0) return 0;
    const std::size_t middle = size / 2;
    return read<std::uint8_t>(data) | read<std::uint8_t>(data + middle) << (8 * middle) |
           read<std::uint8_t>(data + size - 1) << (8 * (size - 1));
  }

  std::uint64_t first_place(std::string_view text, std::uint64_t head) const noexcept {
    const auto mix = [](std::uint64_t hash, std::uint64_t word) noexcept {
      hash = (hash ^ word) * factor;
      return hash ^ (hash >> 32);
    };
    std::uint64_t hash = mix(text.size() * factor, head);
    const char* data = text.data();
    for (std::size_t at = head_size; at < text.size(); at += 8) {  // the last eight bytes may overlap those before
      hash = mix(hash, read<std::uint64_t>(data + (at + 8 <= text.size() ? at : text.size() - 8)));
    }
    return hash & mask_;
  }

  bool same_tail(const Slot& slot, std::string_view key) const noexcept {
    if (key.size() <= head_size) return true;
    const char* tail = tails_.data() + starts_[static_cast<std::size_t>(slot.index)];
    return std::memcmp(tail, key.data() + head_size, key.size() - head_size) == 0;
  }

  std::vector<Slot> slots_{1};  // never full
  std::uint64_t mask_ = 0;
  std::size_t longest_ = 0;
  std::string tails_;                  // what the keys have beyond their heads
  std::vector<std::uint64_t> starts_;  // by key: where its tail lies
};

}  // namespace sklort
