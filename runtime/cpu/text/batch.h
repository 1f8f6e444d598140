// The texts of a batch, worked on in parallel.
#pragma once

#include <atomic>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "op.h"
#include "threads.h"

namespace sklort::text {

// Throws unless the input is a tensor of strings.
inline std::span<const std::string_view> texts_of(const Call& call, int input) {
  const Tensor& tensor = call.tensor(input);
  if (tensor.dtype != DType::string) fail("input ", input, " must be tensor(string), got tensor(", dtype_name(tensor.dtype), ")");
  return tensor.span<std::string_view>();
}

inline constexpr std::int64_t texts_a_chunk = 32;
inline constexpr std::size_t bytes_worth_threads = 32'768;

// Calls body(chunk, first, last), which may run out of memory, for every chunk.
template <class Body>
void in_chunks(Call& call, std::span<const std::string_view> texts, Body&& body) {
  std::size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size();
  std::atomic<bool> failed = false;
  const auto count = static_cast<std::int64_t>(texts.size());
  parallel(count, texts_a_chunk, bytes < bytes_worth_threads ? 1 : call.threads(),
           [&](std::int64_t first, std::int64_t last) noexcept {
             try {
               body(static_cast<std::size_t>(first / texts_a_chunk), first, last);
             } catch (...) {
               failed.store(true, std::memory_order_relaxed);
             }
           });
  if (failed.load()) throw std::bad_alloc();
}

inline std::size_t chunks_of(std::size_t texts) noexcept { return texts / static_cast<std::size_t>(texts_a_chunk) + 1; }

// out[i] becomes what append(texts[i], storage) appends to the storage.
template <class Append>
void make_texts(Call& call, std::span<const std::string_view> texts, std::string_view* out, Append&& append) {
  std::vector<std::string> storage(chunks_of(texts.size()));
  std::vector<std::int64_t> ends(storage.size(), 0);
  auto* sizes = call.scratch_of<std::size_t>(static_cast<std::int64_t>(texts.size()));
  in_chunks(call, texts, [&](std::size_t chunk, std::int64_t first, std::int64_t last) {
    std::string& made = storage[chunk];
    ends[chunk] = last;
    std::size_t bytes = 0;
    for (std::int64_t i = first; i < last; ++i) bytes += texts[static_cast<std::size_t>(i)].size();
    made.reserve(bytes + 16);
    for (std::int64_t i = first; i < last; ++i) {
      const std::size_t before = made.size();
      append(texts[static_cast<std::size_t>(i)], made);
      sizes[i] = made.size() - before;
    }
  });
  std::int64_t i = 0;
  for (std::size_t chunk = 0; chunk < storage.size(); ++chunk) {
    const std::string_view kept = call.keep(std::move(storage[chunk]));
    for (std::size_t at = 0; i < ends[chunk]; ++i) {
      out[i] = kept.substr(at, sizes[i]);
      at += sizes[i];
    }
  }
}

// The pieces of every text: rows of different lengths.
class Pieces {
 public:
  // Calls make() once for each chunk, for what one thread writes, and then cut(text, pieces, made) for each text.
  template <class Make, class Cut>
  Pieces(Call& call, std::span<const std::string_view> texts, Make&& make, Cut&& cut)
      : counts_(texts.size()), chunks_(chunks_of(texts.size())) {
    in_chunks(call, texts, [&](std::size_t chunk, std::int64_t first, std::int64_t last) {
      auto made = make();
      std::vector<std::string_view>& pieces = chunks_[chunk];
      for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
        const std::size_t before = pieces.size();
        cut(texts[i], pieces, made);
        counts_[i] = static_cast<std::int64_t>(pieces.size() - before);
      }
    });
  }

  std::span<const std::int64_t> counts() const noexcept { return counts_; }
  std::int64_t widest() const noexcept {
    std::int64_t most = 0;
    for (const std::int64_t count : counts_) most = count > most ? count : most;
    return most;
  }
  // Calls visit(text, pieces) for each text in order.
  template <class Visit>
  void each(Visit&& visit) const {
    std::size_t chunk = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      const auto count = static_cast<std::size_t>(counts_[i]);
      while (count > 0 && at == chunks_[chunk].size()) {
        ++chunk;
        at = 0;
      }
      visit(i, count == 0 ? std::span<const std::string_view>() : std::span(chunks_[chunk]).subspan(at, count));
      at += count;
    }
  }

 private:
  std::vector<std::int64_t> counts_;
  std::vector<std::vector<std::string_view>> chunks_;
};

}  // namespace sklort::text
