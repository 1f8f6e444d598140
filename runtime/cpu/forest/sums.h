// What a forest adds up to, row by row: the one entrance for the operators.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "compare.h"
#include "engine.h"
#include "forest.h"
#include "op.h"
#include "packed.h"
#include "quick.h"

namespace sklort::forest {

// A forest in the forms its engines read, for rows of one type.
struct Forms {
  std::unique_ptr<Packed> walk;  // always there
  std::unique_ptr<Quick> quick;
  std::unique_ptr<Compared> compare;
  std::string quick_refuses;  // why it is not there
  std::string compare_refuses;

  bool takes(Engine engine) const noexcept;

  // The engine for so many rows: the one asked for, where it takes this forest and this processor has it; otherwise the one that
  // is predicted to be fastest. Depends on the forest, the rows and the processor alone.
  Engine pick(std::int64_t rows, Engine asked) const noexcept;
  double cost(std::int64_t rows, Engine engine) const noexcept;
  std::string explain(Engine asked) const;
};

// The addends of a row are added in double, tree after tree in the model's order, whatever the batch, the threads and the engine.
class Sums {
 public:
  // `dtype`: the element type of the rows to come, or undefined when it is not known yet.
  Sums(Forest forest, DType dtype, Engine asked);

  std::int64_t targets() const noexcept { return targets_; }
  // `rows`: a tensor of one or two dimensions of numbers. Returns rows x targets sums, in scratch memory of the call.
  double* of(Call& call, const Tensor& rows) const;
  static std::int64_t row_count(const Tensor& rows) { return rows.shape.rank() == 1 ? 1 : rows.shape[0]; }
  std::string explain() const;
  std::int64_t block_rows() const noexcept;

 private:
  void prepare(bool doubles) const;
  // The fastest engine on these rows, by measurement.
  template <class Value>
  Engine measure(const Forms& forms, Call& call, const Value* rows, std::int64_t features, std::int64_t count,
                 double* sums) const;
  template <class Value>
  void add(const Forms& forms, Engine engine, Call& call, const Value* rows, std::int64_t features, std::int64_t count,
           double* sums) const;
  template <class Value>
  void choose_and_add(const Forms& forms, Call& call, const Value* rows, std::int64_t features, std::int64_t count,
                      double* sums) const;

  std::int64_t features_;
  std::int64_t targets_;
  std::int64_t trees_;  // as the model counts them: an average divides by it
  Aggregate aggregate_;
  Engine asked_;
  std::string walk_refuses_;
  mutable std::unique_ptr<Forest> forest_;  // kept while another form may be asked for
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Forms> floats_;
  mutable std::unique_ptr<Forms> doubles_;
  // What measurements chose, for batches of 2^(i - 1) to 2^i - 1 rows.
  mutable std::array<std::atomic<Engine>, 64> tuned_{};
};

}  // namespace sklort::forest
