// Numbers to keys (common/tree.h), and one row's way down a tree.
#pragma once

#include "device.cuh"
#include "tree.h"

namespace sklort::cuda {

// A matrix where it lies: any strides, in elements.
template <class Value>
struct Rows {
  const Value* data;
  std::int64_t row_stride;
  std::int64_t column_stride;
  std::int64_t count;

  __device__ __forceinline__ Value at(std::int64_t row, std::int64_t column) const {
    return data[row * row_stride + column * column_stride];
  }
};

template <class Key, class Value>
struct KeyOf;
template <>
struct KeyOf<std::uint32_t, float> {
  __device__ static __forceinline__ std::uint32_t of(float x, std::uint32_t nan) {
    return tree::key_of_bits(bits_as<std::uint32_t>(x), nan);
  }
};
template <class Value>
struct KeyOf<std::uint64_t, Value> {
  __device__ static __forceinline__ std::uint64_t of(Value x, std::uint64_t nan) {
    return tree::key_of_bits(bits_as<std::uint64_t>(wide(x)), nan);
  }
};

// What a NaN becomes in a column.
template <class Key>
__device__ __forceinline__ Key nan_key(std::int32_t left) {
  return left != 0 ? Key{0} : static_cast<Key>(~Key{0});
}

template <class Key>
struct Nodes;

template <>
struct Nodes<std::uint32_t> {
  using Node = tree::NarrowNode;
  __device__ static __forceinline__ std::uint32_t column(Node node) { return static_cast<std::uint32_t>(node) & 0xFFU; }
  __device__ static __forceinline__ std::uint32_t child(Node node) { return static_cast<std::uint32_t>(node) >> 8; }
  __device__ static __forceinline__ std::uint32_t key(Node node) { return static_cast<std::uint32_t>(node >> 32); }
  __device__ static __forceinline__ Node load(const Node* from) { return __ldg(from); }
};

template <>
struct Nodes<std::uint64_t> {
  using Node = tree::WideNode;
  __device__ static __forceinline__ std::uint32_t column(const Node& node) { return node.column; }
  __device__ static __forceinline__ std::uint32_t child(const Node& node) { return node.child; }
  __device__ static __forceinline__ std::uint64_t key(const Node& node) { return node.key; }
  __device__ static __forceinline__ Node load(const Node* from) {
    const ulonglong2 words = __ldg(reinterpret_cast<const ulonglong2*>(from));
    return {words.x, static_cast<std::uint32_t>(words.y), static_cast<std::uint32_t>(words.y >> 32)};
  }
};

}  // namespace sklort::cuda
