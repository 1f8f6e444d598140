// pandas: the blocks of a frame are read where they lie.
//
// The blocks are no public interface. So everything is looked at before it is believed (types, shapes, places), whatever is
// missing or different declines the frame, and Python compares what a new reader reads with what pandas itself gives before the
// reader is used.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "arrow.h"
#include "table.h"

namespace nb = nanobind;

namespace sklort {

namespace {

// An attribute, or an empty object without an exception.
nb::object attribute(nb::handle object, PyObject* name) noexcept {
  PyObject* found = PyObject_GetAttr(object.ptr(), name);
  if (found == nullptr) PyErr_Clear();
  return nb::steal(found);
}

struct Names {
  PyObject* manager = PyUnicode_InternFromString("_mgr");
  PyObject* axes = PyUnicode_InternFromString("axes");
  PyObject* blocks = PyUnicode_InternFromString("blocks");
  PyObject* values = PyUnicode_InternFromString("values");
  PyObject* places = PyUnicode_InternFromString("_mgr_locs");
  PyObject* indexer = PyUnicode_InternFromString("indexer");
  PyObject* data = PyUnicode_InternFromString("_data");
  PyObject* arrow = PyUnicode_InternFromString("_pa_array");
  PyObject* array = PyUnicode_InternFromString("_ndarray");
  PyObject* equals = PyUnicode_InternFromString("equals");
};

const Names& names() {
  static const Names known;
  return known;
}

PyArrayObject* as_array(nb::handle object) noexcept { return reinterpret_cast<PyArrayObject*>(object.ptr()); }

// Strings of an array of objects; false unless every element is exactly a `str`, or missing where there is a word for that.
bool read_objects(const char* element, std::int64_t stride, std::int64_t count, const Wanted& wanted,
                  std::vector<std::string_view>& texts, Keep& keep) {
  for (std::int64_t i = 0; i < count; ++i, element += stride) {
    PyObject* object = nullptr;
    std::memcpy(&object, element, sizeof(object));
    if (object == nullptr) return false;
    if (!PyUnicode_CheckExact(object)) {
      const bool nan = PyFloat_Check(object) && std::isnan(PyFloat_AS_DOUBLE(object));
      const std::string* word = object == Py_None ? &wanted.none : nan ? &wanted.nan : nullptr;
      if (word == nullptr || word->empty()) return false;
      texts.emplace_back(*word);
      continue;
    }
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(object, &size);
    if (text == nullptr) {  // a lone surrogate
      PyErr_Clear();
      return false;
    }
    keep.object(nb::borrow(object));
    texts.emplace_back(text, static_cast<std::size_t>(size));
    if (is_reserved(texts.back())) return false;
  }
  return true;
}

struct Texts {
  ArrowData data;
  std::vector<std::string_view> views;
};

// Strings of a pandas array of strings (one dimension), on Arrow or on NumPy; false for other arrays, and for missing values
// without a word.
bool read_string_array(nb::handle array, const Wanted& wanted, std::vector<std::string_view>& texts, ArrowData& data,
                       Keep& keep) {
  if (const nb::object arrow = attribute(array, names().arrow); arrow.is_valid()) {
    return data.read(arrow.ptr()) && std::ranges::all_of(data.pieces(), [&](const ArrowArray& piece) {
             return read_texts(data.schema(), piece, wanted.nan, texts);
           });
  }
  const nb::object inner = PyArray_CheckExact(array.ptr()) ? nb::borrow(array) : attribute(array, names().array);
  if (!inner.is_valid() || !PyArray_CheckExact(inner.ptr())) return false;
  PyArrayObject* objects = as_array(inner);
  if (PyArray_NDIM(objects) != 1 || PyArray_TYPE(objects) != NPY_OBJECT) return false;
  return read_objects(PyArray_BYTES(objects), PyArray_STRIDE(objects, 0), PyArray_DIM(objects, 0), wanted, texts, keep);
}

class PandasSource final : public TableSource {
 public:
  explicit PandasSource(nb::object columns) : columns_(std::move(columns)) {
    Texts texts;
    Keep keep;
    if (const nb::object data = attribute(columns_, names().data);
        data.is_valid() && read_string_array(data, {}, texts.views, texts.data, keep)) {
      names_.assign(texts.views.begin(), texts.views.end());
    }
  }

  bool read(PyObject* frame, const std::vector<Wanted>& wanted, Table& table, Keep& keep) override {
    const nb::object manager = attribute(frame, names().manager);
    if (!manager.is_valid()) return false;
    const nb::object axes = attribute(manager, names().axes);
    const nb::object blocks = attribute(manager, names().blocks);
    if (!axes.is_valid() || !PyList_CheckExact(axes.ptr()) || PyList_GET_SIZE(axes.ptr()) != 2) return false;
    if (!blocks.is_valid() || !PyTuple_CheckExact(blocks.ptr())) return false;
    if (!has_columns(nb::borrow(PyList_GET_ITEM(axes.ptr(), 0)))) return false;
    std::size_t placed = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(blocks.ptr()); ++i) {
      if (!read_block(PyTuple_GET_ITEM(blocks.ptr(), i), wanted, table, placed, keep)) return false;
    }
    return placed == wanted.size();  // with no place taken twice: every column
  }

 private:
  bool has_columns(nb::object columns) {
    if (columns.is(columns_)) return true;
    if (Py_TYPE(columns.ptr()) != Py_TYPE(columns_.ptr())) return false;
    if (!names_.empty()) {
      Texts texts;
      Keep keep;
      const nb::object data = attribute(columns, names().data);
      if (!data.is_valid() || !read_string_array(data, {}, texts.views, texts.data, keep)) return false;
      if (!std::equal(texts.views.begin(), texts.views.end(), names_.begin(), names_.end())) return false;
    } else {
      const nb::object same = nb::steal(PyObject_CallMethodOneArg(columns.ptr(), names().equals, columns_.ptr()));
      if (!same.is_valid()) PyErr_Clear();
      if (!same.is_valid() || same.ptr() != Py_True) return false;
    }
    columns_ = std::move(columns);  // an Index never changes: the next frame with it needs no look
    return true;
  }

  bool read_block(nb::handle block, const std::vector<Wanted>& wanted, Table& table, std::size_t& placed, Keep& keep) {
    const nb::object values = attribute(block, names().values);
    const nb::object places = attribute(block, names().places);
    if (!values.is_valid() || !places.is_valid()) return false;
    const nb::object indexer = attribute(places, names().indexer);
    if (!indexer.is_valid()) return false;
    const bool plain = PyArray_CheckExact(values.ptr()) != 0;
    if (plain && PyArray_NDIM(as_array(values)) != 2) return false;
    const std::int64_t height = plain ? PyArray_DIM(as_array(values), 0) : 1;
    keep.object(values);
    // The columns of the frame that are the rows of this block.
    Py_ssize_t start = 0;
    Py_ssize_t stop = 0;
    Py_ssize_t step = 1;
    const npy_intp* listed = nullptr;
    if (PySlice_Check(indexer.ptr())) {
      if (PySlice_Unpack(indexer.ptr(), &start, &stop, &step) != 0) {
        PyErr_Clear();
        return false;
      }
      if (step < 1 || start < 0 || stop < start || (stop - start + step - 1) / step != height) return false;
    } else {
      if (!PyArray_CheckExact(indexer.ptr())) return false;
      PyArrayObject* array = as_array(indexer);
      if (PyArray_NDIM(array) != 1 || PyArray_DIM(array, 0) != height || PyArray_TYPE(array) != NPY_INTP ||
          !PyArray_ISCARRAY_RO(array)) {
        return false;
      }
      listed = static_cast<const npy_intp*>(PyArray_DATA(array));
    }
    for (std::int64_t row = 0; row < height; ++row) {
      const auto place = static_cast<std::size_t>(listed != nullptr ? listed[row] : start + row * step);
      if (place >= wanted.size()) return false;
      ++placed;
      const Wanted& asked = wanted[place];
      if (asked.dtype == DType::undefined) continue;
      TableColumn& column = table.columns[place];
      if (column.dtype != DType::undefined) return false;  // taken
      column.dtype = asked.dtype;
      if (!(plain ? read_row(as_array(values), row, asked, column, table, keep) : read_array(values, asked, column, table, keep)))
        return false;
    }
    return true;
  }

  static bool read_row(PyArrayObject* values, std::int64_t row, const Wanted& wanted, TableColumn& column, Table& table,
                       Keep& keep) {
    if (!table.agree(PyArray_DIM(values, 1)) || dtype_from_numpy(PyArray_DESCR(values)) != column.dtype) return false;
    if (!PyArray_ISNOTSWAPPED(values)) return false;
    column.data = PyArray_BYTES(values) + row * PyArray_STRIDE(values, 0);
    column.stride = PyArray_STRIDE(values, 1);
    if (column.dtype != DType::string) return true;
    if (PyArray_TYPE(values) != NPY_OBJECT) return false;
    const auto texts = std::make_shared<std::vector<std::string_view>>();
    if (!read_objects(column.data, column.stride, table.rows, wanted, *texts, keep)) return false;
    column.texts = keep.hold(texts)->data();
    return true;
  }

  static bool read_array(nb::handle values, const Wanted& wanted, TableColumn& column, Table& table, Keep& keep) {
    if (column.dtype != DType::string) return false;
    const auto texts = std::make_shared<Texts>();
    if (!read_string_array(values, wanted, texts->views, texts->data, keep)) return false;
    column.texts = keep.hold(texts)->views.data();
    return table.agree(static_cast<std::int64_t>(texts->views.size()));
  }

  nb::object columns_;
  std::vector<std::string> names_;  // empty when they are not all strings
};

}  // namespace

std::unique_ptr<TableSource> pandas_source(nb::object columns) { return std::make_unique<PandasSource>(std::move(columns)); }

}  // namespace sklort
