// A small value for every code point, found in two steps: the page of 256 code points, then the code point in it. Pages that
// are equal are stored once.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "text/utf8.h"

namespace sklort::text {

template <class T>
class Pages {
 public:
  Pages() = default;

  // `fill(first, page)` writes the values of the code points first to first + 255.
  template <class Fill>
  explicit Pages(Fill&& fill) {
    std::map<Page, std::uint16_t> known;
    for (std::size_t index = 0; index < starts_.size(); ++index) {
      Page page{};
      fill(static_cast<char32_t>(index * page_size), page);
      if (index > 0 && page == known_last(starts_[index - 1])) {
        starts_[index] = starts_[index - 1];
        continue;
      }
      const auto [found, added] = known.emplace(page, static_cast<std::uint16_t>(known.size()));
      if (added) values_.insert(values_.end(), page.begin(), page.end());
      starts_[index] = found->second;
    }
  }

  T operator[](char32_t code) const noexcept { return values_[starts_[code / page_size] * page_size + code % page_size]; }

  static constexpr std::size_t page_size = 256;
  using Page = std::array<T, page_size>;

 private:
  Page known_last(std::uint16_t page) const {
    Page copy;
    std::copy_n(values_.begin() + page * static_cast<std::ptrdiff_t>(page_size), page_size, copy.begin());
    return copy;
  }

  std::array<std::uint16_t, (last_code + 1) / page_size> starts_{};
  std::vector<T> values_;
};

}  // namespace sklort::text
