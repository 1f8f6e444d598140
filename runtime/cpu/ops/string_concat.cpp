// StringConcat: element by element, with broadcasting.
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "broadcast.h"
#include "op.h"
#include "text/batch.h"

namespace sklort {
namespace {

class StringConcat final : public Op {
 public:
  void run(Call& call) const override {
    const auto left = text::texts_of(call, 0);
    const auto right = text::texts_of(call, 1);
    const std::array shapes = {&call.tensor(0).shape, &call.tensor(1).shape};
    const Shape shape = broadcast(*shapes[0], *shapes[1]);
    auto* out = call.allocate(0, DType::string, shape).as<std::string_view>();
    const auto count = static_cast<std::size_t>(shape.count());
    auto* parts = call.scratch_of<std::array<std::string_view, 2>>(shape.count());
    const Walk<2> walk(shape, shapes);
    walk.run(1, 1, [&](std::int64_t to, const auto& from, std::int64_t rows, std::int64_t inner) noexcept {
      for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t i = 0; i < inner; ++i) {
          parts[to++] = {left[static_cast<std::size_t>(from[0] + row * walk.row()[0] + i * walk.step()[0])],
                         right[static_cast<std::size_t>(from[1] + row * walk.row()[1] + i * walk.step()[1])]};
        }
      }
    });
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) bytes += parts[i][0].size() + parts[i][1].size();
    std::string made;
    made.reserve(bytes);
    for (std::size_t i = 0; i < count; ++i) made.append(parts[i][0]).append(parts[i][1]);
    const std::string_view kept = call.keep(std::move(made));
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t size = parts[i][0].size() + parts[i][1].size();
      out[i] = kept.substr(at, size);
      at += size;
    }
  }

  DType result(int, std::span<const DType>) const override { return DType::string; }
};

std::unique_ptr<Op> prepare(const Node&) { return std::make_unique<StringConcat>(); }

const Registration string_concat{"", "StringConcat", 20, any_version, prepare};

}  // namespace
}  // namespace sklort
