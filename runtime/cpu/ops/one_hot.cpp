// OneHotEncoder: a new last axis with 1 at the position of the element's category.
//
// As in onnxruntime, real numbers are cut to integers before they are looked for (1.7 is category 1); NaN, infinity and what no
// int64 holds are no category.
#include <algorithm>
#include <atomic>
#include <cmath>

#include "dispatch.h"
#include "lookup.h"
#include "op.h"
#include "threads.h"

namespace sklort {
namespace {

class OneHotEncoder final : public Op {
 public:
  explicit OneHotEncoder(const Node& node) : unseen_is_zeros_(node.integer("zeros", 1) != 0) {
    const auto integers = node.integers("cats_int64s");
    std::vector<std::string> texts = node.texts("cats_strings");
    if (integers.empty() == texts.empty())
      bad_graph("exactly one of the attributes 'cats_int64s' and 'cats_strings' must be given");
    text_ = !texts.empty();
    categories_ = static_cast<std::int64_t>(text_ ? texts.size() : integers.size());
    if (text_) {
      texts_ = TextLookup(texts, Duplicates::last);
    } else {
      integers_ = IntegerLookup(integers, Duplicates::last);
    }
  }

  void run(Call& call) const override {
    const Tensor& x = call.tensor(0);
    if (text_ != (x.dtype == DType::string)) {
      fail("the categories are ", text_ ? "strings" : "integers", ", the input is of ", dtype_name(x.dtype));
    }
    if (text_) {
      return encode<std::string_view>(call, x, [this](std::string_view value) noexcept { return texts_.find(value); });
    }
    with_number(x.dtype, [&]<class T>(T) { encode<T>(call, x, [this](T value) noexcept { return find(value); }); });
  }

  DType result(int, std::span<const DType>) const override { return DType::float32; }

 private:
  template <class T>
  std::int32_t find(T value) const noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      if (!(std::abs(value) < T{0x1p63})) return -1;
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
      if (value > static_cast<std::uint64_t>(INT64_MAX)) return -1;
    }
    return integers_.find(static_cast<std::int64_t>(value));
  }

  template <class T, class Find>
  void encode(Call& call, const Tensor& x, Find find) const {
    Shape shape = x.shape;
    shape.push(categories_);
    const T* from = x.as<T>();
    const std::int64_t count = x.count();
    float* to = call.allocate(0, DType::float32, shape).as<float>();
    std::atomic<std::int64_t> unseen{count};
    const std::int64_t chunk = std::max<std::int64_t>(64, (1 << 16) / (categories_ + 16));
    parallel(count, chunk, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
      std::fill(to + first * categories_, to + last * categories_, 0.0F);
      std::int64_t missed = count;
      for (std::int64_t i = first; i < last; ++i) {
        const std::int32_t found = find(from[i]);
        if (found >= 0) {
          to[i * categories_ + found] = 1.0F;
        } else {
          missed = std::min(missed, i);
        }
      }
      for (std::int64_t seen = unseen.load(); missed < seen && !unseen.compare_exchange_weak(seen, missed);) {
      }
    });
    if (!unseen_is_zeros_ && unseen.load() < count)
      fail("element ", unseen.load(), " is no category: '", from[unseen.load()], "'");
  }

  bool unseen_is_zeros_;
  bool text_ = false;
  std::int64_t categories_ = 0;
  IntegerLookup integers_;
  TextLookup texts_;
};

const Registration one_hot{"ai.onnx.ml", "OneHotEncoder", 1, any_version,
                           [](const Node& node) -> std::unique_ptr<Op> { return std::make_unique<OneHotEncoder>(node); }};

}  // namespace
}  // namespace sklort
