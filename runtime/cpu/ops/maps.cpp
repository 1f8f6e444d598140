// ZipMap, DictVectorizer and CastMap: operators on maps.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "convert.h"
#include "dispatch.h"
#include "labels.h"
#include "lookup.h"
#include "numbers.h"
#include "op.h"
#include "rows.h"

namespace sklort {
namespace {

// A map for each row, from the class labels to the row's numbers. The maps are not built: the result is the table itself.
class ZipMap final : public Op {
 public:
  explicit ZipMap(const Node& node) : labels_(node, "classlabels_int64s", "classlabels_strings") {
    if (labels_.empty()) bad_graph("attribute 'classlabels_int64s' or 'classlabels_strings' is missing");
  }

  void run(Call& call) const override {
    const Tensor& x = call.tensor(0);
    if (x.dtype != DType::float32 && x.dtype != DType::float64) fail("expected float or double, got ", dtype_name(x.dtype));
    const Rows rows(x);
    if (rows.columns != labels_.size())
      fail("expected ", labels_.size(), " columns (one for each class label), got ", rows.columns);
    auto table = std::make_shared<Composite>();
    table->keys = labels_.tensor();
    table->values = x;
    table->values.shape = {rows.count, rows.columns};
    call.set(0, Value{Value::Kind::table, {}, std::move(table)});
  }

 private:
  Labels labels_;
};

const Composite& map_of(const Value& value) {
  if (value.kind != Value::Kind::map) fail("expected a map, got ", kind_name(value.kind));
  return *value.composite;
}

// A row for each map: the values at the places that the vocabulary gives to their keys, elsewhere 0 or "". Keys that the
// vocabulary lacks are left out.
class DictVectorizer final : public Op {
 public:
  explicit DictVectorizer(const Node& node) {
    const auto integers = node.integers("int64_vocabulary");
    std::vector<std::string> texts = node.texts("string_vocabulary");
    if (integers.empty() == texts.empty()) {
      bad_graph("exactly one of the attributes 'int64_vocabulary' and 'string_vocabulary' must be given");
    }
    text_ = !texts.empty();
    columns_ = static_cast<std::int64_t>(text_ ? texts.size() : integers.size());
    if (text_) {
      texts_ = TextLookup(texts, Duplicates::first);
    } else {
      integers_ = IntegerLookup(integers, Duplicates::first);
    }
  }

  void run(Call& call) const override {
    const Value& value = call.value(0);
    std::vector<const Composite*> maps;
    if (value.kind == Value::Kind::sequence) {
      for (const Value& item : value.composite->items) maps.push_back(&map_of(item));
    } else {
      maps.push_back(&map_of(value));
    }
    DType dtype = DType::undefined;
    for (const Composite* map : maps) {
      if (map->keys.count() == 0) continue;
      check_keys(map->keys.dtype);
      dtype = join(dtype, map->values.dtype);
    }
    if (dtype == DType::undefined) dtype = DType::float32;
    const Shape shape{static_cast<std::int64_t>(maps.size()), columns_};
    if (dtype == DType::string) return fill<std::string_view>(call, dtype, shape, maps);
    with_number(dtype, [&]<class T>(T) { fill<T>(call, dtype, shape, maps); });
  }

 private:
  void check_keys(DType dtype) const {
    const bool fits = text_ ? dtype == DType::string : dtype == DType::int64 || dtype == DType::int32;
    if (!fits) fail("the vocabulary holds ", text_ ? "strings" : "integers", ", the map's keys are of ", dtype_name(dtype));
  }

  static DType join(DType a, DType b) {
    if (a == DType::undefined) return b;
    if ((a == DType::string) != (b == DType::string)) fail("the maps hold both text and numbers");
    return a == b ? a : promote(a, b);
  }

  template <class T>
  void fill(Call& call, DType dtype, const Shape& shape, const std::vector<const Composite*>& maps) const {
    T* row = call.allocate(0, dtype, shape).template as<T>();
    std::fill_n(row, shape.count(), T{});
    for (const Composite* map : maps) {
      const std::int64_t count = map->keys.count();
      if (count > 0) {
        const T* values = nullptr;
        if constexpr (std::is_same_v<T, std::string_view>) {
          values = map->values.as<T>();
        } else {
          values = numbers<T>(call, map->values);
        }
        if (text_) {
          for (std::int64_t i = 0; i < count; ++i) place(row, texts_.find(map->keys.as<std::string_view>()[i]), values[i]);
        } else {
          const std::int64_t* keys = numbers<std::int64_t>(call, map->keys);
          for (std::int64_t i = 0; i < count; ++i) place(row, integers_.find(keys[i]), values[i]);
        }
      }
      row += columns_;
    }
  }

  template <class T>
  static void place(T* row, std::int32_t column, const T& value) {
    if (column >= 0) row[column] = value;
  }

  bool text_ = false;
  std::int64_t columns_ = 0;
  IntegerLookup integers_;
  TextLookup texts_;
};

// One row: a map's values in the order of its integer keys (DENSE), or each at the place its key names (SPARSE).
class CastMap final : public Op {
 public:
  explicit CastMap(const Node& node) : sparse_(node.text("map_form", "DENSE") == "SPARSE"), columns_(node.integer("max_map", 1)) {
    const std::string to = node.text("cast_to", "TO_FLOAT");
    if (to == "TO_FLOAT") {
      dtype_ = DType::float32;
    } else if (to == "TO_INT64") {
      dtype_ = DType::int64;
    } else if (to == "TO_STRING") {
      dtype_ = DType::string;
    } else {
      bad_graph("attribute 'cast_to' must be TO_FLOAT, TO_INT64 or TO_STRING, got '", to, "'");
    }
    const std::string form = node.text("map_form", "DENSE");
    if (form != "DENSE" && form != "SPARSE") bad_graph("attribute 'map_form' must be DENSE or SPARSE, got '", form, "'");
    if (sparse_ && columns_ <= 0) bad_graph("attribute 'max_map' must be positive for a SPARSE map, got ", columns_);
  }

  void run(Call& call) const override {
    const Composite& map = map_of(call.value(0));
    const std::int64_t count = map.keys.count();
    const std::int64_t* keys = count == 0 ? nullptr : numbers<std::int64_t>(call, map.keys);
    std::map<std::int64_t, std::int64_t> order;  // key to position in the map
    for (std::int64_t i = 0; i < count; ++i) {
      if (keys[i] < 0) fail("a key of the map is negative: ", keys[i]);
      if (sparse_ && keys[i] >= columns_) fail("key ", keys[i], " is not below 'max_map', ", columns_);
      order[keys[i]] = i;
    }
    const std::int64_t columns = sparse_ ? columns_ : count;
    Tensor& y = call.allocate(0, dtype_, {1, columns});
    if (dtype_ == DType::float32) return fill<float>(call, map.values, order, columns, y);
    if (dtype_ == DType::int64) return fill<std::int64_t>(call, map.values, order, columns, y);
    fill<std::string_view>(call, map.values, order, columns, y);
  }

  DType result(int, std::span<const DType>) const override { return dtype_; }

 private:
  template <class T>
  void fill(Call& call, const Tensor& values, const std::map<std::int64_t, std::int64_t>& order, std::int64_t columns,
            Tensor& y) const {
    T* out = y.as<T>();
    std::fill_n(out, columns, T{});
    std::int64_t next = 0;
    for (const auto& [key, position] : order) {
      T& place = out[sparse_ ? key : next++];
      if (values.dtype == DType::string) {
        place = from_text<T>(values.as<std::string_view>()[position]);
      } else {
        with_number(values.dtype, [&]<class From>(From) { place = from_number<T>(call, values.as<From>()[position]); });
      }
    }
  }

  template <class T>
  static T from_text(std::string_view text) {
    if constexpr (std::is_same_v<T, std::string_view>) {
      return text;
    } else {
      T value{};
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size()) fail("'", text, "' is not a number");
      return value;
    }
  }

  template <class T, class From>
  static T from_number(Call& call, From value) {
    if constexpr (std::is_same_v<T, std::string_view>) {
      char text[64];
      if constexpr (std::is_same_v<From, bool>)
        return value ? "1" : "0";
      else
        return call.keep(std::string(text, std::to_chars(text, text + sizeof(text), value).ptr));
    } else {
      return convert_number<T>(value);
    }
  }

  bool sparse_;
  std::int64_t columns_;
  DType dtype_ = DType::float32;
};

template <class T>
std::unique_ptr<Op> make(const Node& node) {
  return std::make_unique<T>(node);
}

const Registration zip_map{"ai.onnx.ml", "ZipMap", 1, any_version, make<ZipMap>};
const Registration dict_vectorizer{"ai.onnx.ml", "DictVectorizer", 1, any_version, make<DictVectorizer>};
const Registration cast_map{"ai.onnx.ml", "CastMap", 1, any_version, make<CastMap>};

}  // namespace
}  // namespace sklort
