// Numbers for strings and for integers, looked up without allocating.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace sklort::text {

namespace detail {

inline std::uint64_t stirred(std::uint64_t value) noexcept {
  value = (value ^ value >> 32) * 0x9E3779B97F4A7C15U;
  value = (value ^ value >> 29) * 0xBF58476D1CE4E5B9U;
  return value ^ value >> 32;
}

inline std::uint64_t hash_of(std::uint64_t key) noexcept { return stirred(key); }

inline std::uint64_t hash_of(std::string_view key) noexcept {
  std::uint64_t hash = key.size() * 0x9E3779B97F4A7C15U;
  const char* bytes = key.data();
  std::size_t left = key.size();
  for (; left >= 8; left -= 8, bytes += 8) {
    std::uint64_t block;
    std::memcpy(&block, bytes, 8);
    hash = std::rotl(hash ^ block, 23) * 0xBF58476D1CE4E5B9U;
  }
  std::uint64_t block = 0;
  if (left > 0) std::memcpy(&block, bytes, left);
  return stirred(hash ^ block);
}

}  // namespace detail

// Key: std::string_view (kept as std::string) or std::uint64_t.
template <class Key, class Kept>
class Dictionary {
 public:
  Dictionary() : slots_(8, none) {}

  static constexpr std::int32_t none = -1;

  // The number of a key, counted from 0 in the order of insertion; `none` when it is not known.
  std::int32_t find(Key key) const noexcept { return slots_[slot_of(key)]; }

  // The number of the key, which is new when it was `size()` before.
  std::int32_t insert(Key key) {
    const std::int32_t found = slots_[slot_of(key)];
    if (found != none) return found;
    if ((keys_.size() + 1) * 2 > slots_.size()) grow();
    keys_.emplace_back(key);
    return slots_[slot_of(key)] = static_cast<std::int32_t>(keys_.size()) - 1;
  }

  std::size_t size() const noexcept { return keys_.size(); }

 private:
  std::size_t slot_of(Key key) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = detail::hash_of(key) & mask;
    // A key that is not stored yet belongs into the first empty slot.
    while (slots_[slot] != none && keys_[static_cast<std::size_t>(slots_[slot])] != key) slot = (slot + 1) & mask;
    return slot;
  }

  void grow() {
    slots_.assign(slots_.size() * 2, none);
    for (std::size_t i = 0; i < keys_.size(); ++i) slots_[slot_of(keys_[i])] = static_cast<std::int32_t>(i);
  }

  std::vector<Kept> keys_;
  std::vector<std::int32_t> slots_;  // a power of two of them
};

using Words = Dictionary<std::string_view, std::string>;
using Numbers = Dictionary<std::uint64_t, std::uint64_t>;

}  // namespace sklort::text
