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
  __device__ static __forceinline__ std::uint32_t next(Node node, std::uint32_t) { return child(node); }
  __device__ static __forceinline__ Node load(const Node* from) { return __ldg(from); }
};

template <>
struct Nodes<std::uint64_t> {
  using Node = tree::WideNode;
  __device__ static __forceinline__ std::uint32_t column(const Node& node) { return node.column; }
  __device__ static __forceinline__ std::uint32_t child(const Node& node) { return node.child; }
  __device__ static __forceinline__ std::uint64_t key(const Node& node) { return node.key; }
  __device__ static __forceinline__ std::uint32_t next(const Node& node, std::uint32_t) { return node.child; }
  __device__ static __forceinline__ Node load(const Node* from) {
    const ulonglong2 words = __ldg(reinterpret_cast<const ulonglong2*>(from));
    return {words.x, static_cast<std::uint32_t>(words.y), static_cast<std::uint32_t>(words.y >> 32)};
  }
};

// Rank-coded (sklort/providers/cuda/forest_ranks.py): bits 0-11 the rank of the threshold among those of its column, 12-21 the
// column, 22-31 how far it is to the children. A row's code in a column is how many thresholds are below its key, so that it goes
// right when its code is above the rank. A leaf has distance 0, and its entry of the leaf table is in a table of its own.
template <>
struct Nodes<std::uint16_t> {
  using Node = std::uint32_t;
  __device__ static __forceinline__ std::uint32_t column(Node node) { return node >> 12 & 0x3FFU; }
  __device__ static __forceinline__ std::uint32_t key(Node node) { return node & 0xFFFU; }
  __device__ static __forceinline__ std::uint32_t next(Node node, std::uint32_t at) { return at + (node >> 22); }
  __device__ static __forceinline__ Node load(const Node* from) { return __ldg(from); }
};

}  // namespace sklort::cuda
