#include "table.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace nb = nanobind;

namespace sklort {

namespace {

constexpr std::int64_t exact_integer = std::int64_t{1} << 53;  // beyond it a double may round

template <class T>
bool is_exact(T value) noexcept {
  if constexpr (std::is_floating_point_v<T> || sizeof(T) < 8) {
    return true;
  } else if constexpr (std::is_signed_v<T>) {
    return value >= -exact_integer && value <= exact_integer;
  } else {
    return value <= static_cast<T>(exact_integer);
  }
}

// Elements of type From as elements of type To, `step` apart; false where one is not plainly the same value, or is refused.
template <class From, class To>
bool copy_numbers(const TableColumn& column, std::int64_t rows, To* to, std::int64_t step, bool refuses_nan,
                  double limit) noexcept {
  constexpr bool widens =
      std::is_same_v<From, To> || std::is_same_v<To, double> || (std::is_same_v<To, std::int64_t> && std::is_integral_v<From>);
  if constexpr (!widens) {
    return false;
  } else {
    const char* from = column.data;
    for (std::int64_t row = 0; row < rows; ++row, from += column.stride) {
      From value;
      std::memcpy(&value, from, sizeof(value));
      if (!std::is_same_v<From, To> && !is_exact(value)) return false;
      const To made = static_cast<To>(value);
      if constexpr (std::is_floating_point_v<To>) {
        const auto wide = static_cast<double>(made);
        if (!(wide >= -limit && wide <= limit) && (refuses_nan || !std::isnan(wide))) return false;
      }
      to[row * step] = made;
    }
    return true;
  }
}

template <class To>
bool copy_column(const TableColumn& column, std::int64_t rows, To* to, std::int64_t step, bool refuses_nan,
                 double limit) noexcept {
  const auto copy = [&]<class From>(From) { return copy_numbers<From>(column, rows, to, step, refuses_nan, limit); };
  switch (column.dtype) {
    case DType::float32:
      return copy(float{});
    case DType::float64:
      return copy(double{});
    case DType::int8:
      return copy(std::int8_t{});
    case DType::int16:
      return copy(std::int16_t{});
    case DType::int32:
      return copy(std::int32_t{});
    case DType::int64:
      return copy(std::int64_t{});
    case DType::uint8:
      return copy(std::uint8_t{});
    case DType::uint16:
      return copy(std::uint16_t{});
    case DType::uint32:
      return copy(std::uint32_t{});
    case DType::uint64:
      return copy(std::uint64_t{});
    case DType::boolean:
      return copy(bool{});
    default:
      return false;
  }
}

}  // namespace

TableReader::TableReader(nb::object type, std::unique_ptr<TableSource> source, const std::vector<Column>& columns,
                         const std::vector<Target>& targets, double limit)
    : type_(std::move(type)), source_(std::move(source)), limit_(limit) {
  for (const auto& [dtype, nan, none] : columns) wanted_.push_back({static_cast<DType>(dtype), nan, none});
  for (const auto& [dtype, places, refuses_nan] : targets) {
    if (places.empty() || places.size() != refuses_nan.size()) throw nb::value_error("columns and their NaN do not fit");
    Input input{static_cast<DType>(dtype), {}, refuses_nan};
    for (const int column : places) {
      if (column < 0 || static_cast<std::size_t>(column) >= wanted_.size()) throw nb::value_error("no such column");
      if (wanted_[static_cast<std::size_t>(column)].dtype == DType::undefined) throw nb::value_error("a column that is not read");
      input.columns.push_back(static_cast<std::size_t>(column));
    }
    targets_.push_back(std::move(input));
  }
}

bool TableReader::gather(const Table& table, const Input& input, char* to) const noexcept {
  const auto step = static_cast<std::int64_t>(input.columns.size());
  for (std::size_t i = 0; i < input.columns.size(); ++i) {
    const TableColumn& column = table.columns[input.columns[i]];
    const auto copy = [&]<class To>(To*) {
      return copy_column(column, table.rows, reinterpret_cast<To*>(to) + i, step, input.refuses_nan[i], limit_);
    };
    bool fine = false;
    switch (input.dtype) {
      case DType::float32:
        fine = copy(static_cast<float*>(nullptr));
        break;
      case DType::float64:
        fine = copy(static_cast<double*>(nullptr));
        break;
      case DType::int64:
        fine = copy(static_cast<std::int64_t*>(nullptr));
        break;
      case DType::boolean:
        fine = copy(static_cast<bool*>(nullptr));
        break;
      case DType::string:
        fine = column.texts != nullptr;
        for (std::int64_t row = 0; fine && row < table.rows; ++row) {
          reinterpret_cast<std::string_view*>(to)[row * step + static_cast<std::int64_t>(i)] = column.texts[row];
        }
        break;
      default:
        break;
    }
    if (!fine) return false;
  }
  return true;
}

bool TableReader::read(PyObject* frame, std::vector<Value>& values, Keep& keep) const {
  if (!takes(frame)) return false;
  Table table;
  table.columns.resize(wanted_.size());
  if (!source_->read(frame, wanted_, table, keep) || table.rows < 1) return false;
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (wanted_[i].dtype != DType::undefined && table.columns[i].dtype != wanted_[i].dtype) return false;
  }
  // One piece of memory for all inputs.
  constexpr std::size_t alignment = 64;
  const auto room = [&](const Input& input) {
    const std::size_t bytes = static_cast<std::size_t>(table.rows) * input.columns.size() * item_size(input.dtype);
    return (bytes + alignment - 1) / alignment * alignment;
  };
  std::size_t total = alignment;
  for (const Input& input : targets_) total += room(input);
  char* memory = keep.hold(std::shared_ptr<char>(new char[total], std::default_delete<char[]>()));
  memory += (alignment - reinterpret_cast<std::uintptr_t>(memory) % alignment) % alignment;
  values.resize(targets_.size());
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const Input& input = targets_[i];
    if (!gather(table, input, memory)) return false;
    values[i] = Value::of({input.dtype, {table.rows, static_cast<std::int64_t>(input.columns.size())}, memory, {}});
    memory += room(input);
  }
  return true;
}

nb::object TableReader::arrays(nb::handle frame) const {
  Keep keep;
  std::vector<Value> values;
  if (!read(frame.ptr(), values, keep)) return nb::none();
  nb::list list;
  for (const Value& value : values) list.append(value_to_python(value, nullptr));
  return list;
}

}  // namespace sklort
