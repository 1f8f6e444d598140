// Imputer: NaN, or the elements equal to one value, replaced by a number for all columns or one for each.
#include <algorithm>
#include <cmath>

#include "numbers.h"
#include "op.h"
#include "rows.h"
#include "threads.h"

namespace sklort {
namespace {

class Imputer final : public Op {
 public:
  explicit Imputer(const Node& node)
      : replaced_real_(node.number("replaced_value_float", 0)), replaced_integer_(node.integer("replaced_value_int64", 0)) {
    const auto floats = node.floats("imputed_value_floats");
    const auto integers = node.integers("imputed_value_int64s");
    if (!floats.empty() && !integers.empty()) {
      bad_graph("attributes 'imputed_value_floats' and 'imputed_value_int64s' exclude each other");
    }
    if (floats.empty() && integers.empty()) bad_graph("attribute 'imputed_value_floats' or 'imputed_value_int64s' is missing");
    floats_.assign(floats.begin(), floats.end());
    doubles_.assign(floats.begin(), floats.end());
    longs_.assign(integers.begin(), integers.end());
    for (const std::int64_t value : integers) ints_.push_back(convert_number<std::int32_t>(value));
  }

  void run(Call& call) const override {
    const Tensor& x = call.tensor(0);
    switch (x.dtype) {
      case DType::float32:
        return replace_real(call, x, floats_);
      case DType::float64:
        return replace_real(call, x, doubles_);
      case DType::int64:
        return replace(call, x, longs_, [value = replaced_integer_](std::int64_t one) noexcept { return one == value; });
      case DType::int32:
        return replace(call, x, ints_, [value = replaced_integer_](std::int32_t one) noexcept { return one == value; });
      default:
        fail("expected float, double, int64 or int32, got ", dtype_name(x.dtype));
    }
  }

  DType result(int, std::span<const DType> inputs) const override { return inputs[0]; }

 private:
  template <class T>
  void replace_real(Call& call, const Tensor& x, const std::vector<T>& values) const {
    const auto replaced = static_cast<T>(replaced_real_);
    if (std::isnan(replaced)) return replace(call, x, values, [](T one) noexcept { return one != one; });
    replace(call, x, values, [replaced](T one) noexcept { return one == replaced; });
  }

  template <class T, class Missing>
  static void replace(Call& call, const Tensor& x, const std::vector<T>& values, Missing missing) {
    if (values.empty())
      fail("the attributes impute ", std::is_integral_v<T> ? "floats" : "integers", ", the input is of ", dtype_name(x.dtype));
    const Rows rows = Rows::flat(x);
    const std::int64_t columns = rows.columns;
    const auto given = static_cast<std::int64_t>(values.size());
    if (given != 1 && given != columns) fail("expected ", given, " columns (one for each imputed value), got ", columns);
    const T* from = x.as<T>();
    T* to = call.allocate(0, x.dtype, x.shape).template as<T>();
    const T* value = values.data();
    if (given == 1) {
      parallel(rows.count * columns, 1 << 15, call.threads(), [=](std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t i = first; i < last; ++i) to[i] = missing(from[i]) ? *value : from[i];
      });
      return;
    }
    parallel(rows.count, std::max<std::int64_t>(1, (1 << 15) / columns), call.threads(),
             [=](std::int64_t first, std::int64_t last) noexcept {
               for (std::int64_t row = first; row < last; ++row) {
                 const T* in = from + row * columns;
                 T* out = to + row * columns;
                 for (std::int64_t i = 0; i < columns; ++i) out[i] = missing(in[i]) ? value[i] : in[i];
               }
             });
  }

  double replaced_real_;
  std::int64_t replaced_integer_;
  std::vector<float> floats_;
  std::vector<double> doubles_;
  std::vector<std::int64_t> longs_;
  std::vector<std::int32_t> ints_;
};

const Registration imputer{"ai.onnx.ml", "Imputer", 1, any_version,
                           [](const Node& node) -> std::unique_ptr<Op> { return std::make_unique<Imputer>(node); }};

}  // namespace
}  // namespace sklort
