// Any forest at all, branch by branch from the model's own form, a thread for each row: for equality, sets, minimum and maximum,
// which the packed nodes do not know. What the CPU's cpu/forest/general.cpp does, operation by operation.
//
// SKLORT_VALUE: float or double, of the rows
#include "forest_keys.cuh"

namespace sklort::cuda {

enum Mode : std::int32_t { leq = 0, lt = 1, gte = 2, gt = 3, eq = 4, neq = 5, member = 6 };
enum Aggregate : std::int64_t { average = 0, sum = 1, minimum = 2, maximum = 3 };

__device__ __forceinline__ bool is_member(const double* members, std::int32_t begin, std::int32_t end, double x) {
  std::int32_t left = begin;
  std::int32_t right = end;
  while (left < right) {
    const std::int32_t middle = left + (right - left) / 2;
    if (members[middle] < x) {
      left = middle + 1;
    } else {
      right = middle;
    }
  }
  return left < end && members[left] == x;
}

}  // namespace sklort::cuda

extern "C" __global__ void forest_general(const SKLORT_VALUE* rows, std::int64_t row_stride, std::int64_t column_stride,
                                          std::int64_t count, const std::int32_t* roots, std::int64_t trees,
                                          const double* thresholds, const std::int32_t* features, const std::int32_t* yes,
                                          const std::int32_t* no, const std::int32_t* set, const std::int32_t* mode,
                                          const std::int32_t* nan_yes, const std::int32_t* leaf_begin,
                                          const std::int32_t* addend_target, const double* addend_weight,
                                          const std::int32_t* set_begin, const double* members, std::int64_t targets,
                                          std::int64_t aggregate, double* sums) {
  using namespace sklort::cuda;
  const Rows<SKLORT_VALUE> matrix{rows, row_stride, column_stride, count};
  const bool extreme = aggregate == minimum || aggregate == maximum;
  const double start = extreme ? bits_as<double>(std::uint64_t{0x7FF8000000000000U}) : 0.0;
  for (std::int64_t row = first_element(); row < count; row += element_stride()) {
    double* to = sums + row * targets;
    for (std::int64_t target = 0; target < targets; ++target) to[target] = start;
    for (std::int64_t tree = 0; tree < trees; ++tree) {
      std::int32_t at = roots[tree];
      while (at >= 0) {
        const double x = wide(matrix.at(row, features[at]));
        const double t = thresholds[at];
        bool taken = false;
        switch (mode[at]) {
          case leq:
            taken = x <= t;
            break;
          case lt:
            taken = x < t;
            break;
          case gte:
            taken = x >= t;
            break;
          case gt:
            taken = x > t;
            break;
          case eq:
            taken = x == t;
            break;
          case neq:
            taken = x != t;
            break;
          default:
            taken = !is_nan(x) && is_member(members, set_begin[set[at]], set_begin[set[at] + 1], x);
        }
        at = taken || (is_nan(x) && nan_yes[at] != 0) ? yes[at] : no[at];
      }
      const std::int32_t leaf = ~at;
      for (std::int32_t i = leaf_begin[leaf]; i < leaf_begin[leaf + 1]; ++i) {
        double& into = to[addend_target[i]];
        const double weight = addend_weight[i];
        if (!extreme) {
          into += weight;
        } else if (is_nan(into) || (aggregate == minimum ? weight < into : into < weight)) {
          into = weight;
        }
      }
    }
    if (extreme) {
      for (std::int64_t target = 0; target < targets; ++target) {
        if (is_nan(to[target])) to[target] = 0.0;
      }
    }
  }
}
