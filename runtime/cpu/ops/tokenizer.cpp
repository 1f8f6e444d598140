// Tokenizer (com.microsoft): what a text is cut into is `text::Cutter`'s.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "op.h"
#include "text/batch.h"
#include "text/cutter.h"

namespace sklort {
namespace {

using text::Cutter;

constexpr std::string_view start_mark = "\x02";
constexpr std::string_view end_mark = "\x03";

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
          cutter_.cut(text, scratch, [&](std::string_view token) { pieces.push_back(token); });
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
