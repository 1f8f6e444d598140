// What flows between the steps of a program: tensors of every ONNX element type, strings, sequences and maps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace sklort {

// Element types with the numbers of onnx.TensorProto.DataType.
enum class DType : std::uint8_t {
  undefined = 0,
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  string = 8,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  complex64 = 14,
  complex128 = 15,
  bfloat16 = 16,
};

// Bytes of one element; 0 for a type this runtime does not store. A string element is a std::string_view.
constexpr std::size_t item_size(DType dtype) noexcept;
// The name inside onnxruntime's "tensor(...)".
const char* dtype_name(DType dtype) noexcept;

template <class T>
struct dtype_of;
template <>
struct dtype_of<float> : std::integral_constant<DType, DType::float32> {};
template <>
struct dtype_of<double> : std::integral_constant<DType, DType::float64> {};
template <>
struct dtype_of<std::int8_t> : std::integral_constant<DType, DType::int8> {};
template <>
struct dtype_of<std::int16_t> : std::integral_constant<DType, DType::int16> {};
template <>
struct dtype_of<std::int32_t> : std::integral_constant<DType, DType::int32> {};
template <>
struct dtype_of<std::int64_t> : std::integral_constant<DType, DType::int64> {};
template <>
struct dtype_of<std::uint8_t> : std::integral_constant<DType, DType::uint8> {};
template <>
struct dtype_of<std::uint16_t> : std::integral_constant<DType, DType::uint16> {};
template <>
struct dtype_of<std::uint32_t> : std::integral_constant<DType, DType::uint32> {};
template <>
struct dtype_of<std::uint64_t> : std::integral_constant<DType, DType::uint64> {};
template <>
struct dtype_of<bool> : std::integral_constant<DType, DType::boolean> {};
template <>
struct dtype_of<std::string_view> : std::integral_constant<DType, DType::string> {};

constexpr std::size_t item_size(DType dtype) noexcept {
  constexpr std::array<std::uint8_t, 17> sizes = {0, 4, 1, 1, 2, 2, 4, 8, sizeof(std::string_view), 1, 2, 8, 4, 8, 8, 16, 2};
  const auto index = static_cast<std::size_t>(dtype);
  return index < sizes.size() ? sizes[index] : 0;
}

// At most eight dimensions, held in place so that a shape never allocates.
class Shape {
 public:
  static constexpr int max_rank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) {
    for (const std::int64_t dim : dims) push(dim);
  }
  explicit Shape(std::span<const std::int64_t> dims) {
    for (const std::int64_t dim : dims) push(dim);
  }

  int rank() const noexcept { return rank_; }
  std::int64_t operator[](int axis) const noexcept { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t& operator[](int axis) noexcept { return dims_[static_cast<std::size_t>(axis)]; }
  void push(std::int64_t dim);  // throws when the shape is full
  std::int64_t count() const noexcept { return count(0, rank_); }
  // Product of the dimensions first <= axis < last.
  std::int64_t count(int first, int last) const noexcept {
    std::int64_t product = 1;
    for (int axis = first; axis < last; ++axis) product *= (*this)[axis];
    return product;
  }
  std::span<const std::int64_t> dims() const& noexcept { return {dims_.data(), static_cast<std::size_t>(rank_)}; }
  std::span<const std::int64_t> dims() const&& = delete;  // would outlive the shape
  bool operator==(const Shape& other) const noexcept;

 private:
  std::array<std::int64_t, max_rank> dims_{};
  int rank_ = 0;
};

// Memory that several values of one frame may share. The count is not atomic: a frame belongs to one thread at a time.
struct Buffer {
  void* data = nullptr;
  std::size_t capacity = 0;
  int references = 0;
  bool reusable = true;  // false: the memory leaves with a graph output
  class BufferPool* home = nullptr;
};

class BufferRef {
 public:
  BufferRef() = default;
  explicit BufferRef(Buffer* buffer) noexcept : buffer_(buffer) {
    if (buffer_ != nullptr) ++buffer_->references;
  }
  BufferRef(const BufferRef& other) noexcept : BufferRef(other.buffer_) {}
  BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  BufferRef& operator=(BufferRef other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~BufferRef() {
    if (buffer_ != nullptr && --buffer_->references == 0) give_back();
  }
  Buffer* get() const noexcept { return buffer_; }

 private:
  void give_back() noexcept;
  Buffer* buffer_ = nullptr;
};

// The buffers of one frame. A buffer that nobody refers to is taken again by the next value that fits, so a program that
// has run once at some batch size does not allocate when it runs again at that size.
class BufferPool {
 public:
  BufferPool() = default;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  Buffer* take(std::size_t bytes, bool reusable);  // throws std::bad_alloc
  void put(Buffer* buffer) noexcept;

 private:
  std::vector<std::unique_ptr<Buffer>> all_;
  std::vector<Buffer*> free_;    // with memory
  std::vector<Buffer*> hollow_;  // without
};

struct Tensor {
  DType dtype = DType::undefined;
  Shape shape;
  void* data = nullptr;
  BufferRef buffer;  // empty: the memory belongs to the caller or to the program

  std::int64_t count() const noexcept { return shape.count(); }
  std::size_t bytes() const noexcept { return static_cast<std::size_t>(count()) * item_size(dtype); }
  bool is_like(const Tensor& other) const noexcept { return dtype == other.dtype && shape == other.shape; }
  template <class T>
  T* as() noexcept {
    return static_cast<T*>(data);
  }
  template <class T>
  const T* as() const noexcept {
    return static_cast<const T*>(data);
  }
  template <class T>
  std::span<const T> span() const noexcept {
    return {as<T>(), static_cast<std::size_t>(count())};
  }
};

struct Composite;

struct Value {
  enum class Kind : std::uint8_t {
    none,      // an omitted optional value
    tensor,    // `tensor`
    sequence,  // composite->items
    map,       // composite->keys, composite->values: tensors of one dimension and equal length
    table,     // what ZipMap gives: composite->keys (columns) over composite->values (rows, columns)
  };

  Kind kind = Kind::none;
  Tensor tensor;
  std::shared_ptr<Composite> composite;

  static Value of(Tensor tensor) { return Value{Kind::tensor, std::move(tensor), nullptr}; }
};

struct Composite {
  std::vector<Value> items;
  Tensor keys;
  Tensor values;
};

const char* kind_name(Value::Kind kind) noexcept;

}  // namespace sklort
