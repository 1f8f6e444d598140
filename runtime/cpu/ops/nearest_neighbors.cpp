// NearestNeighbors: the k rows of Y nearest to each row of X, what passes make of distances followed by TopK.
//
// Outputs: distances (rows of X, k), ascending, of the type PairwiseDistance gives; indices (rows of X, k) of int64. Among equal
// distances the lower index comes first, and is the one taken where only some fit; a NaN is further than everything.
//
// scikit-learn has no such rule. Its brute force evicts any one of several equally far neighbours from a heap and sorts unstably,
// so which of equals it takes depends on the number of threads and on the size of the batch; its trees take them in the order of
// their traversal.
#include "distance/neighbours.h"
#include "op.h"
#include "threads.h"

namespace sklort {
namespace {

using distance::Filter;
using distance::Found;
using distance::Points;
using distance::Search;

class NearestNeighbors final : public Op {
 public:
  explicit NearestNeighbors(const Node& node) : pairs_(node, "euclidean"), k_(node.integer("k", 0)) {
    if (k_ < 1) bad_graph("attribute 'k' is ", k_, "; it must be at least 1");
    const Points* points = pairs_.constant();
    if (points == nullptr || !Filter::suits(*points)) return;
    filter_.emplace(*points);
    if (!filter_->usable()) filter_.reset();
  }

  void run(Call& call) const override {
    const DType dtype = distance::distance_dtype(call.tensor(0).dtype, call.tensor(1).dtype);
    pairs_.with(call, [&]<class From>(const From* x, std::int64_t rows, const Points& points) {
      if (points.count() < k_) fail("expected at least k = ", k_, " rows to choose the neighbours from, got ", points.count());
      Tensor& distances = call.allocate(0, dtype, {rows, k_});
      auto* indices = call.allocate(1, DType::int64, {rows, k_}).as<std::int64_t>();
      with_float(dtype, [&]<class To>(To) { find(call, x, rows, points, distances.as<To>(), indices); });
    });
  }

  DType result(int output, std::span<const DType> inputs) const override {
    if (output == 1) return DType::int64;
    if (inputs[0] == DType::undefined || inputs[1] == DType::undefined) return DType::undefined;
    return distance::distance_dtype(inputs[0], inputs[1]);
  }

 private:
  template <class From, class To>
  void find(Call& call, const From* x, std::int64_t rows, const Points& points, To* distances, std::int64_t* indices) const {
    const Filter* filter = filter_ ? &*filter_ : nullptr;
    const std::int64_t memory_size = Search::memory_size(points, filter, k_);
    auto* memory = call.scratch_of<double>(memory_size * call.threads());
    const std::int64_t step = Search::most_rows(k_);
    parallel(rows, distance::rows_a_chunk(points, rows, call.threads()), call.threads(),
             [&](int worker, std::int64_t first, std::int64_t last) noexcept {
               Search search(points, filter, k_, memory + worker * memory_size);
               for (; first < last; first += step) {
                 const std::int64_t count = std::min(step, last - first);
                 search.run(x + first * points.features(), count);
                 for (std::int64_t row = 0; row < count; ++row) {
                   const Found* nearest = search.nearest(row);
                   for (std::int64_t i = 0; i < k_; ++i) {
                     const std::int64_t at = (first + row) * k_ + i;
                     distances[at] = static_cast<To>(points.metric().finish(nearest[i].value, points.features()));
                     indices[at] = nearest[i].index;
                   }
                 }
               }
             });
  }

  distance::Pairs pairs_;
  std::int64_t k_;
  std::optional<Filter> filter_;
};

std::unique_ptr<Op> prepare(const Node& node) { return std::make_unique<NearestNeighbors>(node); }

const Registration nearest_neighbors{"ai.sklort", "NearestNeighbors", 1, any_version, prepare, distance::Pairs::refuse};

}  // namespace
}  // namespace sklort
