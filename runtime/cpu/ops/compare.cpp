// Equal, Less, Greater and their kin, with NumPy's broadcasting; Equal compares strings as well.
#include <string_view>

#include "broadcast.h"
#include "elementwise.h"

namespace sklort {
namespace {

// Greater is Less with its operands exchanged.
template <Comparison comparison, bool exchanged>
class Compare final : public Op {
 public:
  explicit Compare(const Node& node) : alignment_(node) {}

  DType result(int, std::span<const DType>) const override { return DType::boolean; }

  void run(Call& call) const override {
    const Tensor& first = call.tensor(0);
    const Tensor second = alignment_.align(first, call.tensor(1));
    const Shape shape = broadcast(first.shape, second.shape);
    if (first.dtype == DType::string || second.dtype == DType::string) {
      compare_texts(call, first, second, shape);
      return;
    }
    require_number(first.dtype);
    require_number(second.dtype);
    if (mixed_signs(first.dtype, second.dtype)) {
      compare_exactly(call, first, second, shape);
      return;
    }
    const DType working = working_type(promote(first.dtype, second.dtype));
    const Tensor a = in_type(call, exchanged ? second : first, working);
    const Tensor b = in_type(call, exchanged ? first : second, working);
    run_binary(a, b, call.allocate(0, DType::boolean, shape), comparison_loops(comparison, working), cheap_grain, call.threads());
  }

 private:
  static bool mixed_signs(DType a, DType b) noexcept {
    return (a == DType::uint64 && b == DType::int64) || (a == DType::int64 && b == DType::uint64);
  }

  template <class A, class B>
  static bool compare(const A& a, const B& b) noexcept {
    if constexpr (std::is_integral_v<A>) {
      switch (comparison) {
        case Comparison::equal:
          return std::cmp_equal(a, b);
        case Comparison::less:
          return std::cmp_less(a, b);
        case Comparison::less_equal:
          return std::cmp_less_equal(a, b);
      }
    }
    return false;
  }

  // double, to which the two would be promoted, does not hold them all.
  static void compare_exactly(Call& call, const Tensor& first, const Tensor& second, const Shape& shape) {
    const Tensor& a = exchanged ? second : first;
    const Tensor& b = exchanged ? first : second;
    if (a.dtype == DType::int64) {
      each<std::int64_t, std::uint64_t>(call, a, b, shape, [](auto x, auto y) noexcept { return compare(x, y); });
    } else {
      each<std::uint64_t, std::int64_t>(call, a, b, shape, [](auto x, auto y) noexcept { return compare(x, y); });
    }
  }

  static void compare_texts(Call& call, const Tensor& a, const Tensor& b, const Shape& shape) {
    if (a.dtype != b.dtype || comparison != Comparison::equal) {
      fail("cannot compare ", dtype_name(a.dtype), " with ", dtype_name(b.dtype));
    }
    each<std::string_view, std::string_view>(call, a, b, shape, [](auto x, auto y) noexcept { return x == y; });
  }

  template <class A, class B, class Function>
  static void each(Call& call, const Tensor& a, const Tensor& b, const Shape& shape, Function function) {
    bool* out = call.allocate(0, DType::boolean, shape).template as<bool>();
    const Walk<2> walk(shape, {&a.shape, &b.shape});
    walk.run(call.threads(), costly_grain,
             [&](std::int64_t to, const auto& from, std::int64_t rows, std::int64_t inner) noexcept {
               const A* x = a.as<A>() + from[0];
               const B* y = b.as<B>() + from[1];
               bool* result = out + to;
               for (std::int64_t row = 0; row < rows; ++row, x += walk.row()[0], y += walk.row()[1], result += inner) {
                 for (std::int64_t i = 0; i < inner; ++i) result[i] = function(x[i * walk.step()[0]], y[i * walk.step()[1]]);
               }
             });
  }

  Alignment alignment_;
};

const Registration equal{"", "Equal", 1, any_version, make<Compare<Comparison::equal, false>>};
const Registration less{"", "Less", 1, any_version, make<Compare<Comparison::less, false>>};
const Registration greater{"", "Greater", 1, any_version, make<Compare<Comparison::less, true>>};
const Registration less_equal{"", "LessOrEqual", 12, any_version, make<Compare<Comparison::less_equal, false>>};
const Registration greater_equal{"", "GreaterOrEqual", 12, any_version, make<Compare<Comparison::less_equal, true>>};

}  // namespace
}  // namespace sklort
