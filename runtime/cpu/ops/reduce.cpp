// The Reduce operators. A reduction over the last axes runs along rows; one over leading axes adds row after row; any other one
// is transposed into the first form. Floats are added in double, integers wrap around.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "axes.h"
#include "elementwise.h"
#include "reduction.h"
#include "strided.h"

namespace sklort {
namespace {

enum class Reduction { sum, mean, maximum, minimum, product, sum_square, l1, l2, log_sum, log_sum_exp };

constexpr Added added_by(Reduction reduction) noexcept {
  switch (reduction) {
    case Reduction::l1:
      return Added::magnitude;
    case Reduction::l2:
    case Reduction::sum_square:
      return Added::square;
    default:
      return Added::itself;
  }
}

constexpr bool is_extremum(Reduction reduction) noexcept {
  return reduction == Reduction::maximum || reduction == Reduction::minimum;
}

constexpr bool adds(Reduction reduction) noexcept {
  return !is_extremum(reduction) && reduction != Reduction::product && reduction != Reduction::log_sum_exp;
}

// What is done to a sum at the end.
template <Reduction reduction>
double finished(double sum, std::int64_t count) noexcept {
  switch (reduction) {
    case Reduction::mean:
      return sum / static_cast<double>(count);
    case Reduction::l2:
      return std::sqrt(sum);
    case Reduction::log_sum:
      return std::log(sum);
    default:
      return sum;
  }
}

template <Reduction reduction, class T>
T extremum(const T* from, std::int64_t count) noexcept {
  using Limits = std::numeric_limits<T>;
  constexpr bool top = reduction == Reduction::maximum;
  if (count == 0) {
    if constexpr (Limits::has_infinity) return top ? -Limits::infinity() : Limits::infinity();
    return top ? Limits::min() : Limits::max();
  }
  T best = from[0];
  for (std::int64_t i = 1; i < count; ++i) best = top ? MaximumOf::apply(best, from[i]) : MinimumOf::apply(best, from[i]);
  return best;
}

// One row of an integer type.
template <Reduction reduction, class T>
T whole(const T* from, std::int64_t count) noexcept {
  using Wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
  if constexpr (reduction == Reduction::log_sum_exp) {
    const T top = extremum<Reduction::maximum>(from, count);
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(from[i]) - static_cast<double>(top));
    return convert_number<T>(static_cast<double>(top) + std::log(sum));
  } else if constexpr (reduction == Reduction::product) {
    T product = 1;
    for (std::int64_t i = 0; i < count; ++i) product = MultiplyOf::apply(product, from[i]);
    return product;
  } else {
    std::uint64_t sum = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto wide = static_cast<std::uint64_t>(static_cast<Wide>(from[i]));
      switch (added_by(reduction)) {
        case Added::itself:
          sum += wide;
          break;
        case Added::magnitude:
          sum += from[i] < T{} ? 0 - wide : wide;
          break;
        case Added::square:
          sum += wide * wide;
          break;
      }
    }
    if constexpr (reduction == Reduction::mean) return static_cast<T>(static_cast<Wide>(sum) / static_cast<Wide>(count));
    if constexpr (reduction == Reduction::l2 || reduction == Reduction::log_sum) {
      return convert_number<T>(finished<reduction>(static_cast<double>(static_cast<Wide>(sum)), count));
    }
    return static_cast<T>(sum);
  }
}

template <Reduction reduction>
class Reduce final : public Op {
 public:
  explicit Reduce(const Node& node)
      : axes_(node, 1), keep_(node.integer("keepdims", 1) != 0), none_is_none_(node.integer("noop_with_empty_axes", 0) != 0) {}

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

  void run(Call& call) const override {
    const Tensor& data = call.tensor(0);
    const int rank = data.shape.rank();
    require_number(data.dtype);
    if (data.dtype == DType::boolean && !is_extremum(reduction)) fail("arithmetic on bool is not defined");
    const bool given = axes_.given(call) && axes_.count(call) > 0;
    const std::uint32_t gone = given ? axes_.mask(call, rank) : none_is_none_ ? 0 : (1U << rank) - 1;
    Shape shape;
    std::int64_t columns = 1;
    for (int axis = 0; axis < rank; ++axis) {
      const bool reduced = (gone >> axis & 1U) != 0;
      if (reduced) columns *= data.shape[axis];
      if (!reduced) shape.push(data.shape[axis]);
      if (reduced && keep_) shape.push(1);
    }
    const std::int64_t rows = shape.count();
    if (rows > 0 && columns == 0 && reduction == Reduction::mean && !is_floating(data.dtype)) fail("the mean of no integers");
    const Tensor in = in_type(call, data, working_type(data.dtype));
    produce(call, 0, data.dtype, shape, [&](Tensor& out) {
      if (rows == 0) return;
      with_number(in.dtype, [&]<class T>(T) {
        if constexpr (std::is_floating_point_v<T>) {
          if (adds(reduction) && reduces_leading(data.shape, gone)) {
            along_columns(call, in.as<T>(), columns, rows, out.as<T>());
            return;
          }
        }
        along_rows(call, in_rows(call, in, gone).template as<T>(), rows, columns, out.as<T>());
      });
    });
  }

 private:
  // Axes of size 1 may stand anywhere.
  static bool reduces_leading(const Shape& shape, std::uint32_t gone) noexcept {
    bool kept = false;
    bool both = false;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] == 1) continue;
      const bool reduced = (gone >> axis & 1U) != 0;
      if (reduced && kept) return false;
      both |= reduced;
      kept |= !reduced;
    }
    return kept && both;
  }

  // The reduced axes last.
  static Tensor in_rows(Call& call, const Tensor& in, std::uint32_t gone) {
    std::array<int, Shape::max_rank> order{};
    std::size_t count = 0;
    bool sorted = true;
    bool reduced = false;
    for (const std::uint32_t wanted : {0U, 1U}) {
      for (int axis = 0; axis < in.shape.rank(); ++axis) {
        if ((gone >> axis & 1U) == wanted) order[count++] = axis;
      }
    }
    for (int axis = 0; axis < in.shape.rank(); ++axis) {
      if (in.shape[axis] == 1) continue;
      const bool this_one = (gone >> axis & 1U) != 0;
      sorted = sorted && (this_one || !reduced);
      reduced |= this_one;
    }
    if (sorted) return in;
    const std::span<const int> named(order.data(), count);
    Tensor turned = scratch_tensor(call, in.dtype, permuted(in.shape, named));
    permute(in, named, turned.data, call.threads());
    return turned;
  }

  template <class T>
  static void along_rows(Call& call, const T* from, std::int64_t rows, std::int64_t columns, T* to) {
    const std::int64_t chunk = std::max<std::int64_t>(
        1, (reduction == Reduction::log_sum_exp ? costly_grain : cheap_grain) / std::max<std::int64_t>(columns, 1));
    if constexpr (is_extremum(reduction) && std::is_floating_point_v<T>) {
      if (columns == 0) {
        std::fill_n(to, rows, extremum<reduction>(from, 0));
        return;
      }
      const auto loop = reduction == Reduction::maximum ? run_loops<T>().max_rows : run_loops<T>().min_rows;
      parallel(rows, chunk, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
        loop(from + first * columns, last - first, columns, to + first);
      });
    } else if constexpr (is_extremum(reduction)) {
      parallel(rows, chunk, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t row = first; row < last; ++row) to[row] = extremum<reduction>(from + row * columns, columns);
      });
    } else if constexpr (std::is_same_v<T, bool>) {
      fail("arithmetic on bool is not defined");
    } else if constexpr (std::is_integral_v<T>) {
      parallel(rows, chunk, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t row = first; row < last; ++row) to[row] = whole<reduction>(from + row * columns, columns);
      });
    } else if constexpr (reduction == Reduction::product) {
      parallel(rows, chunk, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t row = first; row < last; ++row) {
          double product = 1;
          for (std::int64_t i = 0; i < columns; ++i) product *= static_cast<double>(from[row * columns + i]);
          to[row] = static_cast<T>(product);
        }
      });
    } else {
      double* results = results_of(call, rows, to);
      const RunLoops<T>& loops = run_loops<T>();
      const auto loop =
          reduction == Reduction::log_sum_exp ? loops.log_sum_exp : loops.sum_rows[static_cast<int>(added_by(reduction))];
      parallel(rows, chunk, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
        loop(from + first * columns, last - first, columns, results + first);
        for (std::int64_t row = first; row < last; ++row) to[row] = static_cast<T>(finished<reduction>(results[row], columns));
      });
    }
  }

  template <class T>
  static void along_columns(Call& call, const T* from, std::int64_t rows, std::int64_t columns, T* to) {
    double* sums = results_of(call, columns, to);
    const auto loop = run_loops<T>().add_columns[static_cast<int>(added_by(reduction))];
    const std::int64_t chunk = std::max<std::int64_t>(256, cheap_grain / std::max<std::int64_t>(rows, 1));
    parallel(columns, chunk, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
      std::memset(sums + first, 0, static_cast<std::size_t>(last - first) * sizeof(double));
      loop(from + first, rows, columns, last - first, sums + first);
      for (std::int64_t i = first; i < last; ++i) to[i] = static_cast<T>(finished<reduction>(sums[i], rows));
    });
  }

  // Doubles need no place of their own.
  template <class T>
  static double* results_of(Call& call, std::int64_t count, T* to) {
    if constexpr (std::is_same_v<T, double>) {
      return to;
    } else {
      return call.scratch_of<double>(count);
    }
  }

  Axes axes_;
  bool keep_;
  bool none_is_none_;
};

const Registration sum{"", "ReduceSum", 1, any_version, make<Reduce<Reduction::sum>>};
const Registration mean{"", "ReduceMean", 1, any_version, make<Reduce<Reduction::mean>>};
const Registration maximum{"", "ReduceMax", 1, any_version, make<Reduce<Reduction::maximum>>};
const Registration minimum{"", "ReduceMin", 1, any_version, make<Reduce<Reduction::minimum>>};
const Registration product{"", "ReduceProd", 1, any_version, make<Reduce<Reduction::product>>};
const Registration sum_square{"", "ReduceSumSquare", 1, any_version, make<Reduce<Reduction::sum_square>>};
const Registration l1{"", "ReduceL1", 1, any_version, make<Reduce<Reduction::l1>>};
const Registration l2{"", "ReduceL2", 1, any_version, make<Reduce<Reduction::l2>>};
const Registration log_sum{"", "ReduceLogSum", 1, any_version, make<Reduce<Reduction::log_sum>>};
const Registration log_sum_exp{"", "ReduceLogSumExp", 1, any_version, make<Reduce<Reduction::log_sum_exp>>};

}  // namespace
}  // namespace sklort
