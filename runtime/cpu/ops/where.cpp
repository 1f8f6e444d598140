// Where: numbers, strings and complex numbers; branches of different number types are promoted.
#include "broadcast.h"
#include "elementwise.h"

namespace sklort {
namespace {

// Without a jump, where elements are plain bits: nobody can predict a random condition.
template <class T>
T chosen(bool condition, T yes, T no) noexcept {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(no ^ ((yes ^ no) & (T{0} - T{condition})));
  } else {
    return condition ? yes : no;
  }
}

class Where final : public Op {
 public:
  DType result(int, std::span<const DType> inputs) const override { return promote(inputs[1], inputs[2]); }

  void run(Call& call) const override {
    const Tensor& condition = call.tensor(0);
    require_boolean(condition);
    DType dtype = call.tensor(1).dtype;
    if (call.tensor(2).dtype != dtype) {
      require_number(dtype);
      require_number(call.tensor(2).dtype);
      dtype = promote(dtype, call.tensor(2).dtype);
    }
    const Tensor yes = in_type(call, call.tensor(1), dtype);
    const Tensor no = in_type(call, call.tensor(2), dtype);
    const Shape shape = broadcast(condition.shape, broadcast(yes.shape, no.shape));
    const Walk<3> walk(shape, {&condition.shape, &yes.shape, &no.shape});
    Tensor& out = call.allocate(0, dtype, shape);
    with_item(dtype, [&]<class T>(T) {
      walk.run(call.threads(), cheap_grain,
               [&](std::int64_t to, const auto& from, std::int64_t rows, std::int64_t inner) noexcept {
                 const auto& [c_step, a_step, b_step] = walk.step();
                 const auto& [c_row, a_row, b_row] = walk.row();
                 const bool* c = condition.as<bool>() + from[0];
                 const T* a = yes.as<T>() + from[1];
                 const T* b = no.as<T>() + from[2];
                 T* result = out.as<T>() + to;
                 for (std::int64_t row = 0; row < rows; ++row, c += c_row, a += a_row, b += b_row, result += inner) {
                   if (c_step == 1 && a_step == 1 && b_step == 1) {
                     for (std::int64_t i = 0; i < inner; ++i) result[i] = chosen(c[i], a[i], b[i]);
                   } else {
                     for (std::int64_t i = 0; i < inner; ++i) result[i] = chosen(c[i * c_step], a[i * a_step], b[i * b_step]);
                   }
                 }
               });
    });
  }
};

const Registration where{"", "Where", 9, any_version, make<Where>};

}  // namespace
}  // namespace sklort
