// StringSplit (ai.onnx 20), as Python's str.split, and the one of ai.onnx.contrib, which skl2onnx writes for FeatureHasher.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "op.h"
#include "text/batch.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace sklort {
namespace {

using Texts = std::vector<std::string_view>;

struct Nothing {};

// The end of the run of spaces, or of other characters, that starts at `at`.
std::size_t run_end(std::string_view text, std::size_t at, bool spaces) noexcept {
  while (at < text.size()) {
    const text::Decoded found = text::decode(text, at);
    if (text::is_space(found.code) != spaces) break;
    at += found.size;
  }
  return at;
}

void split_at_spaces(std::string_view text, std::int64_t most, Texts& pieces) {
  std::size_t at = run_end(text, 0, true);
  for (; at < text.size() && most > 0; --most) {
    const std::size_t end = run_end(text, at, false);
    pieces.push_back(text.substr(at, end - at));
    at = run_end(text, end, true);
  }
  if (at < text.size()) pieces.push_back(text.substr(at));
}

void split_at(std::string_view text, std::string_view delimiter, std::int64_t most, Texts& pieces) {
  std::size_t at = 0;
  for (; most > 0; --most) {
    const std::size_t found = text.find(delimiter, at);
    if (found == std::string_view::npos) break;
    pieces.push_back(text.substr(at, found - at));
    at = found + delimiter.size();
  }
  pieces.push_back(text.substr(at));
}

class StringSplit final : public Op {
 public:
  explicit StringSplit(const Node& node) : delimiter_(node.text("delimiter", "")), most_(node.integer("maxsplit", -1)) {
    if (most_ < 0) most_ = std::numeric_limits<std::int64_t>::max();
  }

  void run(Call& call) const override {
    const auto texts = text::texts_of(call, 0);
    Shape shape = call.tensor(0).shape;
    const text::Pieces pieces(
        call, texts, [] { return Nothing{}; },
        [this](std::string_view text, Texts& out, Nothing) {
          delimiter_.empty() ? split_at_spaces(text, most_, out) : split_at(text, delimiter_, most_, out);
        });
    const std::int64_t width = pieces.widest();
    auto* counts = call.allocate(1, DType::int64, shape).as<std::int64_t>();
    std::ranges::copy(pieces.counts(), counts);
    shape.push(width);
    auto* out = call.allocate(0, DType::string, shape).as<std::string_view>();
    pieces.each([&](std::size_t, std::span<const std::string_view> row) {
      std::fill(std::copy(row.begin(), row.end(), out), out + width, std::string_view());
      out += width;
    });
  }

  DType result(int output, std::span<const DType>) const override { return output == 0 ? DType::string : DType::int64; }

 private:
  std::string delimiter_;
  std::int64_t most_;
};

// Inputs: texts (one dimension), delimiters (any character of it separates; none: every character is a piece), whether empty
// pieces are left out. Outputs: row and column of each piece, the pieces, the shape they would fill. An empty text has none.
class SparseSplit final : public Op {
 public:
  void run(Call& call) const override {
    const auto texts = text::texts_of(call, 0);
    if (call.tensor(0).shape.rank() != 1) fail("input 0 must have one dimension, got ", call.tensor(0).shape.rank());
    const auto delimiters = text::texts_of(call, 1);
    if (delimiters.size() != 1) fail("input 1 must be one text, got ", delimiters.size());
    const Tensor& flag = call.tensor(2);
    if (flag.dtype != DType::boolean || flag.count() != 1) fail("input 2 must be one bool");
    const bool skip = flag.as<bool>()[0];
    const text::Pieces pieces(
        call, texts, [] { return Nothing{}; },
        [&](std::string_view text, Texts& out, Nothing) { split(text, delimiters[0], skip, out); });
    std::int64_t count = 0;
    for (const std::int64_t one : pieces.counts()) count += one;
    auto* places = call.allocate(0, DType::int64, {count, 2}).as<std::int64_t>();
    auto* out = call.allocate(1, DType::string, {count}).as<std::string_view>();
    auto* shape = call.allocate(2, DType::int64, {2}).as<std::int64_t>();
    pieces.each([&](std::size_t row, std::span<const std::string_view> found) {
      for (std::size_t column = 0; column < found.size(); ++column) {
        *places++ = static_cast<std::int64_t>(row);
        *places++ = static_cast<std::int64_t>(column);
        *out++ = found[column];
      }
    });
    shape[0] = static_cast<std::int64_t>(texts.size());
    shape[1] = pieces.widest();
  }

  DType result(int output, std::span<const DType>) const override { return output == 1 ? DType::string : DType::int64; }

 private:
  static void split(std::string_view text, std::string_view delimiters, bool skip, Texts& pieces) {
    if (text.empty()) return;
    std::size_t from = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = text::decode(text, at).size;
      const std::string_view character = text.substr(at, size);
      if (delimiters.empty()) {
        pieces.push_back(character);
      } else if (delimiters.find(character) != std::string_view::npos) {
        if (!skip || at > from) pieces.push_back(text.substr(from, at - from));
        from = at + size;
      }
      at += size;
    }
    if (!delimiters.empty() && (!skip || text.size() > from)) pieces.push_back(text.substr(from));
  }
};

std::unique_ptr<Op> prepare(const Node& node) { return std::make_unique<StringSplit>(node); }
std::unique_ptr<Op> prepare_sparse(const Node&) { return std::make_unique<SparseSplit>(); }

const Registration standard{"", "StringSplit", 20, any_version, prepare};
const Registration contrib{"ai.onnx.contrib", "StringSplit", 1, any_version, prepare_sparse};

}  // namespace
}  // namespace sklort
