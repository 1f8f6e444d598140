// Patterns that match runs: as many characters of one set as follow each other, from some number on. Most token expressions are
// of this kind, [a-z]+ and (?u)\b\w\w+\b among them, and a run is found by reading each character once.
#pragma once

#include <array>
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

  bool contains(std::string_view text, std::size_t at, std::size_t& size) const noexcept {
    if (is_ascii(text[at])) {
      size = 1;
      return ascii_[static_cast<unsigned char>(text[at])];
    }
    const Decoded found = decode(text, at);
    size = found.size;
    return codes_[found.code] != 0;
  }

  std::size_t least_;
  std::array<bool, 128> ascii_{};
  Pages<std::uint8_t> codes_;
};

}  // namespace sklort::text
