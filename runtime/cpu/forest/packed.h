// A forest in the form the walk reads (common/tree.h): for one type of key.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "column.h"
#include "forest.h"
#include "gather.hot.h"
#include "op.h"
#include "tree.h"

namespace sklort::forest {

// Memory aligned for pairs of nodes.
template <class T>
class Aligned {
 public:
  void assign(const std::vector<T>& from);
  const T* data() const noexcept { return data_.get(); }
  std::size_t size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(T* memory) const noexcept;
  };
  std::unique_ptr<T[], Free> data_;
  std::size_t size_ = 0;
};

// Which loops follow the paths.
enum class Follow : std::uint8_t { plain, gather };

struct Tree {
  std::size_t first;    // its node 0
  std::size_t nodes;    // how many
  std::int32_t depth;   // branches on the longest path
  std::int32_t top;     // its upper levels: index into Packed::tops; -1: none
  bool even;            // the other paths are not much shorter
  std::int32_t target;  // of all its leaves, when the leaf table is one value wide
};

struct Packed {
  bool wide = false;   // keys of 64 bits, made of double, and WideNode; otherwise of 32 bits, made of float, and NarrowNode
  bool dense = false;  // the columns are features 0, 1, 2 ... with one treatment of NaN
  std::vector<Column> columns;  // the keys' columns 1, 2, ...; column 0 is the constant
  std::vector<Tree> trees;
  Aligned<tree::NarrowNode> narrow_nodes;
  Aligned<tree::WideNode> wide_nodes;
  std::vector<Top> tops;     // of the trees of narrow nodes that are deep enough
  std::int64_t width = 1;    // values for each entry of the leaf table: 1, or one for each target
  std::int32_t target = -1;  // of all trees, when width is 1 and they have one in common
  std::vector<double> values;
  double mean_depth = 0;
  std::int32_t deepest = 0;  // of any tree
  bool even = true;          // all trees are

  // Predicted nanoseconds for so many rows; the constants are measurements.
  double cost(std::int64_t rows, Follow how) const noexcept;

  // Fewer rows than this are taken one by one, each through all trees.
  std::int64_t few_rows(Follow how) const noexcept;

  // How many rows a tree should see before the next tree takes its place in the cache.
  std::int64_t block_rows() const noexcept;
  std::size_t bytes() const noexcept {
    return narrow_nodes.size() * sizeof(tree::NarrowNode) + wide_nodes.size() * sizeof(tree::WideNode) +
           values.size() * sizeof(double);
  }
};

// Row-major rows x targets sums. Packed for float rows, or (the second) for double ones.
void walk_sums(const Packed& packed, Follow how, Call& call, const float* rows, std::int64_t features, std::int64_t count,
               std::int64_t targets, double* sums);
void walk_sums(const Packed& packed, Follow how, Call& call, const double* rows, std::int64_t features, std::int64_t count,
               std::int64_t targets, double* sums);

// Whether this forest and this instruction set have the loops, and whether this processor is faster with them.
bool can_gather(const Packed& packed) noexcept;
Follow best_follow(const Packed& packed) noexcept;

// A sentence why the walk cannot take this forest; empty when it can.
std::string walk_refuses(const Forest& forest);

// For rows of float: every threshold is rounded so that each float goes the way it went in double. Nothing when the forest reads
// more than 255 columns or has a tree of 2^24 nodes.
std::optional<Packed> pack_narrow(const Forest& forest);
// For rows of double, or of float made double.
Packed pack_wide(const Forest& forest);

}  // namespace sklort::forest
