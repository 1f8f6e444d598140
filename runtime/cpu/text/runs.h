// Patterns that match runs: as many characters of one set as follow each other, from some number on. Most token expressions are
// of this kind, [a-z]+ and (?u)\b\w\w+\b among them, and a run is found by reading each character once.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "text/pages.h"
#include "text/pattern.h"
#include "text/utf8.h"

namespace sklort::text {

class Runs {
 public:
  // Nothing where the pattern matches anything else.
  static std::optional<Runs> make(const Pattern& pattern);

  // Calls visit(run) for each in order.
  template <class Visit>
  void each(std::string_view text, Visit&& visit) const {
    if (is_ascii(text)) return each_ascii(text, visit);
    for (std::size_t at = 0; at < text.size();) {
      std::size_t count = 0;
      std::size_t size = 0;
      const std::size_t first = at;
      while (at < text.size() && contains(text, at, size)) {
        at += size;
        ++count;
      }
      if (count >= least_) visit(text.substr(first, at - first));
      while (at < text.size() && !contains(text, at, size)) at += size;
    }
  }

 private:
  explicit Runs(const CodeSet& set, std::size_t least);

  // Which of 64 characters are in the set, as bits: where these change, a run begins or ends. No branch depends on a character.
  template <class Visit>
  void each_ascii(std::string_view text, Visit& visit) const {
    std::uint64_t before = 0;
    bool open = false;
    std::size_t first = 0;
    const auto end_at = [&](std::size_t end) {
      if (end - first >= least_) visit(text.substr(first, end - first));
    };
    for (std::size_t base = 0; base < text.size(); base += 64) {
      const std::size_t count = std::min<std::size_t>(64, text.size() - base);
      std::uint64_t inside = 0;
      for (std::size_t i = 0; i < count; ++i) {
        inside |= std::uint64_t{ascii_[static_cast<unsigned char>(text[base + i])]} << i;
      }
      for (std::uint64_t edges = inside ^ (inside << 1 | before); edges != 0; edges &= edges - 1) {
        const std::size_t at = base + static_cast<std::size_t>(std::countr_zero(edges));
        if (open) {
          end_at(at);
        } else {
          first = at;
        }
        open = !open;
      }
      before = inside >> 63;
    }
    if (open) end_at(text.size());
  }

  bool contains(std::string_view text, std::size_t at, std::size_t& size) const noexcept {
    if (is_ascii(text[at])) {
      size = 1;
      return ascii_[static_cast<unsigned char>(text[at])] != 0;
    }
    const Decoded found = decode(text, at);
    size = found.size;
    return codes_[found.code] != 0;
  }

  std::size_t least_;
  std::array<std::uint8_t, 128> ascii_{};
  Pages<std::uint8_t> codes_;
};

}  // namespace sklort::text
