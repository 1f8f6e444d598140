// Tokenizer (com.microsoft). The token expression comes from scikit-learn and is read as Python's re reads it; separators have
// no counterpart there and are RE2, as onnxruntime has them. A token has at least one character.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "op.h"
#include "text/batch.h"
#include "text/regex.h"
#include "text/utf8.h"

namespace sklort {
namespace {

using text::Search;

constexpr std::string_view start_mark = "\x02";
constexpr std::string_view end_mark = "\x03";

// How texts are cut; throws text::PatternError for patterns and Error for the rest.
class Cutter {
 public:
  explicit Cutter(const Node& node) : least_(static_cast<std::size_t>(std::max<std::int64_t>(node.integer("mincharnum", 1), 1))) {
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
      const text::Pattern pattern = text::parse_pattern(expression, text::Dialect::python);
      if (pattern.captures > 0 && !pattern.capture_is_match()) {
        throw text::PatternError{
            sentence("the pattern '", expression,
                     "' has a group that captures a part of the match, which scikit-learn takes for the token; write (?:...) "
                     "where the whole match is meant")};
      }
      expression_ = std::make_unique<Search>(pattern, text::Prefer::first);
      return;
    }
    for (const std::string& separator : separators) {
      if (separator.empty()) continue;
      separators_.push_back(std::make_unique<Search>(text::parse_pattern(separator, text::Dialect::re2), text::Prefer::longest));
    }
  }

  using Scratch = std::vector<Search::Scratch>;
  Scratch scratch() const {
    Scratch made;
    if (expression_) made.emplace_back(*expression_);
    for (const auto& separator : separators_) made.emplace_back(*separator);
    return made;
  }

  void cut(std::string_view text, std::vector<std::string_view>& tokens, Scratch& scratch) const {
    if (expression_) {
      std::size_t at = 0;
      while (const auto match = expression_->find(text, at, scratch[0])) {
        add(text.substr(match->first, match->last - match->first), tokens);
        at = match->last;
      }
    } else if (!separators_.empty()) {
      split(text, 0, tokens, scratch);
    } else {
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = text::decode(text, at).size;
        tokens.push_back(text.substr(at, size));
        at += size;
      }
    }
  }

  std::string explain() const {
    const auto slow = [](const auto& search) { return search && !search->has_tables(); };
    if (slow(expression_) || std::ranges::any_of(separators_, slow))
      return "the pattern is simulated: its tables would be too large";
    return {};
  }

 private:
  // The separators take turns: the next one cuts what the one before has left.
  void split(std::string_view text, std::size_t turn, std::vector<std::string_view>& tokens, Scratch& scratch) const {
    if (turn == separators_.size()) {
      add(text, tokens);
      return;
    }
    std::size_t at = 0;
    while (const auto match = separators_[turn]->find(text, at, scratch[turn])) {
      split(text.substr(at, match->first - at), turn + 1, tokens, scratch);
      at = match->last;
    }
    split(text.substr(at), turn + 1, tokens, scratch);
  }

  void add(std::string_view token, std::vector<std::string_view>& tokens) const {
    if (token.empty() || (least_ > 1 && text::count_codes(token) < least_)) return;
    tokens.push_back(token);
  }

  std::size_t least_;
  std::unique_ptr<Search> expression_;
  std::vector<std::unique_ptr<Search>> separators_;
};

class Tokenizer final : public Op {
 public:
  explicit Tokenizer(const Node& node)
      : cutter_(node), padding_(node.text("pad_value", "")), marked_(node.integer("mark", 0) != 0) {
    if (!node.has("pad_value")) bad_graph("attribute 'pad_value' is missing");
  }

  void run(Call& call) const override {
    const auto texts = text::texts_of(call, 0);
    Shape shape = call.tensor(0).shape;
    if (shape.rank() != 1 && shape.rank() != 2) fail("the input must have one or two dimensions, got ", shape.rank());
    if (shape[shape.rank() - 1] == 0) {
      call.allocate(0, DType::string, shape);
      return;
    }
    const text::Pieces tokens(
        call, texts, [this] { return cutter_.scratch(); },
        [this](std::string_view text, std::vector<std::string_view>& pieces, Cutter::Scratch& scratch) {
          cutter_.cut(text, pieces, scratch);
        });
    const std::int64_t widest = tokens.widest();
    const std::int64_t width = widest == 0 ? 0 : widest + (marked_ ? 2 : 0);
    shape.push(width);
    auto* out = call.allocate(0, DType::string, shape).as<std::string_view>();
    if (width == 0) return;
    tokens.each([&](std::size_t, std::span<const std::string_view> row) {
      std::string_view* next = out;
      if (marked_) *next++ = start_mark;
      next = std::copy(row.begin(), row.end(), next);
      if (marked_) *next++ = end_mark;
      out += width;
      std::fill(next, out, std::string_view(padding_));
    });
  }

  DType result(int, std::span<const DType>) const override { return DType::string; }
  std::string explain() const override { return cutter_.explain(); }

 private:
  Cutter cutter_;
  std::string padding_;
  bool marked_;
};

std::unique_ptr<Op> prepare(const Node& node) {
  try {
    return std::make_unique<Tokenizer>(node);
  } catch (const text::PatternError& error) {
    throw Error(Status::not_implemented, error.sentence);
  }
}

std::string refuse(const Node& node) {
  try {
    const Cutter cutter(node);
  } catch (const text::PatternError& error) {
    return error.sentence;
  } catch (const Error&) {  // a mistake in the model: told when it is prepared
  }
  return {};
}

const Registration tokenizer{"com.microsoft", "Tokenizer", 1, any_version, prepare, refuse};

}  // namespace
}  // namespace sklort
