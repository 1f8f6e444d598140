#include "text/cutter.h"

#include <algorithm>

namespace sklort::text {

Cutter::Cutter(const Node& node) : least_(static_cast<std::size_t>(std::max<std::int64_t>(node.integer("mincharnum", 1), 1))) {
  if (node.integer("mincharnum", 1) < 1) bad_graph("attribute 'mincharnum' must be at least 1");
  const std::vector<std::string> separators = node.texts("separators");
  const std::string expression = node.text("tokenexp", "");
  if (separators.empty() == expression.empty()) bad_graph("exactly one of 'separators' and 'tokenexp' must be given");
  // One character a token: scikit-learn's analyzer "char" is written ".", and means newlines too.
  if (expression == "." || (separators.size() == 1 && separators[0].empty())) {
    if (least_ > 1) bad_graph("attribute 'mincharnum' is ", least_, ", but tokens are single characters");
    return;
  }
  if (!expression.empty()) {
    const Pattern pattern = parse_pattern(expression, Dialect::python);
    if (pattern.captures > 0 && !pattern.capture_is_match()) {
      throw PatternError{sentence("the pattern '", expression,
                                  "' has a group that captures a part of the match, which scikit-learn takes for the token; "
                                  "write (?:...) where the whole match is meant")};
    }
    runs_ = Runs::make(pattern);
    if (!runs_) expression_ = std::make_unique<Search>(pattern, Prefer::first);
    return;
  }
  for (const std::string& separator : separators) {
    if (separator.empty()) continue;
    separators_.push_back(std::make_unique<Search>(parse_pattern(separator, Dialect::re2), Prefer::longest));
  }
}

Cutter::Scratch Cutter::scratch() const {
  Scratch made;
  if (expression_) made.emplace_back(*expression_);
  for (const auto& separator : separators_) made.emplace_back(*separator);
  return made;
}

std::string Cutter::explain() const {
  const auto slow = [](const auto& search) { return search && !search->has_tables(); };
  if (slow(expression_) || std::ranges::any_of(separators_, slow))
    return "the pattern is simulated: its tables would be too large";
  return {};
}

}  // namespace sklort::text
