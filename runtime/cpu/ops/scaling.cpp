// Scaler, Normalizer and Binarizer: numbers, each by itself or with its row.
//
// double stays double. Integers are scaled in double, which holds them, before they become float.
#include <algorithm>
#include <cmath>
#include <limits>

#include "numbers.h"
#include "op.h"
#include "rows.h"
#include "threads.h"

namespace sklort {
namespace {

// So many elements are worth a thread of their own.
constexpr std::int64_t chunk_elements = 1 << 15;

std::int64_t rows_in_chunk(std::int64_t columns) {
  return std::max<std::int64_t>(1, chunk_elements / std::max<std::int64_t>(columns, 1));
}

class FloatLike : public Op {
 public:
  DType result(int, std::span<const DType> inputs) const override {
    return inputs[0] == DType::undefined ? DType::undefined : float_like(inputs[0]);
  }
};

// (x - offset) * scale.
class Scaler final : public FloatLike {
 public:
  explicit Scaler(const Node& node) : offset_(list(node, "offset", 0)), scale_(list(node, "scale", 1)) {
    if (offset_.size() != scale_.size() && offset_.size() != 1 && scale_.size() != 1) {
      bad_graph("attributes 'offset' and 'scale' have ", offset_.size(), " and ", scale_.size(), " numbers");
    }
    const std::size_t columns = std::max(offset_.size(), scale_.size());
    offset_.resize(columns, offset_[0]);
    scale_.resize(columns, scale_[0]);
    offset_doubles_.assign(offset_.begin(), offset_.end());
    scale_doubles_.assign(scale_.begin(), scale_.end());
  }

  void run(Call& call) const override {
    const Tensor& x = call.tensor(0);
    const Rows rows = Rows::flat(x);
    const auto given = static_cast<std::int64_t>(offset_.size());
    if (given != 1 && given != rows.columns) fail("expected ", given, " columns, got ", rows.columns);
    if (x.dtype == DType::float32) return scale<float, float>(call, x, rows, offset_, scale_);
    if (x.dtype == DType::float64) return scale<double, double>(call, x, rows, offset_doubles_, scale_doubles_);
    scale<double, float>(call, x, rows, offset_doubles_, scale_doubles_);
  }

 private:
  static std::vector<float> list(const Node& node, const char* name, float otherwise) {
    const auto given = node.floats(name);
    return given.empty() ? std::vector<float>{otherwise} : std::vector<float>(given.begin(), given.end());
  }

  template <class T, class Out>
  static void scale(Call& call, const Tensor& x, const Rows& rows, const std::vector<T>& offsets, const std::vector<T>& scales) {
    const T* from = numbers<T>(call, x);
    Out* to = call.allocate(0, dtype_of<Out>::value, x.shape).template as<Out>();
    const std::int64_t columns = rows.columns;
    const T* offset = offsets.data();
    const T* factor = scales.data();
    if (offsets.size() == 1) {
      parallel(rows.count * columns, chunk_elements, call.threads(), [=](std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t i = first; i < last; ++i) to[i] = static_cast<Out>((from[i] - *offset) * *factor);
      });
      return;
    }
    parallel(rows.count, rows_in_chunk(columns), call.threads(), [=](std::int64_t first, std::int64_t last) noexcept {
      for (std::int64_t row = first; row < last; ++row) {
        const T* in = from + row * columns;
        Out* out = to + row * columns;
        for (std::int64_t i = 0; i < columns; ++i) out[i] = static_cast<Out>((in[i] - offset[i]) * factor[i]);
      }
    });
  }

  std::vector<float> offset_;
  std::vector<float> scale_;
  std::vector<double> offset_doubles_;
  std::vector<double> scale_doubles_;
};

enum class Norm { max, l1, l2 };

// A row over its norm; a row whose norm is 0 stays what it is. The norm is added up in double, four columns side by side.
class Normalizer final : public FloatLike {
 public:
  explicit Normalizer(const Node& node) : norm_(norm_of(node.text("norm", "MAX"))) {}

  void run(Call& call) const override {
    const Tensor& x = call.tensor(0);
    const Rows rows(x);
    with_float(float_like(x.dtype), [&]<class T>(T) {
      const T* from = numbers<T>(call, x);
      T* to = call.allocate(0, dtype_of<T>::value, x.shape).template as<T>();
      parallel(rows.count, rows_in_chunk(rows.columns), call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t row = first; row < last; ++row) {
          const T* in = from + row * rows.columns;
          T* out = to + row * rows.columns;
          const T norm = static_cast<T>(measure(in, rows.columns));
          const T divisor = norm == 0 ? T{1} : norm;
          for (std::int64_t i = 0; i < rows.columns; ++i) out[i] = in[i] / divisor;
        }
      });
    });
  }

 private:
  static Norm norm_of(const std::string& name) {
    if (name == "MAX") return Norm::max;
    if (name == "L1") return Norm::l1;
    if (name == "L2") return Norm::l2;
    bad_graph("attribute 'norm' must be MAX, L1 or L2, got '", name, "'");
  }

  template <class T, class Term>
  static double total(const T* x, std::int64_t columns, Term term) noexcept {
    double sums[4] = {};
    std::int64_t i = 0;
    for (; i + 4 <= columns; i += 4) {
      for (int lane = 0; lane < 4; ++lane) sums[lane] += term(static_cast<double>(x[i + lane]));
    }
    for (; i < columns; ++i) sums[i % 4] += term(static_cast<double>(x[i]));
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }

  template <class T>
  double measure(const T* x, std::int64_t columns) const noexcept {
    switch (norm_) {
      case Norm::l1:
        return total(x, columns, [](double value) noexcept { return std::abs(value); });
      case Norm::l2:
        return std::sqrt(total(x, columns, [](double value) noexcept { return value * value; }));
      case Norm::max:
        break;
    }
    T most = 0;
    bool nan = false;
    for (std::int64_t i = 0; i < columns; ++i) {
      const T size = std::abs(x[i]);
      most = size > most ? size : most;
      nan |= size != size;
    }
    return nan ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(most);
  }

  Norm norm_;
};

// 1 where x is above the threshold, else 0, in x's own type. NaN is not above.
class Binarizer final : public Op {
 public:
  explicit Binarizer(const Node& node) : threshold_(node.number("threshold", 0)) {}

  void run(Call& call) const override {
    const Tensor& x = call.tensor(0);
    with_number(x.dtype, [&]<class T>(T) {
      // The attribute is a float: in float the comparison is exact, every other type is compared in double.
      using Compared = std::conditional_t<std::is_same_v<T, float>, float, double>;
      const auto threshold = static_cast<Compared>(threshold_);
      const T* from = x.as<T>();
      T* to = call.allocate(0, x.dtype, x.shape).template as<T>();
      parallel(x.count(), chunk_elements, call.threads(), [=](std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t i = first; i < last; ++i) to[i] = static_cast<T>(static_cast<Compared>(from[i]) > threshold);
      });
    });
  }

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

 private:
  double threshold_;
};

template <class T>
std::unique_ptr<Op> make(const Node& node) {
  return std::make_unique<T>(node);
}

const Registration scaler{"ai.onnx.ml", "Scaler", 1, any_version, make<Scaler>};
const Registration normalizer{"ai.onnx.ml", "Normalizer", 1, any_version, make<Normalizer>};
const Registration binarizer{"ai.onnx.ml", "Binarizer", 1, any_version, make<Binarizer>};

}  // namespace
}  // namespace sklort
