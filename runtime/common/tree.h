// A tree as every engine and device sees it. Compiled by g++ and by NVRTC alike: no library, internal linkage only.
//
// A row is first turned into unsigned *keys*, one for each column the forest reads, in the order of the numbers: x <= t exactly
// when key(x) <= key(t). Comparing integers makes NaN explicit and cannot be disturbed by flush-to-zero.
//   - -0.0 has the key of 0.0;
//   - a NaN has the highest key, so it goes right; a node that sends NaN left reads a second copy of the column, in which NaN has
//   key 0;
//   - column 0 is always 0.
// A node sends a row to `child`, or to `child + 1` when the row's key is above the node's: siblings are neighbours. A leaf reads
// column 0 and has itself as child, so that walking on from a leaf stays there, whatever its key: the key of a leaf is its
// *payload*, the number of its entry in the table of leaf values. Node 0 is the root.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define SKLORT_ANYWHERE __host__ __device__
#else
#define SKLORT_ANYWHERE
#endif

namespace sklort::tree {

// Bits 0-7: column; 8-31: child; 32-63: key.
using NarrowNode = std::uint64_t;
inline constexpr std::uint32_t narrow_columns = 1U << 8;
inline constexpr std::uint32_t narrow_nodes = 1U << 24;

struct WideNode {
  std::uint64_t key;
  std::uint32_t child;
  std::uint32_t column;
};

// Keys of no number: below -infinity, above +infinity, and what a NaN gets.
template <class Key>
inline constexpr Key key_nan_left = 0;
template <class Key>
inline constexpr Key key_never = 1;  // as a threshold: every number is above it
template <class Key>
inline constexpr Key key_always = static_cast<Key>(~Key{0} - 1);  // as a threshold: every number is at most it
template <class Key>
inline constexpr Key key_nan_right = static_cast<Key>(~Key{0});

static inline std::uint32_t key_of(float value, std::uint32_t nan) noexcept {
  if (value != value) return nan;
  value += 0.0F;  // -0.0 becomes 0.0
  std::uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
}

static inline std::uint64_t key_of(double value, std::uint64_t nan) noexcept {
  if (value != value) return nan;
  value += 0.0;
  std::uint64_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return (bits >> 63) != 0 ? ~bits : bits | 0x8000000000000000U;
}

// The same from the bits of the number, without arithmetic: for compilers that flush small numbers to zero.
SKLORT_ANYWHERE static inline std::uint32_t key_of_bits(std::uint32_t bits, std::uint32_t nan) noexcept {
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return nan;
  if (bits == 0x80000000U) bits = 0;
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
}

SKLORT_ANYWHERE static inline std::uint64_t key_of_bits(std::uint64_t bits, std::uint64_t nan) noexcept {
  if ((bits & 0x7FFFFFFFFFFFFFFFU) > 0x7FF0000000000000U) return nan;
  if (bits == 0x8000000000000000U) bits = 0;
  return (bits >> 63) != 0 ? ~bits : bits | 0x8000000000000000U;
}

static inline std::uint32_t step(const NarrowNode* nodes, std::uint32_t at, const std::uint32_t* keys) noexcept {
  const NarrowNode node = nodes[at];
  return (static_cast<std::uint32_t>(node) >> 8) + static_cast<std::uint32_t>(keys[node & 0xFF] > node >> 32);
}

static inline std::uint32_t step(const WideNode* nodes, std::uint32_t at, const std::uint64_t* keys) noexcept {
  const WideNode& node = nodes[at];
  return node.child + static_cast<std::uint32_t>(keys[node.column] > node.key);
}

static inline std::uint32_t payload(const NarrowNode* nodes, std::uint32_t at) noexcept {
  return static_cast<std::uint32_t>(nodes[at] >> 32);
}

static inline std::uint32_t payload(const WideNode* nodes, std::uint32_t at) noexcept {
  return static_cast<std::uint32_t>(nodes[at].key);
}

}  // namespace sklort::tree
