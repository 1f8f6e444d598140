#include "value.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>

#include "error.h"

namespace sklort {

const char* dtype_name(DType dtype) noexcept {
  constexpr std::array names = {"undefined", "float",  "uint8",     "int8",       "uint16",  "int16",
                                "int32",     "int64",  "string",    "bool",       "float16", "double",
                                "uint32",    "uint64", "complex64", "complex128", "bfloat16"};
  const auto index = static_cast<std::size_t>(dtype);
  return index < names.size() ? names[index] : "unknown";
}

const char* kind_name(Value::Kind kind) noexcept {
  switch (kind) {
    case Value::Kind::none:
      return "nothing";
    case Value::Kind::tensor:
      return "a tensor";
    case Value::Kind::sequence:
      return "a sequence";
    case Value::Kind::map:
      return "a map";
    case Value::Kind::table:
      return "a sequence of maps";
  }
  return "unknown";
}

void Shape::push(std::int64_t dim) {
  if (rank_ == max_rank) throw Error(Status::fail, "a tensor of more than 8 dimensions is not supported");
  dims_[static_cast<std::size_t>(rank_++)] = dim;
}

bool Shape::operator==(const Shape& other) const noexcept { return std::ranges::equal(dims(), other.dims()); }

void BufferRef::give_back() noexcept { buffer_->home->put(buffer_); }

BufferPool::~BufferPool() {
  for (const auto& buffer : all_) std::free(buffer->data);
}

namespace {

constexpr std::size_t alignment = 64;

void* allocate(std::size_t bytes) {
  const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  if (rounded < bytes) throw std::bad_alloc();
  void* data = std::aligned_alloc(alignment, rounded);
  if (data == nullptr) throw std::bad_alloc();
  return data;
}

}  // namespace

Buffer* BufferPool::take(std::size_t bytes, bool reusable) {
  if (reusable) {
    // The smallest that fits; a buffer more than 16 times too large stays for a value that needs it.
    auto best = free_.end();
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      if ((*it)->capacity < bytes || (*it)->capacity / 16 > std::max(bytes, alignment)) continue;
      if (best == free_.end() || (*it)->capacity < (*best)->capacity) best = it;
    }
    if (best != free_.end()) {
      Buffer* found = *best;
      *best = free_.back();
      free_.pop_back();
      return found;
    }
  }
  Buffer* buffer = nullptr;
  if (!hollow_.empty()) {
    buffer = hollow_.back();
  } else {
    // Grown here, so that `put`, which may not fail, never grows them.
    all_.reserve(all_.size() + 1);
    free_.reserve(all_.size() + 1);
    hollow_.reserve(all_.size() + 1);
    all_.push_back(std::make_unique<Buffer>());
    buffer = all_.back().get();
    buffer->home = this;
    hollow_.push_back(buffer);
  }
  buffer->data = allocate(bytes);
  hollow_.pop_back();
  buffer->capacity = bytes;
  buffer->reusable = reusable;
  return buffer;
}

void BufferPool::put(Buffer* buffer) noexcept {
  if (buffer->reusable && buffer->data != nullptr) {
    free_.push_back(buffer);
    return;
  }
  std::free(buffer->data);
  buffer->data = nullptr;
  hollow_.push_back(buffer);
}

}  // namespace sklort
