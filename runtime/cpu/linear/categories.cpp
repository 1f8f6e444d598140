#include "categories.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "convert.h"
#include "dispatch.h"

namespace sklort {

namespace {

constexpr std::array kind_names = {"integer", "whole", "number", "text"};

bool is_whole(double value) noexcept { return std::abs(value) < 0x1p31 && std::trunc(value) == value; }

}  // namespace

Categories::Categories(const Node& node, std::int64_t sources) {
  const auto from = node.integers("category_sources");
  const auto at = node.integers("category_columns");
  const auto counts = node.integers("category_counts");
  const auto strict = node.integers("category_strict");
  const std::vector<std::string> kinds = node.texts("category_kinds");
  const std::vector<std::string> names = node.texts("category_names");
  auto integers = node.integers("category_integers");
  std::vector<std::string> texts = node.texts("category_texts");
  std::span<const double> numbers;
  if (const Tensor* tensor = node.tensor("category_numbers")) numbers = tensor->span<double>();
  const std::size_t columns = from.size();
  if (at.size() != columns || counts.size() != columns || strict.size() != columns || kinds.size() != columns ||
      names.size() != columns) {
    bad_graph("attributes of ", columns, " columns of categories do not fit together");
  }
  std::size_t next_text = 0;
  for (std::size_t i = 0; i < columns; ++i) {
    const auto* kind = std::ranges::find(kind_names, kinds[i]);
    if (kind == kind_names.end()) bad_graph("attribute 'category_kinds' names the unknown kind '", kinds[i], "'");
    if (from[i] < 0 || from[i] >= sources || at[i] < 0 || counts[i] < 1) bad_graph("column ", i, " of categories has no source");
    Column column{from[i], at[i], static_cast<Kind>(kind - kind_names.begin()), counts[i], strict[i] != 0, names[i], 0, {},
                  {},      {}};
    column.first = static_cast<std::int32_t>(count_ + static_cast<std::int64_t>(i));
    const auto count = static_cast<std::size_t>(counts[i]);
    const auto needs = [&](std::size_t there) {
      if (there < count) bad_graph("column ", i, " has fewer categories than it says");
    };
    switch (column.kind) {
      case Kind::integer:
      case Kind::whole:
        needs(integers.size());
        column.integers = IntegerLookup(integers.first(count), Duplicates::last);
        integers = integers.subspan(count);
        break;
      case Kind::number:
        needs(numbers.size());
        column.small = std::ranges::all_of(numbers.first(count), is_whole);
        if (column.small) {
          const std::vector<std::int64_t> keys(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(count));
          column.integers = IntegerLookup(keys, Duplicates::last);
        } else {
          column.numbers = RealLookup(numbers.first(count), Duplicates::last);
        }
        numbers = numbers.subspan(count);
        break;
      case Kind::text:
        needs(texts.size() - next_text);
        column.texts = TextLookup(std::span(texts).subspan(next_text, count), Duplicates::last);
        next_text += count;
        break;
    }
    count_ += counts[i];
    columns_.push_back(std::move(column));
  }
  if (count_ > (std::int64_t{1} << 30)) bad_graph(count_, " categories are too many");
}

template <class T>
std::vector<T> Categories::table(const T* weights, std::int64_t width, std::int64_t stride) const {
  std::vector<T> made(static_cast<std::size_t>((count_ + columns()) * stride), T{0});
  for (const Column& column : columns_) {
    for (std::int64_t row = 0; row < column.count; ++row, weights += width) {
      std::copy_n(weights, width, made.begin() + (column.first + row) * stride);
    }
  }
  return made;
}

template std::vector<float> Categories::table(const float*, std::int64_t, std::int64_t) const;
template std::vector<double> Categories::table(const double*, std::int64_t, std::int64_t) const;

void Categories::check(const Source* sources) const {
  for (const Column& column : columns_) {
    check_column(sources, column.source, column.column);
    const DType dtype = sources[column.source].dtype;
    const bool number = dtype == DType::float32 || dtype == DType::float64 || dtype == DType::int32 || dtype == DType::int64 ||
                        dtype == DType::boolean;
    if ((column.kind == Kind::text) != (dtype == DType::string) || (column.kind != Kind::text && !number)) {
      fail(column.name, ": the categories are ", column.kind == Kind::text ? "strings" : "numbers", ", the input is of ",
           dtype_name(dtype));
    }
  }
}

// A row of the table, from the column's first on; -1 when the value is no category.
template <class T>
std::int32_t Categories::place(const Column& column, T value) noexcept {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return column.texts.find(value);
  } else {
    switch (column.kind) {
      case Kind::integer:
        return column.integers.find(convert_number<std::int64_t>(value));
      case Kind::whole:
        if constexpr (std::is_floating_point_v<T>) {
          if (!(std::abs(value) < T{0x1p63})) return -1;
        }
        return column.integers.find(static_cast<std::int64_t>(value));
      default:
        break;
    }
    const auto number = static_cast<double>(value);
    if (!column.small) return column.numbers.find(number);
    if (!(std::abs(number) < 0x1p31)) return -1;
    const auto whole = static_cast<std::int64_t>(number);
    return static_cast<double>(whole) == number ? column.integers.find(whole) : -1;
  }
}

std::int64_t Categories::find(const Source* sources, std::int64_t rows, std::int64_t first, std::int64_t count,
                              std::int32_t* index) const noexcept {
  std::int64_t unknown = columns() * rows;
  for (std::int64_t i = 0; i < columns(); ++i, index += count) {
    const Column& column = columns_[static_cast<std::size_t>(i)];
    const Source& source = sources[column.source];
    const auto look = [&]<class T>(T) {
      const T* from = source.row<T>(first, column.column);
      std::int64_t missed = count;
      for (std::int64_t row = count - 1; row >= 0; --row) {
        const std::int32_t found = place(column, from[row * source.columns]);
        missed = found < 0 ? row : missed;
        index[row] = column.first + (found < 0 ? static_cast<std::int32_t>(column.count) : found);
      }
      if (column.strict && missed < count) unknown = std::min(unknown, i * rows + first + missed);
    };
    switch (source.dtype) {
      case DType::float32:
        look(float{});
        break;
      case DType::float64:
        look(double{});
        break;
      case DType::int64:
        look(std::int64_t{});
        break;
      case DType::int32:
        look(std::int32_t{});
        break;
      case DType::boolean:
        look(bool{});
        break;
      default:
        look(std::string_view{});
        break;
    }
  }
  return unknown;
}

void Categories::refuse(const Source* sources, std::int64_t rows, std::int64_t unknown) const {
  const Column& column = columns_[static_cast<std::size_t>(unknown / rows)];
  const Source& source = sources[column.source];
  const std::int64_t row = unknown % rows;
  if (column.kind == Kind::text) {
    fail(column.name, ": element ", row, " is no category: '", *source.row<std::string_view>(row, column.column), "'");
  }
  with_number(source.dtype, [&]<class T>(T) {
    fail(column.name, ": element ", row, " is no category: '", *source.row<T>(row, column.column), "'");
  });
  fail("no category");
}

}  // namespace sklort
