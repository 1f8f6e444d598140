// The n-grams that a TfIdfVectorizer counts, and their columns. They are a tree: from a node, the next item leads to a child,
// found by hash. Items are strings or integers, known by where they first stand in the pool.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lookup.h"
#include "op.h"

namespace sklort::text {

class Vocabulary {
 public:
  explicit Vocabulary(const Node& node);

  bool of_texts() const noexcept { return of_texts_; }
  std::int64_t columns() const noexcept { return columns_; }
  // N-grams in the pool.
  std::int64_t count() const noexcept { return count_; }

  // The number of an item, -1 when it is in no n-gram.
  TextLookup::Sought seek(std::string_view text) const noexcept { return words_.seek(text); }
  std::int32_t item(const TextLookup::Sought& sought) const noexcept { return words_.find(sought); }
  std::int32_t item(std::string_view text) const noexcept { return words_.find(text); }
  std::int32_t item(std::int64_t number) const noexcept { return numbers_.find(number); }

  // Calls visit(column) for each n-gram found among the items.
  template <class Visit>
  void each(const std::int32_t* items, std::int64_t width, Visit&& visit) const {
    if (most_ == 1) {
      for (std::int64_t i = 0; i < width; ++i) {
        const std::int32_t column = items[i] < 0 ? -1 : singles_[static_cast<std::size_t>(items[i])];
        if (column >= 0) visit(column);
      }
      return;
    }
    std::int64_t least = least_;
    if (least > width) return;
    for (std::int64_t distance = 1; distance <= skips_ + 1 && distance <= std::max<std::int64_t>(width, 1); ++distance) {
      for (std::int64_t start = 0; start + distance * (least - 1) < width; ++start) {
        std::int32_t node = 0;
        std::int64_t at = start;
        for (std::int64_t size = 1; size <= most_ && at < width; ++size, at += distance) {
          if (items[at] < 0) break;
          node = child(node, items[at]);
          if (node < 0) break;
          const Gram& found = grams_[static_cast<std::size_t>(node)];
          if (size >= least && found.column >= 0) visit(found.column);
          if (found.leaf) break;
        }
      }
      // Single items are the same at every distance: counted once.
      if (least == 1 && ++least > most_) break;
    }
  }

 private:
  struct Gram {
    std::int32_t column = -1;
    bool leaf = true;
  };
  class Builder;

  std::vector<std::int32_t> read_pool(const Node& node);

  static std::int64_t key(std::int32_t node, std::int32_t item) noexcept {
    return static_cast<std::int64_t>(node) << 32 | static_cast<std::int64_t>(item);
  }

  std::int32_t child(std::int32_t node, std::int32_t item) const noexcept {
    if (node == 0) return first_[static_cast<std::size_t>(item)];
    const std::int32_t edge = edges_.find(key(node, item));
    return edge < 0 ? -1 : targets_[static_cast<std::size_t>(edge)];
  }

  std::int64_t least_;
  std::int64_t most_;
  std::int64_t skips_;
  std::int64_t columns_;
  std::int64_t count_ = 0;
  bool of_texts_;
  TextLookup words_;
  IntegerLookup numbers_;
  std::vector<Gram> grams_;            // the first is the root
  std::vector<std::int32_t> first_;    // by item: the child of the root
  std::vector<std::int32_t> singles_;  // by item: its column, where no n-gram is longer than one
  IntegerLookup edges_;
  std::vector<std::int32_t> targets_;  // by edge
};

}  // namespace sklort::text
