// A regular expression as a tree. Two dialects are read: Python's re for str, and RE2, as far as both describe regular
// languages; what is not known is refused with a sentence, so that nothing matches differently in silence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/code_set.h"

namespace sklort::text {

// RE2: \w, \d, \s and \b are ASCII, `$` is the end of the text, flags may change anywhere, [[:alpha:]] exists.
enum class Dialect { python, re2 };

// Why a pattern cannot be used: a sentence.
struct PatternError {
  std::string sentence;
};

enum class Assertion {
  text_begin,
  text_end,
  line_begin,
  line_end,
  last_line_end,  // the end of the text, or before a newline that ends it
  boundary,
  not_boundary,
};

struct Pattern {
  enum class Kind { empty, set, assertion, concat, alternate, repeat };

  struct Node {
    Kind kind = Kind::empty;
    int set = 0;  // into `sets`
    Assertion assertion = Assertion::text_begin;
    std::vector<int> children;
    int least = 0;
    int most = 0;  // -1: no limit
    bool lazy = false;
    bool captures = false;
  };

  std::vector<Node> nodes;
  std::vector<CodeSet> sets;
  CodeSet word;  // what \b looks for
  int root = 0;
  int captures = 0;

  // The one capturing group always spans the whole match: only assertions stand beside it.
  bool capture_is_match() const;
  // Whether the node can match the empty text (where its assertions hold).
  bool nullable(int node) const;
};

// Throws PatternError.
Pattern parse_pattern(std::string_view text, Dialect dialect);

}  // namespace sklort::text
