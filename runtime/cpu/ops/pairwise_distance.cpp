// CDist of com.microsoft, and PairwiseDistance, what passes make of distances that a graph spells out.
//
// Output (rows of X, rows of Y): float when both inputs are floats, else double; always computed in double from differences, so
// the distance of a row to itself is exactly 0 and every number is SciPy's, or scikit-learn's where SciPy has no such metric.
#include "distance/pairs.h"
#include "isa.h"
#include "svm.hot.h"
#include "threads.h"

namespace sklort {

SKLORT_DECLARE(SvmLoops, svm_loops)

namespace {

using distance::Block;
using distance::Last;
using distance::Metric;
using distance::Points;

template <class T>
void finish(const Metric& metric, std::int64_t features, const double* from, std::int64_t count, T* to) noexcept {
  if (metric.last == Last::nothing) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(from[i]);
  } else if (metric.last == Last::root) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(std::sqrt(from[i]));
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(metric.finish(from[i], features));
  }
}

// With the attribute `decay`, which passes make of kernels: exp(-decay d) of squared euclidean distances d, computed in double.
class PairwiseDistance final : public Op {
 public:
  explicit PairwiseDistance(const Node& node)
      : pairs_(node, node.domain == "com.microsoft" ? "sqeuclidean" : "euclidean"), decay_(node.number("decay", 0)) {
    if (decay_ != 0 && node.text("metric", "") != "sqeuclidean") bad_graph("attribute 'decay' wants squared euclidean distances");
  }

  void run(Call& call) const override {
    const DType dtype = distance::distance_dtype(call.tensor(0).dtype, call.tensor(1).dtype);
    pairs_.with(call, [&]<class From>(const From* x, std::int64_t rows, const Points& points) {
      Tensor& out = call.allocate(0, dtype, {rows, points.count()});
      with_float(dtype, [&]<class To>(To) { fill(call, x, rows, points, out.as<To>()); });
    });
  }

  DType result(int, std::span<const DType> inputs) const override {
    if (inputs[0] == DType::undefined || inputs[1] == DType::undefined) return DType::undefined;
    return distance::distance_dtype(inputs[0], inputs[1]);
  }

 private:
  template <class From, class To>
  void fill(Call& call, const From* x, std::int64_t rows, const Points& points, To* out) const {
    const std::int64_t memory_size = Block::memory_size(points);
    auto* memory = call.scratch_of<double>(memory_size * call.threads());
    const std::int64_t columns = points.count();
    parallel(rows, distance::rows_a_chunk(points, rows, call.threads()), call.threads(),
             [&](int worker, std::int64_t first, std::int64_t last) noexcept {
               Block block(points, memory + worker * memory_size);
               for (; first < last; first += Block::most_rows) {
                 block.take(x + first * points.features(), std::min(Block::most_rows, last - first));
                 block.each_tile(0, columns, [&](std::int64_t row, std::int64_t at, std::int64_t count, double* reduced) {
                   if (decay_ != 0) SKLORT_CHOOSE(svm_loops).decay(reduced, count, -decay_);
                   finish(points.metric(), points.features(), reduced, count, out + (first + row) * columns + at);
                 });
               }
             });
  }

  distance::Pairs pairs_;
  double decay_;
};

std::unique_ptr<Op> prepare(const Node& node) { return std::make_unique<PairwiseDistance>(node); }

const Registration cdist{"com.microsoft", "CDist", 1, any_version, prepare, distance::Pairs::refuse};
const Registration pairwise_distance{"ai.sklort", "PairwiseDistance", 1, any_version, prepare, distance::Pairs::refuse};

}  // namespace
}  // namespace sklort
