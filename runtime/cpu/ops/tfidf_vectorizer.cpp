// TfIdfVectorizer: counts of n-grams of strings or integers. The n-grams are a tree: from a node, the next item leads to a
// child, found by hash.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lookup.h"
#include "op.h"
#include "threads.h"

namespace sklort {
namespace {

constexpr std::int32_t none = -1;

enum class Mode { tf, idf, tfidf };

// The n-grams of a pool, and the column of the output each is counted in. An item is known by where it first stands in the pool.
class NGrams {
 public:
  struct Node {
    std::int32_t column = none;
    bool leaf = true;
  };

  // `items`: the pool as numbers; counts: where the 1-grams, 2-grams ... start in it.
  NGrams(std::span<const std::int32_t> items, std::span<const std::int64_t> counts, std::span<const std::int64_t> columns,
         std::int64_t least, std::int64_t most) {
    const auto total = static_cast<std::int64_t>(items.size());
    std::size_t gram = 0;
    first_.assign(items.size(), none);
    std::unordered_map<std::int64_t, std::int32_t> edges;
    nodes_.emplace_back();  // the root
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const auto size = static_cast<std::int64_t>(i) + 1;
      const std::int64_t first = counts[i];
      const std::int64_t last = i + 1 < counts.size() ? counts[i + 1] : total;
      if (first < 0 || first > last || last > total)
        bad_graph("attribute 'ngram_counts' must be ascending and within the pool of ", total, " items");
      if ((last - first) % size != 0)
        bad_graph("attribute 'ngram_counts' gives ", last - first, " items to the ", size, "-grams, which is not a multiple of ",
                  size);
      for (std::int64_t at = first; at < last; at += size, ++gram) {
        if (gram >= columns.size()) bad_graph("attribute 'ngram_indexes' has fewer entries than the pool has n-grams");
        if (size < least || size > most) continue;
        add(items.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size)), columns[gram], edges);
      }
    }
    if (gram != columns.size())
      bad_graph("attribute 'ngram_indexes' has ", columns.size(), " entries for ", gram, " n-grams of the pool");
    std::vector<std::int64_t> keys;
    for (const auto& [key, target] : edges) {
      keys.push_back(key);
      targets_.push_back(target);
    }
    edges_ = IntegerLookup(keys, Duplicates::first);
  }

  std::int32_t child(std::int32_t node, std::int32_t item) const noexcept {
    if (node == 0) return first_[static_cast<std::size_t>(item)];
    const std::int32_t edge = edges_.find(key(node, item));
    return edge < 0 ? none : targets_[static_cast<std::size_t>(edge)];
  }
  const Node& operator[](std::int32_t node) const noexcept { return nodes_[static_cast<std::size_t>(node)]; }

 private:
  static std::int64_t key(std::int32_t node, std::int32_t item) noexcept {
    return static_cast<std::int64_t>(node) << 32 | static_cast<std::int64_t>(item);
  }

  void add(std::span<const std::int32_t> items, std::int64_t column, std::unordered_map<std::int64_t, std::int32_t>& edges) {
    std::int32_t node = 0;
    for (const std::int32_t item : items) {
      const auto fresh = static_cast<std::int32_t>(nodes_.size());
      std::int32_t& next =
          node == 0 ? first_[static_cast<std::size_t>(item)] : edges.emplace(key(node, item), none).first->second;
      if (next == none) {
        next = fresh;
        nodes_[static_cast<std::size_t>(node)].leaf = false;
        nodes_.emplace_back();
      }
      node = next;
    }
    std::int32_t& place = nodes_[static_cast<std::size_t>(node)].column;
    if (place != none) bad_graph("the pool lists a ", items.size(), "-gram twice");
    place = static_cast<std::int32_t>(column);
  }

  std::vector<Node> nodes_;
  std::vector<std::int32_t> first_;  // by item: the child of the root
  IntegerLookup edges_;
  std::vector<std::int32_t> targets_;  // by edge
};

class TfIdfVectorizer final : public Op {
 public:
  explicit TfIdfVectorizer(const Node& node)
      : mode_(mode_of(node.text("mode", ""))),
        least_(required(node, "min_gram_length", 1)),
        most_(required(node, "max_gram_length", least_)),
        skips_(required(node, "max_skip_count", 0)),
        columns_(columns_of(node)),
        of_texts_(node.has("pool_strings")),
        grams_(pool(node), node.integers("ngram_counts"), node.integers("ngram_indexes"), least_, most_) {
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
    const bool known = of_texts_ ? input.dtype == DType::string : input.dtype == DType::int64 || input.dtype == DType::int32;
    if (!known)
      fail("the input must be ", of_texts_ ? "tensor(string)" : "tensor(int64) or tensor(int32)", ", got tensor(",
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
        count(mine, width, counts);
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

  static std::int64_t required(const Node& node, const char* name, std::int64_t least) {
    if (!node.has(name)) bad_graph("attribute '", name, "' is missing");
    const std::int64_t value = node.integer(name, 0);
    if (value < least) bad_graph("attribute '", name, "' is ", value, "; it must be at least ", least);
    return value;
  }

  static std::int64_t columns_of(const Node& node) {
    std::int64_t columns = 0;
    for (const std::int64_t column : node.integers("ngram_indexes")) {
      if (column < 0 || column >= std::numeric_limits<std::int32_t>::max())
        bad_graph("attribute 'ngram_indexes' holds ", column, ", which is no column");
      columns = std::max(columns, column + 1);
    }
    if (columns == 0) bad_graph("attribute 'ngram_indexes' is missing or empty");
    return columns;
  }

  // The pool as the numbers of its items.
  std::vector<std::int32_t> pool(const Node& node) {
    if (node.has("pool_strings") == node.has("pool_int64s"))
      bad_graph("exactly one of 'pool_strings' and 'pool_int64s' must be given");
    std::vector<std::int32_t> items;
    if (of_texts_) {
      const std::vector<std::string> words = node.texts("pool_strings");
      words_ = TextLookup(words, Duplicates::first);
      for (const std::string& word : words) items.push_back(words_.find(word));
    } else {
      const auto numbers = node.integers("pool_int64s");
      numbers_ = IntegerLookup(numbers, Duplicates::first);
      for (const std::int64_t number : numbers) items.push_back(numbers_.find(number));
    }
    return items;
  }

  // The items of one row as numbers; `none` for those that are not in the pool.
  void read(const Tensor& input, std::int64_t first, std::int64_t width, std::int32_t* items) const noexcept {
    if (of_texts_) {
      const auto* texts = input.as<std::string_view>() + first;
      for (std::int64_t i = 0; i < width; ++i) {
        // The padding of short rows is one text many times over.
        const bool again = i > 0 && texts[i].data() == texts[i - 1].data() && texts[i].size() == texts[i - 1].size();
        items[i] = again ? items[i - 1] : words_.find(texts[i]);
      }
    } else if (input.dtype == DType::int64) {
      const auto* numbers = input.as<std::int64_t>() + first;
      for (std::int64_t i = 0; i < width; ++i) items[i] = numbers_.find(numbers[i]);
    } else {
      const auto* numbers = input.as<std::int32_t>() + first;
      for (std::int64_t i = 0; i < width; ++i) items[i] = numbers_.find(numbers[i]);
    }
  }

  void count(const std::int32_t* items, std::int64_t width, float* counts) const noexcept {
    std::int64_t least = least_;
    if (least > width) return;
    for (std::int64_t distance = 1; distance <= skips_ + 1 && distance <= std::max<std::int64_t>(width, 1); ++distance) {
      for (std::int64_t start = 0; start + distance * (least - 1) < width; ++start) {
        std::int32_t node = 0;
        std::int64_t at = start;
        for (std::int64_t size = 1; size <= most_ && at < width; ++size, at += distance) {
          if (items[at] == none) break;
          node = grams_.child(node, items[at]);
          if (node == none) break;
          const NGrams::Node& found = grams_[node];
          if (size >= least && found.column != none) counts[found.column] += 1.0F;
          if (found.leaf) break;
        }
      }
      // Single items are the same at every distance: counted once.
      if (least == 1 && ++least > most_) break;
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
  std::int64_t least_;
  std::int64_t most_;
  std::int64_t skips_;
  std::int64_t columns_;
  bool of_texts_;
  TextLookup words_;
  IntegerLookup numbers_;
  NGrams grams_;
  std::vector<float> weights_;
};

std::unique_ptr<Op> prepare(const Node& node) { return std::make_unique<TfIdfVectorizer>(node); }

const Registration tfidf_vectorizer{"", "TfIdfVectorizer", 9, any_version, prepare};

}  // namespace
}  // namespace sklort
