#include "arrow.h"

#include <cstring>

namespace nb = nanobind;

namespace sklort {

namespace {

bool is_format(const ArrowSchema& schema, const char* format) noexcept { return std::strcmp(schema.format, format) == 0; }

bool is_null(const ArrowArray& array, std::int64_t i) noexcept {
  const auto at = static_cast<std::uint64_t>(array.offset + i);
  return (static_cast<const unsigned char*>(array.buffers[0])[at / 8] >> at % 8 & 1) == 0;
}

template <class Offset>
std::string_view text_by_offsets(const ArrowArray& array, std::int64_t i) noexcept {
  const auto* offsets = static_cast<const Offset*>(array.buffers[1]) + array.offset + i;
  const auto size = static_cast<std::size_t>(offsets[1] - offsets[0]);
  return {size == 0 ? "" : static_cast<const char*>(array.buffers[2]) + offsets[0], size};
}

// Views of 16 bytes: a length, then up to 12 characters, or four of them, the number of a buffer and a place in it.
std::string_view text_by_view(const ArrowArray& array, std::int64_t i) noexcept {
  constexpr std::int32_t inlined = 12;
  const auto* view = static_cast<const char*>(array.buffers[1]) + (array.offset + i) * 16;
  std::int32_t words[4];
  std::memcpy(words, view, sizeof(words));
  const char* text = view + 4;
  if (words[0] > inlined) text = static_cast<const char*>(array.buffers[2 + words[2]]) + words[3];
  return {text, static_cast<std::size_t>(words[0])};
}

// `text(array, i)` of every element, or `null`; false where a text is reserved.
template <class Text>
bool append_texts(const ArrowArray& array, std::string_view null, std::vector<std::string_view>& texts, Text text) {
  const bool plain = has_no_nulls(array);
  for (std::int64_t i = 0; i < array.length; ++i) {
    if (!plain && is_null(array, i)) {
      texts.push_back(null);
      continue;
    }
    texts.push_back(text(array, i));
    if (is_reserved(texts.back())) return false;
  }
  return true;
}

}  // namespace

ArrowData::~ArrowData() {
  for (ArrowArray& piece : pieces_) piece.release(&piece);
  if (schema_.release != nullptr) schema_.release(&schema_);
}

bool ArrowData::read(PyObject* object) {
  static PyObject* const name = PyUnicode_InternFromString("__arrow_c_stream__");
  const nb::object capsule = nb::steal(PyObject_CallMethodNoArgs(object, name));
  if (!capsule.is_valid()) {
    PyErr_Clear();
    return false;
  }
  auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule.ptr(), "arrow_array_stream"));
  if (stream == nullptr || stream->release == nullptr) {
    PyErr_Clear();
    return false;
  }
  // The capsule releases the stream.
  if (stream->get_schema(stream, &schema_) != 0) return false;
  pieces_.reserve(1);
  for (;;) {
    ArrowArray piece{};
    if (stream->get_next(stream, &piece) != 0) return false;
    if (piece.release == nullptr) return true;
    try {
      pieces_.push_back(piece);
    } catch (...) {
      piece.release(&piece);
      throw;
    }
  }
}

bool has_no_nulls(const ArrowArray& array) noexcept {
  return array.null_count == 0 || (array.n_buffers > 0 && array.buffers[0] == nullptr);
}

bool read_texts(const ArrowSchema& schema, const ArrowArray& array, std::string_view null, std::vector<std::string_view>& texts) {
  if (schema.dictionary != nullptr || (null.empty() && !has_no_nulls(array))) return false;
  texts.reserve(texts.size() + static_cast<std::size_t>(array.length));
  if (is_format(schema, "U")) return append_texts(array, null, texts, text_by_offsets<std::int64_t>);
  if (is_format(schema, "u")) return append_texts(array, null, texts, text_by_offsets<std::int32_t>);
  return is_format(schema, "vu") && append_texts(array, null, texts, text_by_view);
}

}  // namespace sklort
