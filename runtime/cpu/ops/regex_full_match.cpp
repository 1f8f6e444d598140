// RegexFullMatch: the pattern is RE2's, so \w, \d and \s are ASCII and `$` is the end of the text.
#include <string>
#include <vector>

#include "op.h"
#include "text/batch.h"
#include "text/regex.h"

namespace sklort {
namespace {

text::Pattern pattern_of(const Node& node) {
  if (!node.has("pattern")) bad_graph("attribute 'pattern' is missing");
  return text::parse_pattern(node.text("pattern", ""), text::Dialect::re2);
}

class RegexFullMatch final : public Op {
 public:
  explicit RegexFullMatch(const Node& node) : match_(pattern_of(node)) {}

  void run(Call& call) const override {
    const auto texts = text::texts_of(call, 0);
    bool* out = call.allocate(0, DType::boolean, call.tensor(0).shape).as<bool>();
    text::in_chunks(call, texts, [&](std::size_t, std::int64_t first, std::int64_t last) {
      text::FullMatch::Scratch scratch(match_);
      for (std::int64_t i = first; i < last; ++i) out[i] = match_.matches(texts[static_cast<std::size_t>(i)], scratch);
    });
  }

  DType result(int, std::span<const DType>) const override { return DType::boolean; }
  std::string explain() const override {
    return match_.has_tables() ? "" : "the pattern is simulated: its tables would be too large";
  }

 private:
  text::FullMatch match_;
};

std::unique_ptr<Op> prepare(const Node& node) {
  try {
    return std::make_unique<RegexFullMatch>(node);
  } catch (const text::PatternError& error) {
    throw Error(Status::not_implemented, error.sentence);
  }
}

std::string refuse(const Node& node) {
  try {
    const text::FullMatch match(pattern_of(node));
  } catch (const text::PatternError& error) {
    return error.sentence;
  } catch (const Error&) {  // a mistake in the model: told when it is prepared
  }
  return {};
}

const Registration regex_full_match{"", "RegexFullMatch", 20, any_version, prepare, refuse};

}  // namespace
}  // namespace sklort
