// Optional, OptionalHasElement, OptionalGetElement: an optional value is the value itself, or none.
#include "elementwise.h"
#include "op.h"

namespace sklort {
namespace {

class Optional final : public Op {
 public:
  void run(Call& call) const override { call.set(0, call.has(0) ? call.value(0) : Value()); }
};

class OptionalHasElement final : public Op {
 public:
  void run(Call& call) const override {
    const bool has = call.has(0) && call.value(0).kind != Value::Kind::none;
    *call.allocate(0, DType::boolean, {}).as<bool>() = has;
  }

  DType result(int, std::span<const DType>) const override { return DType::boolean; }
};

class OptionalGetElement final : public Op {
 public:
  void run(Call& call) const override {
    if (call.value(0).kind == Value::Kind::none) fail("the optional value is empty: there is nothing to get");
    call.set(0, call.value(0));
  }
};

const Registration optional{"", "Optional", 15, any_version, make<Optional>};
const Registration has_element{"", "OptionalHasElement", 15, any_version, make<OptionalHasElement>};
const Registration get_element{"", "OptionalGetElement", 15, any_version, make<OptionalGetElement>};

}  // namespace
}  // namespace sklort
