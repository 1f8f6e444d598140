// Cast and CastLike: numbers through convert.h, text through texts.h.
#include <limits>

#include "elementwise.h"
#include "texts.h"

namespace sklort {
namespace {

bool is_stored(std::int64_t dtype) noexcept {
  return dtype > 0 && dtype < 32 && (dtype == static_cast<std::int64_t>(DType::string) || is_number(static_cast<DType>(dtype)));
}

void texts_from_numbers(Call& call, const Tensor& from, std::string_view* to) {
  const std::int64_t count = from.count();
  if (from.dtype == DType::float16 || from.dtype == DType::bfloat16) {
    const auto* bits = from.as<std::uint16_t>();
    for (std::int64_t i = 0; i < count; ++i) {
      to[i] = call.keep(from.dtype == DType::float16 ? half_to_text(bits[i]) : bfloat16_to_text(bits[i]));
    }
    return;
  }
  with_number(from.dtype, [&]<class T>(T) {
    const T* values = from.as<T>();
    for (std::int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<T, bool> || std::is_floating_point_v<T>) {
        to[i] = call.keep(to_text(values[i]));
      } else if constexpr (std::is_signed_v<T>) {
        to[i] = call.keep(to_text(static_cast<std::int64_t>(values[i])));
      } else {
        to[i] = call.keep(to_text(static_cast<std::uint64_t>(values[i])));
      }
    }
  });
}

template <class T>
T number_from_text(std::string_view text) {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_same_v<T, bool>) {
    return to_bool(text);
  } else if constexpr (std::is_same_v<T, float>) {
    return to_float(text);
  } else if constexpr (std::is_same_v<T, double>) {
    return to_double(text);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<T>(to_signed(text, Limits::min(), Limits::max()));
  } else {
    return static_cast<T>(to_unsigned(text, Limits::max()));
  }
}

void cast(Call& call, const Tensor& from, DType dtype) {
  if (from.dtype == dtype) {
    call.set(0, call.value(0));
    return;
  }
  const std::int64_t count = from.count();
  if (from.dtype == DType::string) {
    const auto* texts = from.as<std::string_view>();
    // The 16-bit floats by way of double, which a decimal text's rounding survives better than float.
    const DType working = working_type(dtype) == dtype ? dtype : DType::float64;
    Tensor& out = call.allocate(0, dtype, from.shape);
    Tensor wide = working == dtype ? out : scratch_tensor(call, working, from.shape);
    with_number(working, [&]<class T>(T) {
      for (std::int64_t i = 0; i < count; ++i) wide.as<T>()[i] = number_from_text<T>(texts[i]);
    });
    if (working != dtype) convert_numbers(wide, out, call.threads());
    return;
  }
  require_number(from.dtype);
  if (dtype == DType::string) {
    texts_from_numbers(call, from, call.allocate(0, dtype, from.shape).as<std::string_view>());
  } else {
    convert_numbers(from, call.allocate(0, dtype, from.shape), call.threads());
  }
}

// The type's number; up to version 5 its name.
std::int64_t target_of(const Node& node) {
  if (node.version >= 6) return node.integer("to", 0);
  const std::string name = node.text("to", "");
  constexpr std::string_view names[] = {"UNDEFINED", "FLOAT",  "UINT8", "INT8",    "UINT16", "INT16",  "INT32",
                                        "INT64",     "STRING", "BOOL",  "FLOAT16", "DOUBLE", "UINT32", "UINT64"};
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if (name == names[i]) return static_cast<std::int64_t>(i);
  }
  return 0;
}

class Cast final : public Op {
 public:
  explicit Cast(const Node& node) : to_(static_cast<DType>(target_of(node))) {
    if (!is_stored(target_of(node))) bad_graph("attribute 'to' names no element type that is stored here");
  }
  DType result(int, std::span<const DType>) const override { return to_; }
  void run(Call& call) const override { cast(call, call.tensor(0), to_); }

 private:
  DType to_;
};

class CastLike final : public Op {
 public:
  DType result(int, std::span<const DType> inputs) const override { return inputs[1]; }
  void run(Call& call) const override { cast(call, call.tensor(0), call.tensor(1).dtype); }
};

std::string refuse_type(const Node& node) {
  const std::int64_t to = target_of(node);
  return is_stored(to) ? std::string() : sentence("element type ", to, " is not stored by the native runtime");
}

const Registration cast_to{"", "Cast", 1, any_version, make<Cast>, refuse_type};
const Registration cast_like{"", "CastLike", 15, any_version, make<CastLike>};

}  // namespace
}  // namespace sklort
