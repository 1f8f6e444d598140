#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "error.h"
#include "text/pattern.h"
#include "text/utf8.h"

namespace sklort::text {

namespace {

constexpr int deepest = 250;
constexpr int most_repeats = 1000;

struct Flags {
  bool ignore_case = false;
  bool lines = false;    // ^ and $ at every newline
  bool dot_all = false;  // . matches a newline
};

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class Parser {
 public:
  Parser(std::string_view text, Dialect dialect) : text_(text), python_(dialect == Dialect::python), ascii_(!python_) {}

  Pattern parse() {
    Flags flags;
    start_flags(flags);
    pattern_.word = word();
    pattern_.root = alternation(flags, 0);
    if (at_ < text_.size()) refuse("an unbalanced ')'");
    return std::move(pattern_);
  }

 private:
  using Kind = Pattern::Kind;

  [[noreturn]] void refuse(const std::string& what) const {
    throw PatternError{sentence("the pattern '", text_, "' has ", what, " at byte ", at_)};
  }
  [[noreturn]] void unknown(const std::string& what) const {
    throw PatternError{
        sentence("the pattern '", text_, "' uses ", what, " at byte ", at_, ", which the native engine does not have")};
  }

  bool end() const noexcept { return at_ >= text_.size(); }
  bool sees(std::string_view next) const noexcept { return text_.substr(std::min(at_, text_.size())).starts_with(next); }
  bool take(std::string_view next) noexcept {
    if (!sees(next)) return false;
    at_ += next.size();
    return true;
  }
  char32_t take_code() noexcept {
    const Decoded found = decode(text_, at_);
    at_ += found.size;
    return found.code;
  }

  int node(Pattern::Node made) {
    pattern_.nodes.push_back(std::move(made));
    return static_cast<int>(pattern_.nodes.size()) - 1;
  }
  int node_of_set(const CodeSet& set) {
    const auto found = std::ranges::find(pattern_.sets, set);
    const auto index = static_cast<int>(found - pattern_.sets.begin());
    if (found == pattern_.sets.end()) pattern_.sets.push_back(set);
    return node({.kind = Kind::set, .set = index, .children = {}});
  }
  int node_of_literal(char32_t code, const Flags& flags) {
    const CodeSet set = set_of({{code, code}});
    return node_of_set(flags.ignore_case ? without_case(set, python_) : set);
  }
  int node_of_assertion(Assertion assertion) { return node({.kind = Kind::assertion, .assertion = assertion, .children = {}}); }

  CodeSet word() const { return ascii_ ? set_of({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}) : CodeSet(word_ranges()); }
  CodeSet digit() const { return ascii_ ? set_of({{'0', '9'}}) : CodeSet(decimal_ranges()); }
  CodeSet space() const {
    if (!ascii_) return CodeSet(space_ranges());
    return python_ ? set_of({{'\t', '\r'}, {' ', ' '}}) : set_of({{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}});
  }

  // Flags for the whole of a Python pattern stand at its start: (?u)\b\w+\b.
  void start_flags(Flags& flags) {
    while (python_ && sees("(?")) {
      const std::size_t from = at_ + 2;
      const std::size_t close = text_.find_first_not_of("aiLmsux", from);
      if (close == from || close == std::string_view::npos || text_[close] != ')') return;  // a group
      for (at_ = from; at_ < close; ++at_) set_flag(text_[at_], true, flags, true);
      take(")");
    }
  }

  void set_flag(char letter, bool on, Flags& flags, bool whole) {
    if (letter == 'i') {
      if (python_ && ascii_) unknown("the flags 'a' and 'i' together");
      flags.ignore_case = on;
    } else if (letter == 'm') {
      flags.lines = on;
    } else if (letter == 's') {
      flags.dot_all = on;
    } else if (python_ && letter == 'u' && whole) {
      ascii_ = false;
    } else if (python_ && letter == 'a' && whole) {
      if (flags.ignore_case) unknown("the flags 'a' and 'i' together");
      ascii_ = true;
    } else {
      unknown(sentence("the flag '", letter, "'"));
    }
  }

  int alternation(Flags& flags, int depth) {
    if (depth > deepest) refuse("groups nested too deeply");
    std::vector<int> branches = {concatenation(flags, depth)};
    while (take("|")) branches.push_back(concatenation(flags, depth));
    if (branches.size() == 1) return branches[0];
    return node({.kind = Kind::alternate, .children = std::move(branches)});
  }

  int concatenation(Flags& flags, int depth) {
    std::vector<int> items;
    while (!end() && !sees("|") && !sees(")")) {
      const bool grouped = sees("(");
      const std::optional<int> item = atom(flags, depth);
      if (item.has_value()) items.push_back(repeated(*item, grouped));
    }
    if (items.empty()) return node({.children = {}});
    if (items.size() == 1) return items[0];
    return node({.kind = Kind::concat, .children = std::move(items)});
  }

  // {m}, {m,}, {m,n} and Python's {,n}; nothing when the brace is an ordinary character.
  std::optional<std::pair<int, int>> counts() {
    const std::size_t from = at_;
    const auto number = [&]() -> std::optional<int> {
      std::optional<int> value;
      while (!end() && is_digit(text_[at_])) value = std::min(value.value_or(0) * 10 + (text_[at_++] - '0'), 1'000'000);
      return value;
    };
    if (!take("{") || (python_ && sees("}"))) {
      at_ = from;
      return std::nullopt;
    }
    const std::optional<int> least = number();
    const bool comma = take(",");
    const std::optional<int> most = comma ? number() : least;
    if (!take("}") || (!python_ && !least) || (!comma && !least)) {
      at_ = from;
      return std::nullopt;
    }
    if (least.value_or(0) > most_repeats || most.value_or(0) > most_repeats) refuse("more than 1000 repetitions");
    if (most && least.value_or(0) > *most) refuse("a repetition whose least count exceeds its most");
    return std::pair(least.value_or(0), most.value_or(-1));
  }

  std::optional<std::pair<int, int>> quantifier() {
    if (take("*")) return std::pair(0, -1);
    if (take("+")) return std::pair(1, -1);
    if (take("?")) return std::pair(0, 1);
    return counts();
  }

  int repeated(int item, bool grouped) {
    const auto count = quantifier();
    if (!count) return item;
    if (!grouped && pattern_.nodes[static_cast<std::size_t>(item)].kind == Kind::assertion) refuse("a repeated assertion");
    const bool lazy = take("?");
    if (sees("+")) unknown("a possessive repetition");
    if (quantifier()) refuse("a repetition of a repetition");
    // Python's own rules for a repeated empty match decide which alternative wins there.
    if (python_ && *count != std::pair(0, 1) && pattern_.nullable(item)) unknown("a repetition of what may be empty");
    return node({.kind = Kind::repeat, .children = {item}, .least = count->first, .most = count->second, .lazy = lazy});
  }

  // Nothing for a group that only sets flags.
  std::optional<int> atom(Flags& flags, int depth) {
    switch (text_[at_]) {
      case '(':
        ++at_;
        return group(flags, depth);
      case '[':
        ++at_;
        return bracket(flags);
      case '\\':
        ++at_;
        return escape(flags);
      case '.':
        ++at_;
        return node_of_set(flags.dot_all ? CodeSet().complement() : set_of({{'\n', '\n'}}).complement());
      case '^':
        ++at_;
        return node_of_assertion(flags.lines ? Assertion::line_begin : Assertion::text_begin);
      case '$':
        ++at_;
        return node_of_assertion(flags.lines ? Assertion::line_end : python_ ? Assertion::last_line_end : Assertion::text_end);
      case '*':
      case '+':
      case '?':
        refuse("nothing to repeat");
      case '{':
        if (counts()) refuse("nothing to repeat");
        [[fallthrough]];
      default:
        return node_of_literal(take_code(), flags);
    }
  }

  std::optional<int> group(Flags& flags, int depth) {
    Flags inner = flags;
    bool captures = true;
    if (take("?")) {
      captures = false;
      if (sees("P<") || (!python_ && sees("<") && !sees("<=") && !sees("<!"))) {
        const std::size_t close = text_.find('>', at_);
        if (close == std::string_view::npos) refuse("an unfinished group name");
        at_ = close + 1;
        captures = true;
      } else if (!take(":")) {
        if (end() || !(is_letter(text_[at_]) || text_[at_] == '-') || sees("P")) {
          unknown(sentence("the group '(?", text_.substr(at_, 1), "'"));
        }
        bool on = true;
        for (; !end() && (is_letter(text_[at_]) || text_[at_] == '-'); ++at_) {
          if (text_[at_] == '-' && !on) refuse("two signs among the flags");
          if (text_[at_] == '-') {
            on = false;
          } else {
            set_flag(text_[at_], on, inner, false);
          }
        }
        if (take(")")) {
          if (python_) refuse("flags for the whole pattern that are not at its start");
          flags = inner;
          return std::nullopt;
        }
        if (!take(":")) refuse("an unfinished group");
      }
    }
    int item = alternation(inner, depth + 1);
    if (!take(")")) refuse("an unfinished group");
    if (captures) {
      ++pattern_.captures;
      item = node({.kind = Kind::concat, .children = {item}, .captures = true});
    }
    return item;
  }

  // RE2 forgets the case of \w and [:alpha:] too: its (?i)\w has the Kelvin sign.
  CodeSet named(const CodeSet& set, bool negated, const Flags& flags) const {
    const CodeSet all = flags.ignore_case && !python_ ? without_case(set, false) : set;
    return negated ? all.complement() : all;
  }

  // \w, \d, \s and their complements.
  std::optional<CodeSet> category(char letter, const Flags& flags) const {
    switch (letter) {
      case 'w':
      case 'W':
        return named(word(), letter == 'W', flags);
      case 'd':
      case 'D':
        return named(digit(), letter == 'D', flags);
      case 's':
      case 'S':
        return named(space(), letter == 'S', flags);
      default:
        return std::nullopt;
    }
  }

  int escape(const Flags& flags) {
    if (end()) refuse("an unfinished escape");
    const char letter = text_[at_];
    if (const auto set = category(letter, flags)) {
      ++at_;
      return node_of_set(*set);
    }
    constexpr std::array<std::pair<char, Assertion>, 3> both = {
        std::pair{'b', Assertion::boundary}, {'B', Assertion::not_boundary}, {'A', Assertion::text_begin}};
    for (const auto& [name, assertion] : both) {
      if (letter != name) continue;
      ++at_;
      return node_of_assertion(assertion);
    }
    if (letter == (python_ ? 'Z' : 'z')) {
      ++at_;
      return node_of_assertion(Assertion::text_end);
    }
    return node_of_literal(escaped_code(), flags);
  }

  char32_t digits(int base, std::size_t least, std::size_t most) {
    char32_t value = 0;
    std::size_t count = 0;
    for (; count < most && !end(); ++count, ++at_) {
      const char c = text_[at_];
      const int digit = is_digit(c) ? c - '0' : is_letter(c) ? (c | 0x20) - 'a' + 10 : 99;
      if (digit >= base) break;
      value = value * static_cast<char32_t>(base) + static_cast<char32_t>(digit);
    }
    if (count < least) refuse("an unfinished escape");
    if (value > last_code) refuse("a number beyond the last code point");
    return value;
  }

  // The character that an escape stands for, `at_` behind the backslash.
  char32_t escaped_code() {
    const char letter = text_[at_];
    constexpr std::string_view names = "afnrtv";
    constexpr std::string_view codes = "\a\f\n\r\t\v";
    if (const std::size_t found = names.find(letter); found != std::string_view::npos) {
      ++at_;
      return static_cast<char32_t>(codes[found]);
    }
    if (take("x")) {
      if (python_ || !take("{")) return digits(16, 2, 2);
      const char32_t code = digits(16, 1, 8);
      if (!take("}")) refuse("an unfinished escape");
      return code;
    }
    if (python_ && take("u")) return digits(16, 4, 4);
    if (python_ && take("U")) return digits(16, 8, 8);
    if (take("0")) return digits(8, 0, 2);
    if (is_letter(letter)) unknown(sentence("the escape '\\", letter, "'"));
    if (is_digit(letter)) unknown("a reference to a group");
    if (!python_ && !is_ascii(letter)) refuse("an escape of a character that needs none");
    return take_code();
  }

  // One end of a range, or a category.
  std::optional<char32_t> bracket_item(CodeSet& categories, const Flags& flags) {
    if (end()) refuse("an unfinished '['");
    if (!take("\\")) return take_code();
    if (end()) refuse("an unfinished escape");
    if (const auto set = category(text_[at_], flags)) {
      ++at_;
      categories.add(*set);
      return std::nullopt;
    }
    if (python_ && take("b")) return '\b';
    return escaped_code();
  }

  bool posix_item(CodeSet& categories, const Flags& flags) {
    if (!sees("[:")) return false;
    if (python_) unknown("'[:' inside brackets");
    const std::size_t close = text_.find(":]", at_);
    const bool negated = text_.substr(at_).starts_with("[:^");
    const std::size_t first = at_ + (negated ? 3 : 2);
    if (close != std::string_view::npos && close >= first) {
      if (const auto set = posix_class(text_.substr(first, close - first))) {
        categories.add(named(*set, negated, flags));
        at_ = close + 2;
        return true;
      }
    }
    unknown("'[:' inside brackets");
  }

  int bracket(const Flags& flags) {
    const bool negated = take("^");
    CodeSet singles;
    CodeSet categories;
    for (bool first = true; first || !sees("]"); first = false) {
      if (posix_item(categories, flags)) continue;
      for (const std::string_view twice : {"--", "&&", "~~", "||"}) {
        if (python_ && sees(twice) && !(first && twice == "--")) unknown("a doubled operator of sets");
      }
      const auto low = bracket_item(categories, flags);
      if (!sees("-") || sees("-]")) {
        if (low) singles.add(*low, *low);
        continue;
      }
      if (!low) refuse("a range that starts with a class");
      ++at_;
      const auto high = bracket_item(categories, flags);
      if (!high) refuse("a range that ends with a class");
      if (*high < *low) refuse("a range that ends before it starts");
      singles.add(*low, *high);
    }
    ++at_;
    CodeSet set = flags.ignore_case ? without_case(singles, python_) : singles;
    set.add(categories);
    return node_of_set(negated ? set.complement() : set);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool python_;
  bool ascii_;
  Pattern pattern_;
};

}  // namespace

Pattern parse_pattern(std::string_view text, Dialect dialect) { return Parser(text, dialect).parse(); }

}  // namespace sklort::text
