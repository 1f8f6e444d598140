// NearestNeighbors: the k rows of Y nearest to each row of X, what passes make of distances followed by TopK.
//
// Outputs: distances (rows of X, k), ascending, of the type PairwiseDistance gives; indices (rows of X, k) of int64. Among equal
// distances the lower index comes first, and is the one taken where only some fit; a NaN is further than everything.
//
// scikit-learn's brute force takes the same set of neighbours (its heaps keep the first of equals), but leaves the order among
// equals to an unstable sort, and its euclidean distances to rounding; its trees take equals in the order of their own traversal.
#include "distance/pairs.h"
#include "distance/selection.h"
#include "threads.h"

namespace sklort {
namespace {

using distance::Block;
using distance::DistanceLoops;
using distance::Found;
using distance::Points;
using distance::Selection;

class NearestNeighbors final : public Op {
 public:
  explicit NearestNeighbors(const Node& node) : pairs_(node, "euclidean"), k_(node.integer("k", 0)) {
    if (k_ < 1) bad_graph("attribute 'k' is ", k_, "; it must be at least 1");
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
    const DistanceLoops& loops = distance::distance_loops();
    const std::int64_t memory_size = Block::memory_size(points);
    const std::int64_t capacity = Selection::capacity(k_, points.tile());
    const std::int64_t step = std::clamp<std::int64_t>((1 << 17) / capacity / 4 * 4, 4, Block::most_rows);
    auto* memory = call.scratch_of<double>(memory_size * call.threads());
    auto* found = call.scratch_of<Found>(capacity * step * call.threads());
    parallel(
        rows, distance::rows_a_chunk(points), call.threads(), [&](int worker, std::int64_t first, std::int64_t last) noexcept {
          Block block(points, memory + worker * memory_size);
          Selection selections[Block::most_rows];
          for (; first < last; first += step) {
            const std::int64_t count = std::min(step, last - first);
            for (std::int64_t row = 0; row < count; ++row) {
              selections[row] = Selection(k_, found + (worker * step + row) * capacity);
            }
            block.take(x + first * points.features(), count);
            block.each_tile(0, points.count(), [&](std::int64_t row, std::int64_t at, std::int64_t here, const double* reduced) {
              selections[row].add(loops, reduced, here, at);
            });
            for (std::int64_t row = 0; row < count; ++row) {
              To* to = distances + (first + row) * k_;
              std::int64_t* index = indices + (first + row) * k_;
              const Found* nearest = selections[row].finish();
              const std::int64_t finite = selections[row].size();
              for (std::int64_t i = 0; i < finite; ++i) {
                to[i] = static_cast<To>(points.metric().finish(nearest[i].value, points.features()));
                index[i] = nearest[i].index;
              }
              if (finite < k_) fill_up(block, x + (first + row) * points.features(), points, finite, to, index);
            }
          }
        });
  }

  // What follows the finite distances when there are fewer than k: infinities, then NaN.
  template <class From, class To>
  void fill_up(Block& block, const From* row, const Points& points, std::int64_t have, To* to,
               std::int64_t* index) const noexcept {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    block.take(row, 1);
    for (const bool nan : {false, true}) {
      block.each_tile(0, points.count(), [&](std::int64_t, std::int64_t at, std::int64_t here, const double* reduced) {
        for (std::int64_t i = 0; i < here && have < k_; ++i) {
          if (nan ? !std::isnan(reduced[i]) : reduced[i] != infinity) continue;
          to[have] = static_cast<To>(reduced[i]);
          index[have++] = at + i;
        }
      });
    }
  }

  distance::Pairs pairs_;
  std::int64_t k_;
};

std::unique_ptr<Op> prepare(const Node& node) { return std::make_unique<NearestNeighbors>(node); }

const Registration nearest_neighbors{"ai.sklort", "NearestNeighbors", 1, any_version, prepare, distance::Pairs::refuse};

}  // namespace
}  // namespace sklort
