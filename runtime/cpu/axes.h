// Axes of an operator: an attribute in old versions, an input in newer ones; negative ones count from the end.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "op.h"

namespace sklort {

std::string print(const Shape& shape);

// Throws unless the dimensions are not negative and their product is one that memory could hold: for shapes which data decides.
void require_storable(const Shape& shape);

// The elements of a tensor of int64 or int32, as int64; throws on another type.
std::vector<std::int64_t> integers_of(const Tensor& tensor);

// A list of integers no longer than a shape can be, such as a shape, starts or repeats.
Shape few_integers(const Tensor& tensor);

// One integer, int64 or int32; `what` names it in the error.
std::int64_t one_integer(const Tensor& tensor, const char* what);

// A list of that kind which an attribute gives in old versions and an input in newer ones. Constants are read once.
class Integers {
 public:
  Integers(const Node& node, int input, const char* attribute);
  bool given(const Call& call) const { return known_ || call.has(input_); }
  Shape list(const Call& call) const { return known_ ? list_ : few_integers(call.tensor(input_)); }

 private:
  bool known_ = false;
  int input_;
  Shape list_;
};

// 0 <= axis < rank, or throws.
int normal_axis(std::int64_t axis, int rank);

class Axes {
 public:
  // `input`: where the axes come from when the node has no attribute `axes`.
  Axes(const Node& node, int input) : axes_(node, input, "axes") {}
  bool given(const Call& call) const { return axes_.given(call); }
  int count(const Call& call) const { return list(call).rank(); }
  // One bit for each axis named; throws when one is out of range or named twice.
  std::uint32_t mask(const Call& call, int rank) const;

 private:
  Shape list(const Call& call) const { return given(call) ? axes_.list(call) : Shape{}; }
  Integers axes_;
};

}  // namespace sklort
