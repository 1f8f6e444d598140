#include "linear/terms.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "text/unicode.h"

namespace sklort {

namespace {

constexpr std::array case_names = {"NONE", "LOWER", "UPPER"};
constexpr std::array kind_names = {"multiply", "divide", "binary", "log_of_successor", "sublinear", "l1", "l2", "max", "widen"};

// Reads a list piece by piece.
template <class T>
class Pieces {
 public:
  Pieces(const char* name, std::span<const T> all) : name_(name), left_(all) {}
  std::span<const T> take(std::int64_t count) {
    if (count < 0 || count > static_cast<std::int64_t>(left_.size())) bad_graph("attribute '", name_, "' is too short");
    const auto piece = left_.first(static_cast<std::size_t>(count));
    left_ = left_.subspan(piece.size());
    return piece;
  }

 private:
  const char* name_;
  std::span<const T> left_;
};

Attribute list_of(std::span<const std::int64_t> values) {
  Tensor tensor;  // a view: attributes are read while the values are there
  tensor.dtype = DType::int64;
  tensor.shape = Shape{static_cast<std::int64_t>(values.size())};
  tensor.data = const_cast<std::int64_t*>(values.data());
  return tensor;
}

Attribute list_of(std::span<const std::string> values) { return std::vector<std::string>(values.begin(), values.end()); }

template <std::size_t size>
std::size_t position(const std::array<const char*, size>& names, std::string_view name, const char* attribute) {
  const auto* found = std::ranges::find(names, name);
  if (found == names.end()) bad_graph("attribute '", attribute, "' names the unknown '", name, "'");
  return static_cast<std::size_t>(found - names.begin());
}

std::vector<std::string> words_of(const std::string& names) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < names.size();) {
    const std::size_t end = std::min(names.find(' ', at), names.size());
    words.push_back(names.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

}  // namespace

Terms::Terms(const Node& node, std::int64_t sources) {
  const auto from = node.integers("text_sources");
  const auto at = node.integers("text_columns");
  const auto separator_counts = node.integers("text_separator_counts");
  const auto characters = node.integers("text_least_characters");
  const auto pool_counts = node.integers("text_pool_counts");
  const auto start_counts = node.integers("text_gram_start_counts");
  const auto gram_counts = node.integers("text_gram_counts");
  const auto limits = node.integers("text_limits");
  const auto row_counts = node.integers("text_row_counts");
  const auto cases = node.texts("text_cases");
  const auto expressions = node.texts("text_expressions");
  const auto stages = node.texts("text_stages");
  const std::size_t count = from.size();
  for (const std::size_t size : {at.size(), separator_counts.size(), characters.size(), pool_counts.size(), start_counts.size(),
                                 gram_counts.size(), row_counts.size(), cases.size(), expressions.size(), stages.size()}) {
    if (size != count) bad_graph("attributes of ", count, " texts do not fit together");
  }
  if (limits.size() != 3 * count) bad_graph("attributes of ", count, " texts do not fit together");
  const auto separators = node.texts("text_separators");
  const auto pools = node.texts("text_pools");
  std::span<const double> numbers;
  if (const Tensor* tensor = node.tensor("text_stage_numbers")) numbers = tensor->span<double>();
  Pieces<std::string> separators_left("text_separators", separators);
  Pieces<std::string> pools_left("text_pools", pools);
  Pieces<std::int64_t> starts_left("text_gram_starts", node.integers("text_gram_starts"));
  Pieces<std::int64_t> columns_left("text_gram_columns", node.integers("text_gram_columns"));
  Pieces<std::int64_t> rows_left("text_rows", node.integers("text_rows"));
  Pieces<double> numbers_left("text_stage_numbers", numbers);
  for (std::size_t i = 0; i < count; ++i) {
    if (from[i] < 0 || from[i] >= sources || at[i] < 0) bad_graph("text ", i, " has no source");
    Node tokenizer;
    tokenizer.attributes["mincharnum"] = characters[i];
    if (!expressions[i].empty()) tokenizer.attributes["tokenexp"] = expressions[i];
    tokenizer.attributes["separators"] = list_of(separators_left.take(separator_counts[i]));
    Node vectorizer;
    vectorizer.attributes["min_gram_length"] = limits[3 * i];
    vectorizer.attributes["max_gram_length"] = limits[3 * i + 1];
    vectorizer.attributes["max_skip_count"] = limits[3 * i + 2];
    vectorizer.attributes["pool_strings"] = list_of(pools_left.take(pool_counts[i]));
    vectorizer.attributes["ngram_counts"] = list_of(starts_left.take(start_counts[i]));
    vectorizer.attributes["ngram_indexes"] = list_of(columns_left.take(gram_counts[i]));
    Text text{from[i],
              at[i],
              static_cast<Case>(position(case_names, cases[i], "text_cases")),
              text::Cutter(tokenizer),
              text::Vocabulary(vectorizer),
              {},
              {},
              static_cast<std::int32_t>(count_)};
    const std::int64_t columns = text.vocabulary.columns();
    for (const std::string& name : words_of(stages[i])) {
      Stage stage{static_cast<Kind>(position(kind_names, name, "text_stages")), {}};
      if (stage.kind == Kind::multiply || stage.kind == Kind::divide) {
        const auto piece = numbers_left.take(columns);
        stage.numbers.assign(piece.begin(), piece.end());
      }
      text.stages.push_back(std::move(stage));
    }
    const auto rows = rows_left.take(columns);
    if (row_counts[i] < 0 || row_counts[i] > std::numeric_limits<std::int32_t>::max() - count_)
      bad_graph("attribute 'text_row_counts' holds ", row_counts[i]);
    bool in_order = true;
    for (std::int64_t column = 0; column < columns; ++column) {
      const std::int64_t row = rows[static_cast<std::size_t>(column)];
      if (row < -1 || row >= row_counts[i]) bad_graph("attribute 'text_rows' holds ", row, ", which is no row");
      text.rows.push_back(row < 0 ? -1 : static_cast<std::int32_t>(count_ + row));
      in_order = in_order && row == column;
    }
    if (in_order) text.rows.clear();
    count_ += row_counts[i];
    texts_.push_back(std::move(text));
  }
}

std::int64_t Terms::grams() const noexcept {
  std::int64_t total = 0;
  for (const Text& text : texts_) total += text.vocabulary.count();
  return total;
}

void Terms::check(const Source* sources) const {
  for (const Text& text : texts_) {
    check_column(sources, text.source, text.column);
    const DType dtype = sources[text.source].dtype;
    if (dtype != DType::string) fail("input ", text.source, " must be tensor(string), got tensor(", dtype_name(dtype), ")");
  }
}

std::size_t Terms::bytes(const Source* sources, std::int64_t rows) const noexcept {
  std::size_t total = 0;
  for (const Text& text : texts_) {
    for (std::int64_t row = 0; row < rows; ++row) {
      total += sources[text.source].row<std::string_view>(row, text.column)->size();
    }
  }
  return total;
}

Terms::Found Terms::scratch() const {
  Found made;
  for (const Text& text : texts_) made.cutters.push_back(text.cutter.scratch());
  return made;
}

void Terms::find(std::int64_t index, const Source* sources, std::int64_t row, Found& to) const {
  const Text& text = texts_[static_cast<std::size_t>(index)];
  std::string_view content = *sources[text.source].row<std::string_view>(row, text.column);
  if (text.change != Case::none) {
    to.changed.clear();
    text.change == Case::lower ? text::append_lower(content, to.changed) : text::append_upper(content, to.changed);
    content = to.changed;
  }
  to.sought.clear();
  text.cutter.cut(content, to.cutters[static_cast<std::size_t>(index)],
                  [&](std::string_view token) { to.sought.push_back(text.vocabulary.seek(token)); });
  to.items.clear();
  for (const TextLookup::Sought& sought : to.sought) to.items.push_back(text.vocabulary.item(sought));
  to.hits.clear();
  text.vocabulary.each(to.items.data(), static_cast<std::int64_t>(to.items.size()),
                       [&](std::int32_t column) { to.hits.push_back(column); });
  count_terms(text, to);
  bool wide = false;
  for (const Stage& stage : text.stages) {
    if (stage.kind == Kind::widen) {
      wide = true;
    } else if (wide) {
      apply<double>(stage, to);
    } else {
      apply<float>(stage, to);
    }
  }
  if (text.rows.empty()) {
    for (std::int32_t& column : to.rows) column += text.first;
    return;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < to.rows.size(); ++i) {
    const std::int32_t chosen = text.rows[static_cast<std::size_t>(to.rows[i])];
    if (chosen < 0) continue;
    to.rows[kept] = chosen;
    to.values[kept++] = to.values[i];
  }
  to.rows.resize(kept);
  to.values.resize(kept);
}

// From columns, one for each n-gram found, to each column once, with its count: by a table as large as the text deserves.
void Terms::count_terms(const Text& text, Found& to) const {
  to.rows.clear();
  to.values.clear();
  const auto most = std::min(to.hits.size(), static_cast<std::size_t>(text.vocabulary.columns()));
  const auto bits = static_cast<unsigned>(std::bit_width(2 * most | 7U));
  const std::size_t size = std::size_t{1} << bits;
  to.places.assign(size, -1);
  for (const std::int32_t column : to.hits) {
    std::size_t place = static_cast<std::uint64_t>(column) * 0x9E3779B97F4A7C15U >> (64U - bits);
    while (to.places[place] >= 0 && to.rows[static_cast<std::size_t>(to.places[place])] != column)
      place = (place + 1) & (size - 1);
    if (to.places[place] < 0) {
      to.places[place] = static_cast<std::int32_t>(to.rows.size());
      to.rows.push_back(column);
      to.values.push_back(0);
    }
    to.values[static_cast<std::size_t>(to.places[place])] += 1;
  }
}

template <class T>
void Terms::apply(const Stage& stage, Found& to) noexcept {
  const auto number = [&](std::size_t i) { return static_cast<T>(stage.numbers[static_cast<std::size_t>(to.rows[i])]); };
  const auto each = [&](auto function) noexcept {
    for (std::size_t i = 0; i < to.values.size(); ++i) to.values[i] = function(static_cast<T>(to.values[i]), i);
  };
  const auto divide = [&](double norm) noexcept {
    const T divisor = static_cast<T>(norm) == 0 ? T{1} : static_cast<T>(norm);
    each([divisor](T value, std::size_t) { return value / divisor; });
  };
  double norm = 0;
  switch (stage.kind) {
    case Kind::multiply:
      return each([&](T value, std::size_t i) { return value * number(i); });
    case Kind::divide:
      return each([&](T value, std::size_t i) { return value / number(i); });
    case Kind::binary:
      return each([](T value, std::size_t) { return value != 0 ? T{1} : T{0}; });
    case Kind::log_of_successor:
      return each([](T value, std::size_t) { return std::log(value + 1); });
    case Kind::sublinear:
      return each([](T value, std::size_t) { return value > 0 ? std::log(value) + 1 : value; });
    case Kind::l1:
      for (const double value : to.values) norm += std::abs(value);
      return divide(norm);
    case Kind::l2:
      for (const double value : to.values) norm += value * value;
      return divide(std::sqrt(norm));
    case Kind::max:
      for (const double value : to.values) norm = std::abs(value) > norm || value != value ? std::abs(value) : norm;
      return divide(norm);
    case Kind::widen:
      return;
  }
}

}  // namespace sklort
