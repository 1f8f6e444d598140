// StringNormalizer (ai.onnx, and as com.microsoft once had it). Case changes as Python's str.lower() and str.upper() do it, in
// every locale: scikit-learn knows none.
#include <algorithm>
#include <string>
#include <vector>

#include "lookup.h"
#include "op.h"
#include "text/batch.h"
#include "text/unicode.h"

namespace sklort {
namespace {

enum class Case { none, lower, upper };

void append(Case change, std::string_view text, std::string& out) {
  switch (change) {
    case Case::none:
      out.append(text);
      break;
    case Case::lower:
      text::append_lower(text, out);
      break;
    case Case::upper:
      text::append_upper(text, out);
      break;
  }
}

class StringNormalizer final : public Op {
 public:
  StringNormalizer(const Node& node, std::string_view attribute) {
    const std::string change = node.text(attribute, "NONE");
    if (change != "NONE" && change != "LOWER" && change != "UPPER")
      bad_graph("attribute '", attribute, "' is '", change, "'; it must be LOWER, UPPER or NONE");
    change_ = change == "LOWER" ? Case::lower : change == "UPPER" ? Case::upper : Case::none;
    if (node.integer("is_case_sensitive", 0) == 0) compare_ = change_ == Case::upper ? Case::upper : Case::lower;
    std::vector<std::string> compared;
    for (const std::string& word : node.texts("stopwords")) append(compare_, word, compared.emplace_back());
    has_stopwords_ = !compared.empty();
    stopwords_ = TextLookup(compared, Duplicates::first);
  }

  void run(Call& call) const override {
    const auto texts = text::texts_of(call, 0);
    const Shape& shape = call.tensor(0).shape;
    if (!has_stopwords_) {
      if (change_ == Case::none) {
        call.set(0, call.value(0));
        return;
      }
      write(call, texts, shape);
      return;
    }
    if (shape.rank() != 1 && (shape.rank() != 2 || shape[0] != 1)) {
      fail("with stop words the input must have shape (n,) or (1, n), got rank ", shape.rank());
    }
    std::vector<std::string_view> kept;
    std::string compared;
    for (const std::string_view text : texts) {
      compared.clear();
      append(compare_, text, compared);
      if (stopwords_.find(compared) < 0) kept.push_back(text);
    }
    if (kept.empty() && !texts.empty()) kept.emplace_back();  // the standard asks for one empty text
    const auto count = static_cast<std::int64_t>(kept.size());
    write(call, kept, shape.rank() == 1 ? Shape{count} : Shape{1, count});
  }

  DType result(int, std::span<const DType>) const override { return DType::string; }

 private:
  void write(Call& call, std::span<const std::string_view> texts, const Shape& shape) const {
    auto* out = call.allocate(0, DType::string, shape).as<std::string_view>();
    text::make_texts(call, texts, out, [this](std::string_view text, std::string& made) { append(change_, text, made); });
  }

  Case change_;
  Case compare_ = Case::none;
  bool has_stopwords_ = false;
  TextLookup stopwords_;
};

std::unique_ptr<Op> prepare(const Node& node) { return std::make_unique<StringNormalizer>(node, "case_change_action"); }
std::unique_ptr<Op> prepare_microsoft(const Node& node) { return std::make_unique<StringNormalizer>(node, "casechangeaction"); }

const Registration standard{"", "StringNormalizer", 10, any_version, prepare};
const Registration microsoft{"com.microsoft", "StringNormalizer", 1, any_version, prepare_microsoft};

}  // namespace
}  // namespace sklort
