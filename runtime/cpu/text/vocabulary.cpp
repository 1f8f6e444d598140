#include "text/vocabulary.h"

#include <limits>
#include <string>
#include <unordered_map>

namespace sklort::text {

namespace {

std::int64_t required(const Node& node, const char* name, std::int64_t least) {
  if (!node.has(name)) bad_graph("attribute '", name, "' is missing");
  const std::int64_t value = node.integer(name, 0);
  if (value < least) bad_graph("attribute '", name, "' is ", value, "; it must be at least ", least);
  return value;
}

std::int64_t columns_of(const Node& node) {
  std::int64_t columns = 0;
  for (const std::int64_t column : node.integers("ngram_indexes")) {
    if (column < 0 || column >= std::numeric_limits<std::int32_t>::max())
      bad_graph("attribute 'ngram_indexes' holds ", column, ", which is no column");
    columns = std::max(columns, column + 1);
  }
  if (columns == 0) bad_graph("attribute 'ngram_indexes' is missing or empty");
  return columns;
}

}  // namespace

// Puts n-grams into the tree.
class Vocabulary::Builder {
 public:
  explicit Builder(Vocabulary& made) : made_(made) { made_.grams_.emplace_back(); }

  void add(std::span<const std::int32_t> items, std::int64_t column) {
    std::int32_t node = 0;
    for (const std::int32_t item : items) {
      const auto fresh = static_cast<std::int32_t>(made_.grams_.size());
      std::int32_t& next =
          node == 0 ? made_.first_[static_cast<std::size_t>(item)] : edges_.emplace(key(node, item), -1).first->second;
      if (next < 0) {
        next = fresh;
        made_.grams_[static_cast<std::size_t>(node)].leaf = false;
        made_.grams_.emplace_back();
      }
      node = next;
    }
    std::int32_t& place = made_.grams_[static_cast<std::size_t>(node)].column;
    if (place >= 0) bad_graph("the pool lists a ", items.size(), "-gram twice");
    place = static_cast<std::int32_t>(column);
  }

  void finish() {
    std::vector<std::int64_t> keys;
    for (const auto& [key, target] : edges_) {
      keys.push_back(key);
      made_.targets_.push_back(target);
    }
    made_.edges_ = IntegerLookup(keys, Duplicates::first);
    if (made_.most_ > 1) return;
    for (const std::int32_t node : made_.first_) {
      made_.singles_.push_back(node < 0 ? -1 : made_.grams_[static_cast<std::size_t>(node)].column);
    }
  }

 private:
  Vocabulary& made_;
  std::unordered_map<std::int64_t, std::int32_t> edges_;
};

Vocabulary::Vocabulary(const Node& node)
    : least_(required(node, "min_gram_length", 1)),
      most_(required(node, "max_gram_length", least_)),
      skips_(required(node, "max_skip_count", 0)),
      columns_(columns_of(node)),
      of_texts_(node.has("pool_strings")) {
  const std::vector<std::int32_t> items = read_pool(node);
  const auto starts = node.integers("ngram_counts");
  const auto columns = node.integers("ngram_indexes");
  const auto total = static_cast<std::int64_t>(items.size());
  std::size_t gram = 0;
  first_.assign(items.size(), -1);
  Builder builder(*this);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const auto size = static_cast<std::int64_t>(i) + 1;
    const std::int64_t first = starts[i];
    const std::int64_t last = i + 1 < starts.size() ? starts[i + 1] : total;
    if (first < 0 || first > last || last > total)
      bad_graph("attribute 'ngram_counts' must be ascending and within the pool of ", total, " items");
    if ((last - first) % size != 0)
      bad_graph("attribute 'ngram_counts' gives ", last - first, " items to the ", size, "-grams, which is not a multiple of ",
                size);
    for (std::int64_t at = first; at < last; at += size, ++gram) {
      if (gram >= columns.size()) bad_graph("attribute 'ngram_indexes' has fewer entries than the pool has n-grams");
      if (size < least_ || size > most_) continue;
      builder.add(std::span(items).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size)), columns[gram]);
    }
  }
  if (gram != columns.size())
    bad_graph("attribute 'ngram_indexes' has ", columns.size(), " entries for ", gram, " n-grams of the pool");
  count_ = static_cast<std::int64_t>(gram);
  builder.finish();
}

// The pool as the numbers of its items.
std::vector<std::int32_t> Vocabulary::read_pool(const Node& node) {
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

}  // namespace sklort::text
