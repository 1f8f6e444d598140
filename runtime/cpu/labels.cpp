#include "labels.h"

namespace sklort {

Labels::Labels(const Node& node, const char* integers, const char* strings) : strings_(node.texts(strings)) {
  const auto given = node.integers(integers);
  integers_.assign(given.begin(), given.end());
  if (!integers_.empty() && !strings_.empty()) bad_graph("attributes '", integers, "' and '", strings, "' exclude each other");
  views_.assign(strings_.begin(), strings_.end());
}

Tensor Labels::tensor() const noexcept {
  const void* data = strings_.empty() ? static_cast<const void*>(integers_.data()) : views_.data();
  return {dtype(), {size()}, const_cast<void*>(data), {}};
}

template <class Index>
void Labels::write(Tensor& to, std::int64_t first, const Index* index, std::int64_t count) const noexcept {
  if (strings_.empty()) {
    std::int64_t* out = to.as<std::int64_t>() + first;
    for (std::int64_t i = 0; i < count; ++i) out[i] = integers_[static_cast<std::size_t>(index[i])];
  } else {
    std::string_view* out = to.as<std::string_view>() + first;
    for (std::int64_t i = 0; i < count; ++i) out[i] = views_[static_cast<std::size_t>(index[i])];
  }
}

template void Labels::write(Tensor&, std::int64_t, const std::int32_t*, std::int64_t) const noexcept;
template void Labels::write(Tensor&, std::int64_t, const std::int64_t*, std::int64_t) const noexcept;

}  // namespace sklort
