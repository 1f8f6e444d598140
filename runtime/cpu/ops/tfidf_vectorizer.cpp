// TfIdfVectorizer: counts of n-grams of strings or integers, and weights for them.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "op.h"
#include "text/vocabulary.h"
#include "threads.h"

namespace sklort {
namespace {

enum class Mode { tf, idf, tfidf };

class TfIdfVectorizer final : public Op {
 public:
  explicit TfIdfVectorizer(const Node& node)
      : mode_(mode_of(node.text("mode", ""))), vocabulary_(node), columns_(vocabulary_.columns()) {
    const auto weights = node.floats("weights");
    if (!weights.empty() && weights.size() != node.integers("ngram_indexes").size())
      bad_graph("attribute 'weights' has ", weights.size(), " entries for ", node.integers("ngram_indexes").size(), " n-grams");
    if (mode_ == Mode::tf || weights.empty()) return;
    // Taken by column, not by n-gram: so do onnx's own evaluator and onnxruntime, against the letter of the standard.
    if (weights.size() < static_cast<std::size_t>(columns_))
      bad_graph("attribute 'weights' has ", weights.size(), " entries for ", columns_, " columns");
    weights_.assign(weights.begin(), weights.begin() + columns_);
  }

  void run(Call& call) const override {
    const Tensor& input = call.tensor(0);
    const int rank = input.shape.rank();
    if (rank > 2) fail("the input must have at most two dimensions, got ", rank);
    const std::int64_t rows = rank == 2 ? input.shape[0] : 1;
    const std::int64_t width = rank == 0 ? 1 : input.shape[rank - 1];
    const bool known =
        vocabulary_.of_texts() ? input.dtype == DType::string : input.dtype == DType::int64 || input.dtype == DType::int32;
    if (!known)
      fail("the input must be ", vocabulary_.of_texts() ? "tensor(string)" : "tensor(int64) or tensor(int32)", ", got tensor(",
           dtype_name(input.dtype), ")");
    auto* out = call.allocate(0, DType::float32, rank == 2 ? Shape{rows, columns_} : Shape{columns_}).as<float>();
    auto* items = call.scratch_of<std::int32_t>(width * std::max(call.threads(), 1));
    const std::int64_t chunk = std::clamp<std::int64_t>(16'384 / std::max<std::int64_t>(width + columns_ / 8, 1), 1, 1024);
    parallel(rows, chunk, call.threads(), [&](int worker, std::int64_t first, std::int64_t last) noexcept {
      std::int32_t* mine = items + worker * width;
      for (std::int64_t row = first; row < last; ++row) {
        float* counts = out + row * columns_;
        std::fill_n(counts, columns_, 0.0F);
        read(input, row * width, width, mine);
        vocabulary_.each(mine, width, [counts](std::int32_t column) noexcept { counts[column] += 1.0F; });
        weigh(counts);
      }
    });
  }

  DType result(int, std::span<const DType>) const override { return DType::float32; }

 private:
  static Mode mode_of(const std::string& name) {
    if (name == "TF") return Mode::tf;
    if (name == "IDF") return Mode::idf;
    if (name == "TFIDF") return Mode::tfidf;
    bad_graph("attribute 'mode' is '", name, "'; it must be TF, IDF or TFIDF");
  }

  // The items of one row as numbers; -1 for those that are not in the pool.
  void read(const Tensor& input, std::int64_t first, std::int64_t width, std::int32_t* items) const noexcept {
    if (vocabulary_.of_texts()) {
      const auto* texts = input.as<std::string_view>() + first;
      for (std::int64_t i = 0; i < width; ++i) {
        // The padding of short rows is one text many times over.
        const bool again = i > 0 && texts[i].data() == texts[i - 1].data() && texts[i].size() == texts[i - 1].size();
        items[i] = again ? items[i - 1] : vocabulary_.item(texts[i]);
      }
    } else if (input.dtype == DType::int64) {
      const auto* numbers = input.as<std::int64_t>() + first;
      for (std::int64_t i = 0; i < width; ++i) items[i] = vocabulary_.item(std::int64_t{numbers[i]});
    } else {
      const auto* numbers = input.as<std::int32_t>() + first;
      for (std::int64_t i = 0; i < width; ++i) items[i] = vocabulary_.item(std::int64_t{numbers[i]});
    }
  }

  void weigh(float* counts) const noexcept {
    if (mode_ == Mode::tf) return;
    for (std::int64_t i = 0; i < columns_; ++i) {
      const float weight = weights_.empty() ? 1.0F : weights_[static_cast<std::size_t>(i)];
      counts[i] = (mode_ == Mode::idf ? (counts[i] > 0 ? 1.0F : 0.0F) : counts[i]) * weight;
    }
  }

  Mode mode_;
  text::Vocabulary vocabulary_;
  std::int64_t columns_;
  std::vector<float> weights_;
};

std::unique_ptr<Op> prepare(const Node& node) { return std::make_unique<TfIdfVectorizer>(node); }

const Registration tfidf_vectorizer{"", "TfIdfVectorizer", 9, any_version, prepare};

}  // namespace
}  // namespace sklort
