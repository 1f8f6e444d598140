// The class labels of a classifier: integers or strings, from two attributes of which one is given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "op.h"

namespace sklort {

class Labels {
 public:
  Labels() = default;
  // Throws Error(invalid_graph) when both attributes are there.
  Labels(const Node& node, const char* integers, const char* strings);

  bool empty() const noexcept { return size() == 0; }
  std::int64_t size() const noexcept { return static_cast<std::int64_t>(strings_.empty() ? integers_.size() : views_.size()); }
  DType dtype() const noexcept { return strings_.empty() ? DType::int64 : DType::string; }
  // One dimension; valid as long as this object.
  Tensor tensor() const noexcept;
  // to[i] = label number index[i]; `to` is of `dtype()`.
  template <class Index>
  void write(Tensor& to, std::int64_t first, const Index* index, std::int64_t count) const noexcept;

 private:
  std::vector<std::int64_t> integers_;
  std::vector<std::string> strings_;
  std::vector<std::string_view> views_;
};

}  // namespace sklort
