// LabelEncoder and CategoryMapper: each element replaced by the value of its key, or by a default.
//
// In every version NaN is found by a NaN key, -0 by 0, and the first of equal keys counts.
#include <algorithm>
#include <cmath>

#include "convert.h"
#include "dispatch.h"
#include "lookup.h"
#include "op.h"
#include "threads.h"

namespace sklort {
namespace {

// A list out of an attribute: texts, or numbers of any type.
struct List {
  DType dtype = DType::undefined;
  std::vector<std::string> texts;
  std::vector<std::uint64_t> memory;
  Tensor tensor;  // of numbers, in `memory`

  static List of(std::vector<std::string> texts) { return {DType::string, std::move(texts), {}, {}}; }
  static List of(const Tensor& tensor) {
    List list;
    list.dtype = tensor.dtype;
    if (tensor.dtype == DType::string) {
      for (const std::string_view text : tensor.span<std::string_view>()) list.texts.emplace_back(text);
      return list;
    }
    if (!is_number(tensor.dtype)) bad_graph("a list of ", dtype_name(tensor.dtype), " cannot be keys or values");
    list.memory.resize(tensor.bytes() / sizeof(std::uint64_t) + 1);
    std::copy_n(tensor.as<std::byte>(), tensor.bytes(), reinterpret_cast<std::byte*>(list.memory.data()));
    list.tensor = {tensor.dtype, tensor.shape, list.memory.data(), {}};
    return list;
  }
  template <class T>
  static List of(std::span<const T> numbers) {
    return of(Tensor{dtype_of<T>::value, {static_cast<std::int64_t>(numbers.size())}, const_cast<T*>(numbers.data()), {}});
  }

  std::int64_t size() const { return dtype == DType::string ? static_cast<std::int64_t>(texts.size()) : tensor.count(); }
  template <class T>
  std::vector<T> as() const {
    std::vector<T> converted(static_cast<std::size_t>(size()));
    Tensor to{dtype_of<T>::value, {size()}, converted.data(), {}};
    convert_numbers(Tensor{dtype, {size()}, tensor.data, {}}, to, 1);
    return converted;
  }
};

bool is_real(DType dtype) {
  return dtype == DType::float32 || dtype == DType::float64 || dtype == DType::float16 || dtype == DType::bfloat16;
}

// Keys of one kind, and a value for each.
class Mapping {
 public:
  Mapping(List keys, List values, List otherwise) : keys_(keys.dtype), values_(values.dtype) {
    if (keys.size() != values.size()) bad_graph(keys.size(), " keys have ", values.size(), " values");
    if (keys_ == DType::string) {
      texts_ = TextLookup(keys.texts, Duplicates::first);
    } else if (is_real(keys_)) {
      reals_ = RealLookup(keys.as<double>(), Duplicates::first);
    } else {
      integers_ = IntegerLookup(keys.as<std::int64_t>(), Duplicates::first);
    }
    // The default is held in front of the values: position -1.
    if (values_ == DType::string) {
      value_texts_ = std::move(otherwise.texts);
      value_texts_.insert(value_texts_.end(), values.texts.begin(), values.texts.end());
      views_.assign(value_texts_.begin(), value_texts_.end());
      items_ = views_.data();
      return;
    }
    const std::size_t item = item_size(values_);
    memory_.resize((static_cast<std::size_t>(values.size()) + 1) * item / sizeof(std::uint64_t) + 1);
    auto* bytes = reinterpret_cast<std::byte*>(memory_.data());
    Tensor first{values_, {1}, bytes, {}};
    convert_numbers(otherwise.tensor, first, 1);
    std::copy_n(values.tensor.as<std::byte>(), values.tensor.bytes(), bytes + item);
    items_ = memory_.data();
  }

  DType keys() const noexcept { return keys_; }
  DType values() const noexcept { return values_; }

  void run(Call& call, const Tensor& x) const {
    if ((keys_ == DType::string) != (x.dtype == DType::string) || (keys_ != DType::string && !is_number(x.dtype))) {
      fail("the keys are of ", dtype_name(keys_), ", the input is of ", dtype_name(x.dtype));
    }
    Tensor& y = call.allocate(0, values_, x.shape);
    if (keys_ == DType::string) {
      return write<std::string_view>(call, x, y, [this](std::string_view value) noexcept { return texts_.find(value); });
    }
    Tensor plain = x;  // 16-bit floats as float
    if (x.dtype == DType::float16 || x.dtype == DType::bfloat16) {
      plain = Tensor{DType::float32, x.shape, call.scratch_of<float>(x.count()), {}};
      convert_numbers(x, plain, call.threads());
    }
    with_number(plain.dtype, [&]<class T>(T) {
      if (is_real(keys_)) {
        // Keys that are floats were rounded to float: what they are compared with has to be.
        const bool narrow = keys_ == DType::float32 && std::is_same_v<T, double>;
        write<T>(call, plain, y, [this, narrow](T value) noexcept {
          const auto wide = static_cast<double>(value);
          return reals_.find(narrow ? static_cast<double>(static_cast<float>(wide)) : wide);
        });
      } else {
        write<T>(call, plain, y, [this](T value) noexcept { return find_integer(value); });
      }
    });
  }

 private:
  template <class T>
  std::int32_t find_integer(T value) const noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      if (!(std::abs(value) < T{0x1p63}) || std::trunc(value) != value) return -1;
    }
    return integers_.find(static_cast<std::int64_t>(value));
  }

  template <class T, class Find>
  void write(Call& call, const Tensor& x, Tensor& y, Find find) const {
    with_item(values_, [&]<class Item>(Item) {
      const T* from = x.as<T>();
      const Item* values = static_cast<const Item*>(items_) + 1;
      Item* to = y.as<Item>();
      parallel(x.count(), 1 << 13, call.threads(), [=](std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t i = first; i < last; ++i) to[i] = values[find(from[i])];
      });
    });
  }

  DType keys_;
  DType values_;
  IntegerLookup integers_;
  RealLookup reals_;
  TextLookup texts_;
  std::vector<std::string> value_texts_;
  std::vector<std::string_view> views_;
  std::vector<std::uint64_t> memory_;
  const void* items_ = nullptr;
};

// The one list that is there of <prefix>_floats, _int64s, _strings and _tensor.
List only(const Node& node, const std::string& prefix) {
  List found;
  int count = 0;
  if (node.has(prefix + "_floats")) found = List::of(node.floats(prefix + "_floats")), ++count;
  if (node.has(prefix + "_int64s")) found = List::of(node.integers(prefix + "_int64s")), ++count;
  if (node.has(prefix + "_strings")) found = List::of(node.texts(prefix + "_strings")), ++count;
  if (const Tensor* tensor = node.tensor(prefix + "_tensor")) found = List::of(*tensor), ++count;
  if (count == 1) return found;
  bad_graph("exactly one of the attributes '", prefix, "_floats', '", prefix, "_int64s', '", prefix, "_strings' and '", prefix,
            "_tensor' must be given, got ", count);
}

List default_text(const Node& node) { return List::of({node.text("default_string", "_Unused")}); }

List default_integer(const Node& node) {
  const std::int64_t value = node.integer("default_int64", -1);
  return List::of(std::span(&value, 1));
}

List default_for(const Node& node, DType values) {
  if (const Tensor* tensor = node.tensor("default_tensor")) {
    if (tensor->count() != 1) bad_graph("attribute 'default_tensor' must hold one element, got ", tensor->count());
    if ((tensor->dtype == DType::string) != (values == DType::string)) {
      bad_graph("the values are of ", dtype_name(values), ", attribute 'default_tensor' is of ", dtype_name(tensor->dtype));
    }
    return List::of(*tensor);
  }
  if (values == DType::string) return default_text(node);
  if (!is_real(values)) return default_integer(node);
  const auto value = static_cast<float>(node.number("default_float", -0.0));
  return List::of(std::span(&value, 1));
}

// From version 2: keys and values.
class LabelEncoder final : public Op {
 public:
  explicit LabelEncoder(const Node& node) : mapping_(make(node)) {}
  void run(Call& call) const override { mapping_.run(call, call.tensor(0)); }
  DType result(int, std::span<const DType>) const override { return mapping_.values(); }

 private:
  static Mapping make(const Node& node) {
    List keys = only(node, "keys");
    List values = only(node, "values");
    List otherwise = default_for(node, values.dtype);
    return {std::move(keys), std::move(values), std::move(otherwise)};
  }

  Mapping mapping_;
};

// Text to integer or integer to text, after the input: version 1 of LabelEncoder, where the integers are positions, and
// CategoryMapper.
class BothWays final : public Op {
 public:
  BothWays(const Node& node, const std::vector<std::string>& texts, std::span<const std::int64_t> integers)
      : to_integer_(List::of(texts), List::of(integers), default_integer(node)),
        to_text_(List::of(integers), List::of(texts), default_text(node)) {}

  void run(Call& call) const override {
    const Tensor& x = call.tensor(0);
    (x.dtype == DType::string ? to_integer_ : to_text_).run(call, x);
  }

  DType result(int, std::span<const DType> inputs) const override {
    if (inputs[0] == DType::undefined) return DType::undefined;
    return inputs[0] == DType::string ? DType::int64 : DType::string;
  }

 private:
  Mapping to_integer_;
  Mapping to_text_;
};

std::unique_ptr<Op> by_position(const Node& node) {
  const std::vector<std::string> texts = node.texts("classes_strings");
  std::vector<std::int64_t> positions(texts.size());
  for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<std::int64_t>(i);
  return std::make_unique<BothWays>(node, texts, positions);
}

const Registration encoder_1{"ai.onnx.ml", "LabelEncoder", 1, 1, by_position};
const Registration encoder{"ai.onnx.ml", "LabelEncoder", 2, any_version,
                           [](const Node& node) -> std::unique_ptr<Op> { return std::make_unique<LabelEncoder>(node); }};
const Registration mapper{"ai.onnx.ml", "CategoryMapper", 1, any_version, [](const Node& node) -> std::unique_ptr<Op> {
                            return std::make_unique<BothWays>(node, node.texts("cats_strings"), node.integers("cats_int64s"));
                          }};

}  // namespace
}  // namespace sklort
