// Axes of an operator: an attribute in old versions, an input in newer ones; negative ones count from the end.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "op.h"

namespace sklort {

std::string print(const Shape& shape);

// The elements of a tensor of int64 or int32, as int64; throws on another type.
std::vector<std::int64_t> integers_of(const Tensor& tensor);

// 0 <= axis < rank, or throws.
int normal_axis(std::int64_t axis, int rank);

class Axes {
 public:
  // `input`: where the axes come from when the node has no attribute `axes`.
  Axes(const Node& node, int input);
  bool given(const Call& call) const { return from_attribute_ || call.has(input_); }
  std::size_t count(const Call& call) const { return list(call).size(); }
  // One bit for each axis named; throws when one is out of range or named twice.
  std::uint32_t mask(const Call& call, int rank) const;

 private:
  std::vector<std::int64_t> list(const Call& call) const;
  bool from_attribute_;
  int input_;
  std::vector<std::int64_t> attribute_;
};

}  // namespace sklort
