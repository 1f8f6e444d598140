// MurmurHash3 (com.microsoft): Austin Appleby's 32-bit hash, of the bytes of each element, as in scikit-learn's FeatureHasher.
#include <bit>
#include <cstring>

#include "dispatch.h"
#include "op.h"
#include "text/batch.h"

namespace sklort {
namespace {

std::uint32_t mixed(std::uint32_t block) noexcept { return std::rotl(block * 0xcc9e2d51U, 15) * 0x1b873593U; }

std::uint32_t hash_of(const void* data, std::size_t size, std::uint32_t seed) noexcept {
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::uint32_t hash = seed;
  std::size_t at = 0;
  for (; at + 4 <= size; at += 4) {
    // Blocks are little-endian numbers on every machine.
    const std::uint32_t block = static_cast<std::uint32_t>(bytes[at]) | static_cast<std::uint32_t>(bytes[at + 1]) << 8 |
                                static_cast<std::uint32_t>(bytes[at + 2]) << 16 | static_cast<std::uint32_t>(bytes[at + 3]) << 24;
    hash = std::rotl(hash ^ mixed(block), 13) * 5 + 0xe6546b64U;
  }
  std::uint32_t rest = 0;
  for (std::size_t i = size; i > at; --i) rest = rest << 8 | bytes[i - 1];
  if (at < size) hash ^= mixed(rest);
  hash ^= static_cast<std::uint32_t>(size);
  hash = (hash ^ hash >> 16) * 0x85ebca6bU;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35U;
  return hash ^ hash >> 16;
}

class MurmurHash3 final : public Op {
 public:
  explicit MurmurHash3(const Node& node)
      : seed_(static_cast<std::uint32_t>(node.integer("seed", 0))),
        result_(node.integer("positive", 1) != 0 ? DType::uint32 : DType::int32) {}

  void run(Call& call) const override {
    const Tensor& keys = call.tensor(0);
    const std::int64_t count = keys.count();
    auto* out = static_cast<std::uint32_t*>(call.allocate(0, result_, keys.shape).data);
    if (keys.dtype == DType::string) {
      const auto* texts = keys.as<std::string_view>();
      parallel(count, 4096, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t i = first; i < last; ++i) out[i] = hash_of(texts[i].data(), texts[i].size(), seed_);
      });
      return;
    }
    const std::size_t size = item_size(keys.dtype);
    if (size != 4 && size != 8)
      fail("element type ", dtype_name(keys.dtype), " is not supported here; 32 and 64 bits and strings are");
    const auto* bytes = static_cast<const unsigned char*>(keys.data);
    for (std::int64_t i = 0; i < count; ++i) out[i] = hash_of(bytes + static_cast<std::size_t>(i) * size, size, seed_);
  }

  DType result(int, std::span<const DType>) const override { return result_; }

 private:
  std::uint32_t seed_;
  DType result_;
};

std::unique_ptr<Op> prepare(const Node& node) { return std::make_unique<MurmurHash3>(node); }

const Registration murmur_hash3{"com.microsoft", "MurmurHash3", 1, any_version, prepare};

}  // namespace
}  // namespace sklort
