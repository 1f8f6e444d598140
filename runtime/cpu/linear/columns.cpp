#include "columns.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "isa.h"

namespace sklort {

SKLORT_DECLARE(ColumnLoops<float>, column_floats)
SKLORT_DECLARE(ColumnLoops<double>, column_doubles)

namespace {

template <class T>
const ColumnLoops<T>& chosen() noexcept {
  if constexpr (sizeof(T) == sizeof(float)) {
    return SKLORT_CHOOSE(column_floats);
  } else {
    return SKLORT_CHOOSE(column_doubles);
  }
}

constexpr std::array stage_names = {"subtract", "add",      "multiply",   "divide", "at_least",
                                    "at_most",  "fill_nan", "fill_equal", "round"};

std::vector<StageKind> stages_of(const std::string& names) {
  std::vector<StageKind> stages;
  for (std::size_t at = 0; at < names.size();) {
    const std::size_t end = std::min(names.find(' ', at), names.size());
    const std::string_view name = std::string_view(names).substr(at, end - at);
    const auto* found = std::ranges::find(stage_names, name);
    if (found == stage_names.end()) bad_graph("attribute 'group_stages' names the unknown stage '", name, "'");
    stages.push_back(static_cast<StageKind>(found - stage_names.begin()));
    at = end + 1;
  }
  return stages;
}

// Reads a list of numbers piece by piece.
class Pieces {
 public:
  explicit Pieces(const Tensor* tensor) {
    if (tensor == nullptr) return;
    if (tensor->dtype != DType::float64) bad_graph("attribute 'stage_numbers' must be of double");
    left_ = tensor->span<double>();
  }
  const double* take(std::int64_t count) {
    if (static_cast<std::int64_t>(left_.size()) < count) bad_graph("attribute 'stage_numbers' is too short");
    const double* piece = left_.data();
    left_ = left_.subspan(static_cast<std::size_t>(count));
    return piece;
  }

 private:
  std::span<const double> left_;
};

}  // namespace

template <class T>
Numbers<T>::Numbers(const Node& node, std::int64_t sources) : loops_(&chosen<T>()) {
  const auto widths = node.integers("group_widths");
  const auto from = node.integers("number_sources");
  const auto columns = node.integers("number_columns");
  const std::vector<std::string> names = node.texts("group_stages");
  for (const std::int64_t width : widths) {
    if (width < 1) bad_graph("attribute 'group_widths' holds ", width);
    width_ += width;
  }
  if (static_cast<std::int64_t>(from.size()) != width_ || from.size() != columns.size() || names.size() != widths.size()) {
    bad_graph("attributes of ", width_, " numbers do not fit together");
  }
  Pieces pieces(node.tensor("stage_numbers"));
  std::size_t at = 0;
  for (std::size_t g = 0; g < widths.size(); ++g) {
    constexpr std::int64_t elements = 2048;  // of a list of numbers: they should stay in the first-level cache
    Group group{widths[g], std::clamp<std::int64_t>(elements / widths[g], 1, 128), {}, {}};
    for (std::int64_t i = 0; i < group.width; ++i, ++at) {
      if (from[at] < 0 || from[at] >= sources || columns[at] < 0) bad_graph("number ", at, " has no source");
      Run* last = group.runs.empty() ? nullptr : &group.runs.back();
      if (last != nullptr && last->source == from[at] && last->column + last->width == columns[at]) {
        ++last->width;
      } else {
        group.runs.push_back({from[at], columns[at], 1, i});
      }
    }
    for (const StageKind kind : stages_of(names[g])) {
      Stage<T> stage{kind, nullptr, nullptr};
      if (kind != StageKind::round) stage.numbers = spread(pieces.take(group.width), group.width, group.rows);
      if (kind == StageKind::fill_equal) stage.replacement = spread(pieces.take(group.width), group.width, group.rows);
      group.stages.push_back(stage);
    }
    groups_.push_back(std::move(group));
  }
}

// A copy for each row, and a vector's room behind.
template <class T>
const T* Numbers<T>::spread(const double* numbers, std::int64_t width, std::int64_t rows) {
  const std::int64_t count = width * rows;
  memory_.push_back(std::make_unique<T[]>(static_cast<std::size_t>(count + 16)));
  T* to = memory_.back().get();
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(numbers[i % width]);
  std::fill_n(to + count, 16, T{1});
  return to;
}

template <class T>
void Numbers<T>::check(const Source* sources) const {
  for (const Group& group : groups_) {
    for (const Run& run : group.runs) {
      check_column(sources, run.source, run.column + run.width - 1);
      switch (sources[run.source].dtype) {
        case DType::float32:
        case DType::float64:
        case DType::int32:
        case DType::int64:
        case DType::boolean:
          break;
        default:
          fail("input ", run.source, " is of ", dtype_name(sources[run.source].dtype), ", not of numbers that are scaled here");
      }
    }
  }
}

template <class T>
void Numbers<T>::fill_group(const Group& group, const Source* sources, std::int64_t first, std::int64_t count,
                            T* to) const noexcept {
  for (const Run& run : group.runs) {
    const Source& source = sources[run.source];
    T* start = to + run.to;
    const auto convert = [&]<class From>(From) {
      for (std::int64_t row = 0; row < count; ++row) {
        const From* from = source.row<From>(first + row, run.column);
        for (std::int64_t i = 0; i < run.width; ++i) start[row * group.width + i] = static_cast<T>(from[i]);
      }
    };
    switch (source.dtype) {
      case DType::float32:
        loops_->copy_floats(source.row<float>(first, run.column), source.columns, source.end<float>(), count, run.width, start,
                            group.width);
        break;
      case DType::float64:
        loops_->copy_doubles(source.row<double>(first, run.column), source.columns, source.end<double>(), count, run.width, start,
                             group.width);
        break;
      case DType::int32:
        convert(std::int32_t{});
        break;
      case DType::int64:
        convert(std::int64_t{});
        break;
      default:
        convert(bool{});
        break;
    }
  }
  if (group.stages.empty()) return;
  for (std::int64_t row = 0; row < count; row += group.rows) {
    loops_->apply(group.stages.data(), static_cast<std::int64_t>(group.stages.size()), to + row * group.width,
                  std::min(group.rows, count - row) * group.width);
  }
}

template <class T>
void Numbers<T>::fill(const Source* sources, std::int64_t first, std::int64_t count, T* to, T* memory) const noexcept {
  if (groups_.size() == 1) return fill_group(groups_.front(), sources, first, count, to);
  std::int64_t left = 0;
  for (const Group& group : groups_) {
    fill_group(group, sources, first, count, memory);
    for (std::int64_t row = 0; row < count; ++row) {
      std::copy_n(memory + row * group.width, group.width, to + row * width_ + left);
    }
    left += group.width;
  }
}

template class Numbers<float>;
template class Numbers<double>;

}  // namespace sklort
