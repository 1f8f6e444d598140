// Texts in front of a linear model: what TfIdfVectorizer and its weights make of them are rows of a wide matrix that is nearly
// all zeros. Here a text becomes a list of its terms with their values, and each of them chooses a row of weights, which is
// multiplied and added. The matrix is never made.
//
//     text_sources, text_columns  INTS     for each text: which input, and which of its columns
//     text_cases                  STRINGS  NONE, LOWER or UPPER: as StringNormalizer changes it
//     text_expressions            STRINGS  as Tokenizer's tokenexp; empty where separators cut
//     text_separators             STRINGS  text after text, text_separator_counts (INTS) of each
//     text_least_characters       INTS     as mincharnum
//     text_pools                  STRINGS  as TfIdfVectorizer's pool_strings, text_pool_counts (INTS) of each
//     text_gram_starts            INTS     as ngram_counts, text_gram_start_counts (INTS) of each
//     text_gram_columns           INTS     as ngram_indexes, text_gram_counts (INTS) of each
//     text_limits                 INTS     for each text: least and most items of an n-gram, most items skipped
//     text_stages                 STRINGS  for each text what is done to the values, see Stage, with blanks between
//     text_stage_numbers          TENSOR   of double: stage by stage a number for each column, for `multiply` and `divide`
//     text_rows                   INTS     for each column of each text: its row among the text's weights, or -1
//     text_row_counts             INTS     rows of weights of each text
//
// Values are of float until the stage `widen`, with the roundings of the graph; the terms of a text come in the order in which
// they are first found, and that is the order of all sums.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "linear/source.h"
#include "op.h"
#include "text/cutter.h"
#include "text/vocabulary.h"

namespace sklort {

class Terms {
 public:
  Terms(const Node& node, std::int64_t sources);

  std::int64_t texts() const noexcept { return static_cast<std::int64_t>(texts_.size()); }
  // N-grams that are looked for, and rows of weights, of all texts together.
  std::int64_t grams() const noexcept;
  std::int64_t count() const noexcept { return count_; }

  void check(const Source* sources) const;
  // Bytes of all texts of a batch.
  std::size_t bytes(const Source* sources, std::int64_t rows) const noexcept;

  // The terms of a text: rows of weights, and what these are multiplied with. What one thread writes.
  struct Found {
    std::vector<std::int32_t> rows;
    std::vector<double> values;

   private:
    friend class Terms;
    std::vector<text::Cutter::Scratch> cutters;
    std::string changed;
    std::vector<TextLookup::Sought> sought;
    std::vector<std::int32_t> items;
    std::vector<std::int32_t> hits;
    std::vector<std::int32_t> places;
  };
  Found scratch() const;
  // May run out of memory.
  void find(std::int64_t text, const Source* sources, std::int64_t row, Found& to) const;

 private:
  enum class Case : std::uint8_t { none, lower, upper };
  enum class Kind : std::uint8_t {
    multiply,
    divide,
    binary,            // 1 where the value is not 0
    log_of_successor,  // log(1 + x)
    sublinear,         // 1 + log(x) where x > 0
    l1,                // over the norm, where that is not 0
    l2,
    max,
    widen,  // from here on in double
  };
  struct Stage {
    Kind kind;
    std::vector<double> numbers;
  };
  struct Text {
    std::int64_t source;
    std::int64_t column;
    Case change;
    text::Cutter cutter;
    text::Vocabulary vocabulary;
    std::vector<Stage> stages;
    std::vector<std::int32_t> rows;  // by column; empty: the columns in their order, from `first` on
    std::int32_t first = 0;
  };

  void count_terms(const Text& text, Found& to) const;
  template <class T>
  static void apply(const Stage& stage, Found& to) noexcept;

  std::int64_t count_ = 0;
  std::vector<Text> texts_;
};

}  // namespace sklort
