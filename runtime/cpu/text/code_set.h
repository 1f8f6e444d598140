// A set of code points.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "text/unicode.h"

namespace sklort::text {

class CodeSet {
 public:
  CodeSet() = default;
  explicit CodeSet(std::span<const Range> ranges) : ranges_(ranges.begin(), ranges.end()) { normalise(); }

  void add(char32_t first, char32_t last);
  void add(const CodeSet& other);
  bool contains(char32_t code) const noexcept;
  CodeSet complement() const;

  // Sorted, apart from each other.
  std::span<const Range> ranges() const noexcept { return ranges_; }
  bool operator==(const CodeSet&) const = default;

 private:
  void normalise();
  std::vector<Range> ranges_;
};

CodeSet set_of(std::initializer_list<Range> ranges);

// What [:name:] stands for in RE2: all of it ASCII.
std::optional<CodeSet> posix_class(std::string_view name);

// What a set matches when case does not count. `dotless`: i, dotless i and I with a dot above are one letter, as in Python.
CodeSet without_case(const CodeSet& set, bool dotless);

}  // namespace sklort::text
