// How a Tokenizer (com.microsoft) cuts texts. The token expression comes from scikit-learn and is read as Python's re reads it;
// separators have no counterpart there and are RE2, as onnxruntime has them. A token has at least one character.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "op.h"
#include "text/regex.h"
#include "text/runs.h"
#include "text/utf8.h"

namespace sklort::text {

class Cutter {
 public:
  // Throws PatternError for patterns and Error for the rest.
  explicit Cutter(const Node& node);

  using Scratch = std::vector<Search::Scratch>;
  Scratch scratch() const;

  // Calls visit(token) for each in order.
  template <class Visit>
  void cut(std::string_view text, Scratch& scratch, Visit&& visit) const {
    const auto add = [&](std::string_view token) {
      if (!token.empty() && (least_ == 1 || count_codes(token) >= least_)) visit(token);
    };
    if (runs_) {
      runs_->each(text, add);
    } else if (expression_) {
      std::size_t at = 0;
      while (const auto match = expression_->find(text, at, scratch[0])) {
        add(text.substr(match->first, match->last - match->first));
        at = match->last;
      }
    } else if (!separators_.empty()) {
      split(text, 0, scratch, add);
    } else {
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = decode(text, at).size;
        visit(text.substr(at, size));
        at += size;
      }
    }
  }

  std::string explain() const;

 private:
  // The separators take turns: the next one cuts what the one before has left.
  template <class Add>
  void split(std::string_view text, std::size_t turn, Scratch& scratch, Add& add) const {
    if (turn == separators_.size()) {
      add(text);
      return;
    }
    std::size_t at = 0;
    while (const auto match = separators_[turn]->find(text, at, scratch[turn])) {
      split(text.substr(at, match->first - at), turn + 1, scratch, add);
      at = match->last;
    }
    split(text.substr(at), turn + 1, scratch, add);
  }

  std::size_t least_;
  std::optional<Runs> runs_;
  std::unique_ptr<Search> expression_;
  std::vector<std::unique_ptr<Search>> separators_;
};

}  // namespace sklort::text
