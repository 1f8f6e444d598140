// Arrow's C stream interface: how columns of other libraries are read in place. The three structures are Arrow's ABI.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sklort {

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema*);
  int (*get_next)(ArrowArrayStream*, ArrowArray*);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

// What an object's `__arrow_c_stream__` gives; released with this.
class ArrowData {
 public:
  ArrowData() = default;
  ArrowData(const ArrowData&) = delete;
  ArrowData& operator=(const ArrowData&) = delete;
  ~ArrowData();

  // False, without an exception, when the object has no stream, or one that breaks.
  bool read(PyObject* object);
  const ArrowSchema& schema() const noexcept { return schema_; }
  std::span<const ArrowArray> pieces() const noexcept { return pieces_; }

 private:
  ArrowSchema schema_{};
  std::vector<ArrowArray> pieces_;
};

// Whether no element in [offset, offset + length) is null, as far as can be told without counting.
bool has_no_nulls(const ArrowArray& array) noexcept;

// Whether a text begins with U+FDD0, as the words for missing strings do (graph/missing.py): Python looks at it.
inline bool is_reserved(std::string_view text) noexcept { return text.starts_with("\xEF\xB7\x90"); }

// The text of each element of a string array; false for other types and where one is reserved. A null is `null`, or false where
// that is empty. The views last as long as the array and `null`.
bool read_texts(const ArrowSchema& schema, const ArrowArray& array, std::string_view null, std::vector<std::string_view>& texts);

}  // namespace sklort
