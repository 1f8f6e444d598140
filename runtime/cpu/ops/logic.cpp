// And, Or, Xor and Not on bool; IsNaN and IsInf.
#include <cmath>

#include "broadcast.h"
#include "elementwise.h"

namespace sklort {
namespace {

struct AndOf {
  static bool apply(bool a, bool b) noexcept { return a & b; }
};
struct OrOf {
  static bool apply(bool a, bool b) noexcept { return a | b; }
};
struct XorOf {
  static bool apply(bool a, bool b) noexcept { return a ^ b; }
};

class Boolean : public Op {
 public:
  DType result(int, std::span<const DType>) const override { return DType::boolean; }
};

template <class Function>
class Logic final : public Boolean {
 public:
  explicit Logic(const Node& node) : alignment_(node) {}

  void run(Call& call) const override {
    const Tensor& a = call.tensor(0);
    const Tensor b = alignment_.align(a, call.tensor(1));
    require_boolean(a);
    require_boolean(b);
    const Tensor& out = call.allocate(0, DType::boolean, broadcast(a.shape, b.shape));
    run_binary(a, b, out, Binary<bool, bool, Function>::loops, cheap_grain, call.threads());
  }

 private:
  Alignment alignment_;
};

class Not final : public Boolean {
 public:
  void run(Call& call) const override {
    const Tensor& in = call.tensor(0);
    require_boolean(in);
    map_elements<bool, bool>(in, call.allocate(0, DType::boolean, in.shape), cheap_grain, call.threads(),
                             [](bool x) noexcept { return !x; });
  }
};

class IsNaN final : public Boolean {
 public:
  void run(Call& call) const override {
    require_floating(call.tensor(0).dtype);
    const Tensor in = in_type(call, call.tensor(0), working_type(call.tensor(0).dtype));
    const Tensor& out = call.allocate(0, DType::boolean, in.shape);
    with_float(in.dtype, [&]<class T>(T) {
      map_elements<T, bool>(in, out, cheap_grain, call.threads(), [](T x) noexcept { return x != x; });
    });
  }
};

class IsInf final : public Boolean {
 public:
  explicit IsInf(const Node& node)
      : positive_(node.integer("detect_positive", 1) != 0), negative_(node.integer("detect_negative", 1) != 0) {}

  void run(Call& call) const override {
    require_floating(call.tensor(0).dtype);
    const Tensor in = in_type(call, call.tensor(0), working_type(call.tensor(0).dtype));
    const Tensor& out = call.allocate(0, DType::boolean, in.shape);
    with_float(in.dtype, [&]<class T>(T) {
      map_elements<T, bool>(in, out, cheap_grain, call.threads(), [this](T x) noexcept {
        constexpr T infinity = std::numeric_limits<T>::infinity();
        return (positive_ && x == infinity) || (negative_ && x == -infinity);
      });
    });
  }

 private:
  bool positive_;
  bool negative_;
};

const Registration logical_and{"", "And", 1, any_version, make<Logic<AndOf>>};
const Registration logical_or{"", "Or", 1, any_version, make<Logic<OrOf>>};
const Registration logical_xor{"", "Xor", 1, any_version, make<Logic<XorOf>>};
const Registration logical_not{"", "Not", 1, any_version, make<Not>};
const Registration is_nan{"", "IsNaN", 9, any_version, make<IsNaN>};
const Registration is_inf{"", "IsInf", 10, any_version, make<IsInf>};

}  // namespace
}  // namespace sklort
