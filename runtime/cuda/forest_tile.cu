// Many rows: a block keeps the keys of a tile of rows in shared memory and takes the trees past them, group by group. While the
// tile follows one group, the next one is on its way from global memory. Lane is row: whatever column a lane reads, the bank is
// its own.
//
// SKLORT_KEY     std::uint32_t or std::uint64_t: see common/tree.h; std::uint16_t: rank-coded, see forest_keys.cuh
// SKLORT_VALUE   float or double: of the rows
// SKLORT_BLOCK   threads
// SKLORT_ROWS    rows of a thread: several paths at a time, since each waits for memory
// SKLORT_SUMS    0: leaves of one value, trees sorted by target; 1 to 8: leaves of so many values, which are the targets;
//                -1: no sums, the numbers of the leaves
// SKLORT_CODED   1: rows are rank-coded already; 0: they are read, and become keys here
// SKLORT_STAGED  1: keys in shared memory; 0: the rows are too wide for that, and their keys are in global memory
#include "forest_keys.cuh"

namespace sklort::cuda {

using Key = SKLORT_KEY;
using Node = Nodes<Key>::Node;
constexpr std::int64_t block = SKLORT_BLOCK;
constexpr int paths = SKLORT_ROWS;
constexpr std::int64_t tile = block * paths;
constexpr int sums_kept = SKLORT_SUMS > 0 ? SKLORT_SUMS : 1;
constexpr unsigned all_lanes = 0xFFFFFFFFU;
constexpr std::int64_t lanes = 32;
// Levels between two looks whether anybody is still on the way.
constexpr int levels_at_once = 8;

struct Forest {
  const Node* nodes;
  const std::int64_t* group_tree;    // first tree of each group, and one more
  const std::int64_t* group_node;    // its first node
  const std::int32_t* group_staged;  // so many of its nodes fit the stage
  const std::int64_t* tree_node;     // node 0 of each tree, and one more
  const std::int32_t* tree_depth;
  const std::int32_t* tree_target;
};

#if SKLORT_CODED
// The codes of the rows, as forest_codes.cu wrote them.
__device__ __forceinline__ void read_codes(const Key* codes, std::int64_t count, std::int64_t first, std::int64_t columns,
                                           Key* keys) {
  for (std::int64_t column = 0; column < columns; ++column) {
#pragma unroll
    for (int j = 0; j < paths; ++j) {
      const std::int64_t row = first + j * block + threadIdx.x;
      keys[(1 + column) * tile + j * block + threadIdx.x] = row < count ? codes[column * count + row] : Key{0};
    }
  }
}
#else
// The rows of a warp are read column beside column, as they lie, and turned by way of `scratch`: so neither side wastes
// anything.
__device__ __forceinline__ void turn_keys(const Rows<SKLORT_VALUE>& rows, std::int64_t first, const std::int32_t* features,
                                          const std::int32_t* nan_left, std::int64_t columns, Key* scratch, Key* keys) {
  constexpr std::int64_t wide = sizeof(Key) == 4 ? 32 : 16;
  const std::int64_t thread = threadIdx.x;
  const std::int64_t lane = thread % lanes;
  Key* mine = scratch + thread / lanes * lanes * (wide + 1);
  for (int j = 0; j < paths; ++j) {
    const std::int64_t base = first + j * block + (thread - lane);
    for (std::int64_t from = 0; from < columns; from += wide) {
      for (std::int64_t i = lane; i < lanes * wide; i += lanes) {
        const std::int64_t row = base + i / wide;
        const std::int64_t column = from + i % wide;
        Key key = 0;
        if (row < rows.count && column < columns)
          key = KeyOf<Key, SKLORT_VALUE>::of(rows.at(row, features[column]), nan_key<Key>(nan_left[column]));
        mine[i / wide * (wide + 1) + i % wide] = key;
      }
      __syncwarp();
      for (std::int64_t i = 0; i < wide && from + i < columns; ++i)
        keys[(1 + from + i) * tile + j * block + thread] = mine[lane * (wide + 1) + i];
      __syncwarp();
    }
  }
}

__device__ __forceinline__ void read_keys(const Rows<SKLORT_VALUE>& rows, std::int64_t first, const std::int32_t* features,
                                          const std::int32_t* nan_left, std::int64_t columns, Key* keys) {
  for (std::int64_t column = 0; column < columns; ++column) {
    const std::int64_t feature = features[column];
    const Key nan = nan_key<Key>(nan_left[column]);
#pragma unroll
    for (int j = 0; j < paths; ++j) {
      const std::int64_t row = first + j * block + threadIdx.x;
      keys[(1 + column) * tile + j * block + threadIdx.x] =
          row < rows.count ? KeyOf<Key, SKLORT_VALUE>::of(rows.at(row, feature), nan) : Key{0};
    }
  }
}

#endif

// Where the keys of this thread's rows are.
struct Keys {
#if SKLORT_STAGED
  const Key* mine;  // in shared memory

  __device__ __forceinline__ Key at(std::uint32_t column, int j) const { return mine[column * tile + j * block]; }
#else
  const Key* all;  // [column][row]
  std::int64_t count;
  std::int64_t row[paths];

  __device__ __forceinline__ Key at(std::uint32_t column, int j) const { return __ldg(all + column * count + row[j]); }
#endif
};

// The leaves that the paths of this thread come to, as numbers of entries of the leaf table. `stage` holds the first `staged`
// nodes of the tree. entries: of each node of a rank-coded tree.
template <bool whole>
__device__ __forceinline__ void walk(const Node* stage, std::int64_t staged, const Node* nodes, std::int32_t depth,
                                     const std::uint32_t* entries, const Keys& keys, std::uint32_t (&leaf)[paths]) {
  const auto node_at = [&](std::uint32_t at) -> Node {
    if constexpr (whole) return stage[at];
    return at < staged ? stage[at] : Nodes<Key>::load(nodes + at);
  };
  std::uint32_t at[paths];
#pragma unroll
  for (int j = 0; j < paths; ++j) at[j] = 0;
  for (std::int32_t left = depth; left > 0; left -= levels_at_once) {
    const int levels = left < levels_at_once ? left : levels_at_once;
    for (int level = 0; level < levels; ++level) {
#pragma unroll
      for (int j = 0; j < paths; ++j) {
        const Node node = node_at(at[j]);
        const Key key = keys.at(Nodes<Key>::column(node), j);
        at[j] = Nodes<Key>::next(node, at[j]) + static_cast<std::uint32_t>(key > Nodes<Key>::key(node));
      }
    }
    if (left <= levels_at_once) break;
    bool on_the_way = false;
#pragma unroll
    for (int j = 0; j < paths; ++j) on_the_way = on_the_way || Nodes<Key>::column(node_at(at[j])) != 0;
    if (!__any_sync(all_lanes, on_the_way)) break;
  }
#pragma unroll
  for (int j = 0; j < paths; ++j) {
#if SKLORT_CODED
    leaf[j] = __ldg(entries + at[j]);
#else
    leaf[j] = static_cast<std::uint32_t>(Nodes<Key>::key(node_at(at[j])));
#endif
  }
  (void)entries;
}

__device__ __forceinline__ void stage_group(const Forest& forest, std::int64_t group, unsigned char* stage) {
  const auto* from = reinterpret_cast<const unsigned char*>(forest.nodes + forest.group_node[group]);
  const std::int64_t bytes = forest.group_staged[group] * static_cast<std::int64_t>(sizeof(Node));
  for (std::int64_t at = threadIdx.x * 16; at < bytes; at += block * 16) copy_async(stage + at, from + at);
}

}  // namespace sklort::cuda

extern "C" __global__ void __launch_bounds__(SKLORT_BLOCK, 2)
    forest_tile(const SKLORT_VALUE* rows, std::int64_t row_stride, std::int64_t column_stride, std::int64_t count,
                const std::int32_t* features, const std::int32_t* nan_left, std::int64_t columns, std::int64_t turn,
                const void* nodes, const std::int64_t* group_tree, const std::int64_t* group_node,
                const std::int32_t* group_staged, const std::int64_t* tree_node, const std::int32_t* tree_depth,
                const std::int32_t* tree_target, std::int64_t groups, std::int64_t groups_a_slice, std::int64_t stage_bytes,
                const double* values, std::int64_t targets, const SKLORT_KEY* wide_keys, const std::uint32_t* entries,
                double* sums, std::uint32_t* leaves) {
  using namespace sklort::cuda;
  SKLORT_SHARED(memory);
  const Forest forest{static_cast<const Node*>(nodes), group_tree, group_node, group_staged, tree_node, tree_depth, tree_target};
  const std::int64_t first = blockIdx.x * tile;
  const std::int64_t thread = threadIdx.x;
  (void)sums, (void)leaves, (void)values;  // not every variant uses them all

#if SKLORT_STAGED
  Key* keys_of_tile = reinterpret_cast<Key*>(memory);
  unsigned char* stages = memory + (columns + 1) * tile * static_cast<std::int64_t>(sizeof(Key));
#pragma unroll
  for (int j = 0; j < paths; ++j) keys_of_tile[j * block + thread] = 0;
#if SKLORT_CODED
  (void)rows, (void)row_stride, (void)column_stride, (void)features, (void)nan_left, (void)turn;
  read_codes(wide_keys, count, first, columns, keys_of_tile);
#else
  (void)wide_keys;
  const Rows<SKLORT_VALUE> matrix{rows, row_stride, column_stride, count};
  if (turn != 0) {
    turn_keys(matrix, first, features, nan_left, columns, reinterpret_cast<Key*>(stages), keys_of_tile);
  } else {
    read_keys(matrix, first, features, nan_left, columns, keys_of_tile);
  }
#endif
  __syncthreads();
  const Keys keys{keys_of_tile + thread};
#else
  (void)rows, (void)row_stride, (void)column_stride, (void)features, (void)nan_left, (void)columns, (void)turn;
  unsigned char* stages = memory;
  Keys keys{wide_keys, count, {}};
#pragma unroll
  for (int j = 0; j < paths; ++j) {
    const std::int64_t row = first + j * block + thread;
    keys.row[j] = row < count ? row : count - 1;
  }
#endif

  double sum[paths][sums_kept];
#pragma unroll
  for (int j = 0; j < paths; ++j) {
#pragma unroll
    for (int i = 0; i < sums_kept; ++i) sum[j][i] = 0.0;
  }
  const auto write_sums = [&](std::int64_t target) {
#pragma unroll
    for (int j = 0; j < paths; ++j) {
      const std::int64_t row = first + j * block + thread;
      if (row >= count) continue;
#pragma unroll
      for (int i = 0; i < sums_kept; ++i) sums[row * targets + target + i] = sum[j][i];
    }
  };

  const std::int64_t first_group = blockIdx.y * groups_a_slice;
  const std::int64_t last_group = first_group + groups_a_slice < groups ? first_group + groups_a_slice : groups;
#if SKLORT_SUMS == 0
  std::int32_t target = -1;
#endif
  if (first_group < last_group) stage_group(forest, first_group, stages);
  close_copies();
  for (std::int64_t group = first_group; group < last_group; ++group) {
    if (group + 1 < last_group) stage_group(forest, group + 1, stages + ((group + 1 - first_group) & 1) * stage_bytes);
    close_copies();
    wait_copies<1>();
    __syncthreads();
    const auto* stage = reinterpret_cast<const Node*>(stages + ((group - first_group) & 1) * stage_bytes);
    const std::int64_t begin = forest.group_node[group];
    const std::int64_t staged = forest.group_staged[group];
    for (std::int64_t tree = forest.group_tree[group]; tree < forest.group_tree[group + 1]; ++tree) {
      const std::int64_t at = forest.tree_node[tree] - begin;
      const std::uint32_t* entries_here = entries == nullptr ? nullptr : entries + forest.tree_node[tree];
      std::uint32_t leaf[paths];
      if (forest.tree_node[tree + 1] - begin <= staged) {
        walk<true>(stage + at, 0, nullptr, forest.tree_depth[tree], entries_here, keys, leaf);
      } else {
        walk<false>(stage + at, staged - at, forest.nodes + begin + at, forest.tree_depth[tree], entries_here, keys, leaf);
      }
#if SKLORT_SUMS < 0
#pragma unroll
      for (int j = 0; j < paths; ++j) {
        const std::int64_t row = first + j * block + thread;
        if (row < count) leaves[tree * count + row] = leaf[j];
      }
#elif SKLORT_SUMS == 0
      const std::int32_t here = forest.tree_target[tree];
      if (here != target) {
        if (target >= 0) write_sums(target);
        target = here;
#pragma unroll
        for (int j = 0; j < paths; ++j) sum[j][0] = 0.0;
      }
#pragma unroll
      for (int j = 0; j < paths; ++j) sum[j][0] += __ldg(values + leaf[j]);
#else
#pragma unroll
      for (int j = 0; j < paths; ++j) {
        const double* value = values + static_cast<std::int64_t>(leaf[j]) * sums_kept;
#pragma unroll
        for (int i = 0; i < sums_kept; ++i) sum[j][i] += __ldg(value + i);
      }
#endif
    }
    __syncthreads();
  }
#if SKLORT_SUMS == 0
  if (target >= 0) write_sums(target);
#elif SKLORT_SUMS > 0
  write_sums(0);
#else
  (void)write_sums;
#endif
}
