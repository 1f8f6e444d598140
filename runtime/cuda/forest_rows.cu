// A few rows: a block takes one row, its threads take the trees. The leaf values are then added by one thread for each target,
// in the order of the trees, as everywhere.
//
// SKLORT_KEY, SKLORT_VALUE, SKLORT_BLOCK: as in forest_tile.cu
// SKLORT_ONE  1: leaves of one value, trees sorted by target; 0: leaves of a value for each target
// SKLORT_PART trees whose leaves are kept at once
#include "forest_keys.cuh"

extern "C" __global__ void __launch_bounds__(SKLORT_BLOCK)
    forest_rows(const SKLORT_VALUE* rows, std::int64_t row_stride, std::int64_t column_stride, std::int64_t count,
                const std::int32_t* features, const std::int32_t* nan_left, std::int64_t columns, const void* all_nodes,
                const std::int64_t* tree_node, const std::int64_t* target_tree, std::int64_t trees, const double* values,
                std::int64_t targets, double* sums) {
  using namespace sklort::cuda;
  using Key = SKLORT_KEY;
  using Node = Nodes<Key>::Node;
  SKLORT_SHARED(memory);
  auto* found = reinterpret_cast<double*>(memory);
  auto* leaves = reinterpret_cast<std::uint32_t*>(memory);
  auto* keys = reinterpret_cast<Key*>(memory + SKLORT_PART * sizeof(double));
  const std::int64_t row = blockIdx.x;
  const std::int64_t thread = threadIdx.x;
  const auto* nodes = static_cast<const Node*>(all_nodes);
  const Rows<SKLORT_VALUE> matrix{rows, row_stride, column_stride, count};

  if (thread == 0) keys[0] = 0;
  for (std::int64_t column = thread; column < columns; column += SKLORT_BLOCK) {
    keys[1 + column] = KeyOf<Key, SKLORT_VALUE>::of(matrix.at(row, features[column]), nan_key<Key>(nan_left[column]));
  }
  __syncthreads();
  for (std::int64_t first = 0; first < trees; first += SKLORT_PART) {
    const std::int64_t last = first + SKLORT_PART < trees ? first + SKLORT_PART : trees;
    for (std::int64_t tree = first + thread; tree < last; tree += SKLORT_BLOCK) {
      const Node* root = nodes + tree_node[tree];
      std::uint32_t at = 0;
      Node node = Nodes<Key>::load(root);
      while (Nodes<Key>::column(node) != 0) {
        at = Nodes<Key>::child(node) + static_cast<std::uint32_t>(keys[Nodes<Key>::column(node)] > Nodes<Key>::key(node));
        node = Nodes<Key>::load(root + at);
      }
      const auto leaf = static_cast<std::uint32_t>(Nodes<Key>::key(node));
      if (SKLORT_ONE) {
        found[tree - first] = __ldg(values + leaf);
      } else {
        leaves[tree - first] = leaf;
      }
    }
    __syncthreads();
    for (std::int64_t target = thread; target < targets; target += SKLORT_BLOCK) {
      double sum = first == 0 ? 0.0 : sums[row * targets + target];
      if (SKLORT_ONE) {
        const std::int64_t from = target_tree[target] > first ? target_tree[target] : first;
        const std::int64_t to = target_tree[target + 1] < last ? target_tree[target + 1] : last;
        for (std::int64_t tree = from; tree < to; ++tree) sum += found[tree - first];
      } else {
        for (std::int64_t tree = first; tree < last; ++tree)
          sum += __ldg(values + static_cast<std::int64_t>(leaves[tree - first]) * targets + target);
      }
      sums[row * targets + target] = sum;
    }
    __syncthreads();
  }
  (void)target_tree, (void)found, (void)leaves;
}
