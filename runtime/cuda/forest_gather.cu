// From the leaves that every row came to, to sums: for leaves of many values, and for trees that several blocks shared out.
//
// leaves[tree * count + row]: the entry of the leaf table.
#include "device.cuh"

// Leaves of one value; the trees of target t are target_tree[t] to target_tree[t + 1].
extern "C" __global__ void forest_gather_one(const std::uint32_t* leaves, std::int64_t count, const std::int64_t* target_tree,
                                             std::int64_t targets, const double* values, double* sums) {
  using namespace sklort::cuda;
  for (std::int64_t i = first_element(); i < count * targets; i += element_stride()) {
    const std::int64_t row = i % count;  // neighbours read neighbours
    const std::int64_t target = i / count;
    double sum = 0.0;
    for (std::int64_t tree = target_tree[target]; tree < target_tree[target + 1]; ++tree)
      sum += __ldg(values + leaves[tree * count + row]);
    sums[row * targets + target] = sum;
  }
}

// Leaves of a value for each target.
extern "C" __global__ void forest_gather_all(const std::uint32_t* leaves, std::int64_t count, std::int64_t trees,
                                             std::int64_t targets, const double* values, double* sums) {
  using namespace sklort::cuda;
  for (std::int64_t i = first_element(); i < count * targets; i += element_stride()) {
    const std::int64_t row = i / targets;
    const std::int64_t target = i % targets;
    double sum = 0.0;
    for (std::int64_t tree = 0; tree < trees; ++tree)
      sum += __ldg(values + static_cast<std::int64_t>(leaves[tree * count + row]) * targets + target);
    sums[i] = sum;
  }
}
