// What a forest adds up to, row by row: the one entrance for the operators.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "compare.h"
#include "forest.h"
#include "op.h"
#include "packed.h"

namespace sklort::forest {

// The addends of a row are added in double, tree after tree in the model's order, whatever the batch, the threads and the engine.
class Sums {
 public:
  // `dtype`: the element type of the rows to come, or undefined when it is not known yet.
  Sums(Forest forest, DType dtype);

  std::int64_t targets() const noexcept { return targets_; }
  // `rows`: a tensor of one or two dimensions of numbers. Returns rows x targets sums, in scratch memory of the call.
  double* of(Call& call, const Tensor& rows) const;
  static std::int64_t row_count(const Tensor& rows) { return rows.shape.rank() == 1 ? 1 : rows.shape[0]; }
  std::string explain() const;
  std::int64_t block_rows() const noexcept;

 private:
  // The batch by which an engine is worth its memory.
  static constexpr std::int64_t many_rows = 4096;

  void prepare_floats() const;
  void prepare_doubles() const;
  bool prefers_compare(std::int64_t rows) const noexcept;

  std::int64_t features_;
  std::int64_t targets_;
  std::int64_t trees_;  // as the model counts them: an average divides by it
  Aggregate aggregate_;
  std::string walk_refuses_;
  mutable std::string compare_refuses_;
  mutable std::unique_ptr<Forest> forest_;  // kept while another form may be asked for
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Packed> float_walk_;
  mutable std::unique_ptr<Packed> double_walk_;
  mutable std::unique_ptr<Compared> compared_;  // for rows of float
};

}  // namespace sklort::forest
