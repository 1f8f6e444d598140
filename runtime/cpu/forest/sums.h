// What a forest adds up to, row by row: the one entrance for the operators.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

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

 private:
  const Packed& narrow() const;
  const Packed& wide() const;

  std::int64_t features_;
  std::int64_t targets_;
  std::int64_t trees_;  // as the model counts them: an average divides by it
  Aggregate aggregate_;
  std::string walk_refuses_;
  mutable std::unique_ptr<Forest> forest_;  // kept while another packed form may be asked for
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Packed> narrow_;
  mutable std::unique_ptr<Packed> wide_;
  mutable bool narrow_impossible_ = false;
};

}  // namespace sklort::forest
