#include "lookup.h"

#include <algorithm>

#include "error.h"

namespace sklort {

namespace {

void check_count(std::size_t count) {
  if (count > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) fail(count, " keys are too many");
}

}  // namespace

IntegerLookup::IntegerLookup(std::span<const std::int64_t> keys, Duplicates duplicates) {
  check_count(keys.size());
  if (keys.empty()) return;
  const auto [least, most] = std::ranges::minmax(keys);
  const std::uint64_t reach = static_cast<std::uint64_t>(most) - static_cast<std::uint64_t>(least);
  const bool close = reach < std::max<std::uint64_t>(1024, 8 * keys.size());
  if (close) {
    least_ = least;
    direct_.assign(reach + 1, -1);
  } else {
    slots_.assign(std::bit_ceil(2 * keys.size()), Slot{});
    mask_ = slots_.size() - 1;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::int32_t* index = nullptr;
    if (close) {
      index = &direct_[static_cast<std::uint64_t>(keys[i]) - static_cast<std::uint64_t>(least)];
    } else {
      std::uint64_t place = first_place(keys[i]);
      while (slots_[place].index >= 0 && slots_[place].key != keys[i]) place = (place + 1) & mask_;
      slots_[place].key = keys[i];
      index = &slots_[place].index;
    }
    if (*index < 0 || duplicates == Duplicates::last) *index = static_cast<std::int32_t>(i);
  }
}

RealLookup::RealLookup(std::span<const double> keys, Duplicates duplicates) {
  std::vector<std::int64_t> bits(keys.size());
  std::ranges::transform(keys, bits.begin(), to_bits);
  bits_ = IntegerLookup(bits, duplicates);
}

TextLookup::TextLookup(std::span<const std::string> keys, Duplicates duplicates) {
  check_count(keys.size());
  slots_.assign(std::bit_ceil(std::max<std::size_t>(2 * keys.size(), 1)), Slot{});
  mask_ = slots_.size() - 1;
  starts_.reserve(keys.size());
  for (const std::string& key : keys) {
    if (key.size() > std::numeric_limits<std::uint32_t>::max()) fail("a key of ", key.size(), " bytes is too long");
    const auto index = static_cast<std::int32_t>(starts_.size());
    longest_ = std::max(longest_, key.size());
    starts_.push_back(tails_.size());
    if (key.size() > head_size) tails_.append(key, head_size);
    const std::uint64_t head = head_of(key);
    std::uint64_t place = first_place(key, head);
    const auto taken = [&](const Slot& slot) {
      return slot.index >= 0 && !(slot.head == head && slot.size == key.size() && same_tail(slot, key));
    };
    while (taken(slots_[place])) place = (place + 1) & mask_;
    Slot& slot = slots_[place];
    if (slot.index < 0 || duplicates == Duplicates::last) {
      slot = {head, static_cast<std::uint32_t>(key.size()), index};
    }
  }
}

}  // namespace sklort
