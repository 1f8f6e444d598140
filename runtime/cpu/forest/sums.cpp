#include "sums.h"

#include <algorithm>
#include <utility>

#include "convert.h"
#include "general.h"
#include "threads.h"

namespace sklort::forest {

Sums::Sums(Forest forest, DType dtype)
    : features_(forest.features),
      targets_(forest.targets),
      trees_(static_cast<std::int64_t>(forest.roots.size())),
      aggregate_(forest.aggregate) {
  check_acyclic(forest);
  walk_refuses_ = forest::walk_refuses(forest);
  forest_ = std::make_unique<Forest>(std::move(forest));
  if (!walk_refuses_.empty()) return;
  merge_copies(*forest_);
  if (dtype == DType::undefined) return;
  if (dtype == DType::float32) {
    prepare_floats();
  } else {
    prepare_doubles();
  }
  forest_.reset();
}

void Sums::prepare_floats() const {
  if (float_walk_) return;
  auto narrow = pack_narrow(*forest_);
  auto packed = std::make_unique<Packed>(narrow ? std::move(*narrow) : pack_wide(*forest_));
  compare_refuses_ = forest::compare_refuses(*forest_);
  if (compare_refuses_.empty()) {
    auto compared = std::make_unique<Compared>(compare_form(*forest_));
    if (compared->cost(many_rows) < packed->cost(many_rows)) {
      compared_ = std::move(compared);
    } else {
      compare_refuses_ = "testing every branch would take longer";
    }
  }
  float_walk_ = std::move(packed);
}

void Sums::prepare_doubles() const {
  if (!double_walk_) double_walk_ = std::make_unique<Packed>(pack_wide(*forest_));
}

bool Sums::prefers_compare(std::int64_t rows) const noexcept {
  return compared_ && compared_->cost(rows) < float_walk_->cost(rows);
}

double* Sums::of(Call& call, const Tensor& rows) const {
  const int rank = rows.shape.rank();
  if (rank != 1 && rank != 2) fail("the rows must be a tensor of rank 2, got rank ", rank);
  const std::int64_t count = row_count(rows);
  const std::int64_t features = rows.shape[rank - 1];
  if (features < features_) fail("the trees read feature ", features_ - 1, ", but the rows have ", features, " columns");
  double* sums = call.scratch_of<double>(count * targets_);
  Tensor numbers = rows;
  const bool floats = rows.dtype == DType::float32 && walk_refuses_.empty();
  if (!floats && rows.dtype != DType::float64) {  // float, the 16-bit floats and the integers are exact in double
    if (!is_number(rows.dtype)) fail("the rows must be numbers, got ", dtype_name(rows.dtype));
    numbers = {DType::float64, rows.shape, call.scratch(static_cast<std::size_t>(rows.count()) * sizeof(double)), {}};
    convert_numbers(rows, numbers, call.threads());
  }
  if (!walk_refuses_.empty()) {
    parallel(count, 256, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
      sum_general(*forest_, numbers.as<double>() + first * features, features, last - first, sums + first * targets_);
    });
    return sums;
  }
  if (forest_) {
    const std::lock_guard lock(mutex_);
    if (floats) {
      prepare_floats();
    } else {
      prepare_doubles();
    }
  }
  if (!floats) {
    walk_sums(*double_walk_, call, numbers.as<double>(), features, count, targets_, sums);
  } else if (prefers_compare(count)) {
    compare_sums(*compared_, call, numbers.as<float>(), features, count, sums);
  } else {
    walk_sums(*float_walk_, call, numbers.as<float>(), features, count, targets_, sums);
  }
  if (aggregate_ == Aggregate::average && trees_ != 0) {
    for (std::int64_t i = 0; i < count * targets_; ++i) sums[i] /= static_cast<double>(trees_);
  }
  return sums;
}

std::int64_t Sums::block_rows() const noexcept {
  const Packed* packed = float_walk_ ? float_walk_.get() : double_walk_.get();
  return packed == nullptr || (compared_ && prefers_compare(many_rows)) ? 0 : packed->block_rows();
}

std::string Sums::explain() const {
  if (!walk_refuses_.empty()) return sentence(trees_, " trees, general walk (", walk_refuses_, ")");
  const std::lock_guard lock(mutex_);
  const Packed* packed = float_walk_ ? float_walk_.get() : double_walk_.get();
  if (packed == nullptr) return sentence(trees_, " trees, interleaved walk, packed at the first run");
  std::string text = sentence(packed->trees.size(), " trees, interleaved walk, nodes of ", packed->wide ? 16 : 8, " bytes, ",
                              packed->bytes() / 1024, " KiB, ", packed->values.size() / static_cast<std::size_t>(packed->width),
                              " different leaves");
  if (compared_) {
    std::int64_t from = 1;
    while (from < many_rows && !prefers_compare(from)) ++from;
    text += sentence("; compare-all from ", from, " rows, ", compared_->groups.size(), " groups, ", compared_->bytes() / 1024,
                     " KiB");
  } else if (float_walk_) {
    text += sentence("; no compare-all: ", compare_refuses_);
  } else {
    text += "; no compare-all: its rows are not float";
  }
  return text;
}

}  // namespace sklort::forest
