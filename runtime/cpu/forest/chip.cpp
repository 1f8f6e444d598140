#include "chip.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <mutex>
#include <vector>

#include "gather.hot.h"
#include "isa.h"
#include "walk.hot.h"

namespace sklort::forest {

SKLORT_DECLARE(WalkLoops, walk_loops)
SKLORT_DECLARE(GatherLoops, gather_loops)

namespace {

// A complete tree of ten levels whose paths look random, and rows of eight keys.
struct Sample {
  static constexpr std::uint32_t depth = 10;
  static constexpr std::int64_t rows = 128;
  static constexpr std::int64_t stride = 9;

  Sample() : nodes(std::size_t{2} << depth), keys(rows * stride), payloads(rows) {
    std::uint64_t random = 1;
    const auto next = [&random]() noexcept {
      random = random * 6364136223846793005U + 1442695040888963407U;
      return static_cast<std::uint32_t>(random >> 33);
    };
    constexpr std::uint32_t half = std::numeric_limits<std::uint32_t>::max() / 4;  // of what `next` gives
    for (std::uint32_t heap = 1; heap < 1U << depth; ++heap) {
      nodes[heap == 1 ? 0 : heap] = std::uint64_t{half} << 32 | std::uint64_t{2 * heap} << 8 | (1 + next() % 8);
    }
    for (std::uint32_t heap = 1U << depth; heap < 2U << depth; ++heap) nodes[heap] = std::uint64_t{heap} << 32 | heap << 8;
    for (std::uint32_t& key : keys) key = next();
    std::ranges::fill(top.column, 1U);
    std::ranges::fill(top.limit, half);
    for (std::uint32_t i = 0; i < Top::size; ++i) top.exit[i] = Top::size + i;
    for (std::int64_t row = 0; row < rows; ++row) keys[static_cast<std::size_t>(row * stride)] = 0;
  }

  std::vector<tree::NarrowNode> nodes;
  std::vector<std::uint32_t> keys;
  std::vector<std::uint32_t> payloads;
  Top top{};
};

template <class Work>
double least_seconds(Work work) {
  double least = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 8; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return least;
}

bool measure() {
  const GatherLoops& gather = SKLORT_CHOOSE(gather_loops);
  if (gather.tree == nullptr) return false;
  const WalkLoops& walk = SKLORT_CHOOSE(walk_loops);
  Sample sample;
  const double plain = least_seconds([&] {
    walk.tree_narrow(sample.nodes.data(), sample.keys.data(), Sample::stride, Sample::rows, Sample::depth,
                     sample.payloads.data());
  });
  const double gathered = least_seconds([&] {
    gather.tree(sample.nodes.data(), &sample.top, sample.keys.data(), Sample::stride, Sample::rows, Sample::depth, true,
                sample.payloads.data());
  });
  return gathered < plain;
}

}  // namespace

bool gathers_are_fast() {
  static std::mutex mutex;
  static std::array<int, 3> known{};  // 0: not measured; 1: no; 2: yes
  const std::lock_guard lock(mutex);
  int& answer = known.at(static_cast<std::size_t>(current_isa()));
  if (answer == 0) answer = measure() ? 2 : 1;
  return answer == 2;
}

std::size_t second_level_cache() noexcept {
  static const std::size_t size = [] {
    constexpr long usual = 1L << 20;
#if defined(_SC_LEVEL2_CACHE_SIZE)
    const long told = sysconf(_SC_LEVEL2_CACHE_SIZE);
#else
    const long told = 0;
#endif
    return static_cast<std::size_t>(told > 0 ? told : usual);
  }();
  return size;
}

}  // namespace sklort::forest
