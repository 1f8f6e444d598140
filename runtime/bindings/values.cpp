#include "values.h"

#include <cstring>
#include <string_view>

#include "convert.h"
#include "signals.h"

namespace nb = nanobind;

namespace sklort {

namespace {

PyArrayObject* as_array(nb::handle object) noexcept { return reinterpret_cast<PyArrayObject*>(object.ptr()); }

[[noreturn]] void python_error() { throw nb::python_error(); }

nb::object steal(PyObject* object) {
  if (object == nullptr) python_error();
  return nb::steal(object);
}

std::string python_type(nb::handle object) { return Py_TYPE(object.ptr())->tp_name; }

bool is_bfloat16(PyArray_Descr* descr) noexcept {
  return PyDataType_ELSIZE(descr) == 2 && descr->typeobj != nullptr &&
         std::string_view(descr->typeobj->tp_name).ends_with("bfloat16");
}

// The UTF-8 of an element of an object array. Text is viewed in place; anything else is what str() makes of it.
std::string_view text_of(PyObject* element, Keep& keep) {
  nb::object text = nb::borrow(element);
  if (!PyUnicode_Check(element)) text = steal(PyObject_Str(element));
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (data == nullptr) python_error();
  keep.object(std::move(text));  // another thread may replace the element while the program runs
  return {data, static_cast<std::size_t>(size)};
}

std::string_view* new_texts(std::size_t count, Keep& keep) {
  return keep.hold(std::shared_ptr<std::string_view>(new std::string_view[count], std::default_delete<std::string_view[]>()));
}

Shape shape_of(PyArrayObject* array) {
  Shape shape;
  for (int axis = 0; axis < PyArray_NDIM(array); ++axis) shape.push(PyArray_DIM(array, axis));
  return shape;
}

Tensor texts_from_objects(PyArrayObject* array, Keep& keep) {
  const nb::object flat = steal(PyArray_FROM_OTF(reinterpret_cast<PyObject*>(array), NPY_OBJECT, NPY_ARRAY_CARRAY_RO));
  const Shape shape = shape_of(array);
  const auto count = static_cast<std::size_t>(shape.count());
  std::string_view* texts = new_texts(count, keep);
  auto* const* elements = static_cast<PyObject* const*>(PyArray_DATA(as_array(flat)));
  Pulse pulse;
  for (std::size_t i = 0; i < count; ++i) {
    pulse.beat();
    texts[i] = text_of(elements[i] == nullptr ? Py_None : elements[i], keep);
  }
  return {DType::string, shape, texts, {}};
}

// Fixed-width 'U' and 'S': each element read within its width, trailing NULs dropped as NumPy does.
Tensor texts_from_fixed(PyArrayObject* array, bool wide, Keep& keep) {
  const int type = wide ? NPY_UNICODE : NPY_STRING;
  const nb::object flat =
      steal(PyArray_FROM_OTF(reinterpret_cast<PyObject*>(array), type, NPY_ARRAY_CARRAY_RO | NPY_ARRAY_NOTSWAPPED));
  const Shape shape = shape_of(array);
  const auto count = static_cast<std::size_t>(shape.count());
  const auto width = static_cast<std::size_t>(PyArray_ITEMSIZE(as_array(flat)));
  const char* item = static_cast<const char*>(PyArray_DATA(as_array(flat)));
  std::string_view* texts = new_texts(count, keep);
  Pulse pulse;
  for (std::size_t i = 0; i < count; ++i, item += width) {
    pulse.beat();
    nb::object text;
    if (wide) {
      const auto* code = reinterpret_cast<const Py_UCS4*>(item);
      std::size_t length = width / sizeof(Py_UCS4);
      while (length > 0 && code[length - 1] == 0) --length;
      text = steal(PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, code, static_cast<Py_ssize_t>(length)));
    } else {
      std::size_t length = width;
      while (length > 0 && item[length - 1] == 0) --length;
      text = steal(PyUnicode_DecodeUTF8(item, static_cast<Py_ssize_t>(length), nullptr));
    }
    texts[i] = text_of(text.ptr(), keep);
  }
  return {DType::string, shape, texts, {}};
}

bool is_text(nb::handle object) noexcept { return PyUnicode_Check(object.ptr()) != 0; }

// A dict as two tensors: keys of int64 or string, values of double, float32 arrays' own type, int64 or string.
Value map_from_dict(nb::handle object, Keep& keep) {
  const nb::object keys = steal(PyDict_Keys(object.ptr()));
  const nb::object values = steal(PyDict_Values(object.ptr()));
  const auto column = [&](const nb::object& list, const char* what) {
    bool texts = false;
    bool others = false;
    for (const nb::handle item : nb::borrow<nb::list>(list)) (is_text(item) ? texts : others) = true;
    if (texts && others)
      throw nb::type_error(sentence("the ", what, " of a map must be of one type, got text and numbers").c_str());
    PyArray_Descr* descr = texts ? PyArray_DescrFromType(NPY_OBJECT) : nullptr;
    const nb::object array = steal(PyArray_FromAny(list.ptr(), descr, 1, 1, NPY_ARRAY_CARRAY_RO, nullptr));
    keep.object(array);
    return tensor_from_array(as_array(array), keep);
  };
  auto composite = std::make_shared<Composite>();
  composite->keys = column(keys, "keys");
  composite->values = column(values, "values");
  if (composite->keys.count() == 0) composite->keys.dtype = DType::undefined;  // an empty dict has no key type
  return Value{Value::Kind::map, {}, std::move(composite)};
}

nb::object text_to_python(std::string_view text) {
  return steal(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
}

nb::object element_to_python(const Tensor& tensor, std::int64_t index) {
  switch (tensor.dtype) {
    case DType::string:
      return text_to_python(tensor.as<std::string_view>()[index]);
    case DType::int64:
      return steal(PyLong_FromLongLong(tensor.as<std::int64_t>()[index]));
    case DType::float32:
      return steal(PyFloat_FromDouble(static_cast<double>(tensor.as<float>()[index])));
    case DType::float64:
      return steal(PyFloat_FromDouble(tensor.as<double>()[index]));
    default:
      throw nb::type_error(sentence("a map cannot hold ", dtype_name(tensor.dtype)).c_str());
  }
}

nb::object array_to_python(const Tensor& tensor, void* owned) {
  npy_intp dims[Shape::max_rank];
  for (int axis = 0; axis < tensor.shape.rank(); ++axis) dims[axis] = static_cast<npy_intp>(tensor.shape[axis]);
  if (tensor.dtype == DType::string) {
    nb::object array = steal(PyArray_SimpleNew(tensor.shape.rank(), dims, NPY_OBJECT));
    auto** elements = static_cast<PyObject**>(PyArray_DATA(as_array(array)));
    const auto texts = tensor.span<std::string_view>();
    Pulse pulse;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      pulse.beat();
      PyObject* text = text_to_python(texts[i]).release().ptr();
      std::swap(elements[i], text);
      Py_XDECREF(text);
    }
    return array;
  }
  if (owned != nullptr) {
    PyObject* array = PyArray_SimpleNewFromData(tensor.shape.rank(), dims, numpy_type(tensor.dtype), owned);
    if (array == nullptr) {
      std::free(owned);
      python_error();
    }
    // NumPy frees memory that it owns but did not allocate with free(), which is where the program's memory comes from.
    PyArray_ENABLEFLAGS(reinterpret_cast<PyArrayObject*>(array), NPY_ARRAY_OWNDATA);
    return nb::steal(array);
  }
  nb::object array = steal(PyArray_SimpleNew(tensor.shape.rank(), dims, numpy_type(tensor.dtype)));
  if (tensor.bytes() != 0) std::memcpy(PyArray_DATA(as_array(array)), tensor.data, tensor.bytes());
  return array;
}

nb::object table_to_python(const Composite& table) {
  const std::int64_t columns = table.keys.count();
  const std::int64_t rows = table.values.shape[0];
  std::vector<nb::object> keys;
  for (std::int64_t column = 0; column < columns; ++column) keys.push_back(element_to_python(table.keys, column));
  nb::object list = steal(PyList_New(rows));
  Pulse pulse;
  for (std::int64_t row = 0; row < rows; ++row) {
    pulse.beat();
    nb::object dict = steal(PyDict_New());
    for (std::int64_t column = 0; column < columns; ++column) {
      const nb::object element = element_to_python(table.values, row * columns + column);
      if (PyDict_SetItem(dict.ptr(), keys[static_cast<std::size_t>(column)].ptr(), element.ptr()) != 0) python_error();
    }
    PyList_SET_ITEM(list.ptr(), row, dict.release().ptr());
  }
  return list;
}

}  // namespace

DType dtype_from_numpy(PyArray_Descr* descr) noexcept {
  switch (descr->type_num) {
    case NPY_FLOAT32:
      return DType::float32;
    case NPY_FLOAT64:
      return DType::float64;
    case NPY_FLOAT16:
      return DType::float16;
    case NPY_BOOL:
      return DType::boolean;
    case NPY_COMPLEX64:
      return DType::complex64;
    case NPY_COMPLEX128:
      return DType::complex128;
    case NPY_OBJECT:
    case NPY_UNICODE:
    case NPY_STRING:
      return DType::string;
    default:
      break;
  }
  if (PyTypeNum_ISINTEGER(descr->type_num)) {  // by size: long and long long may be the same
    const bool natural = PyTypeNum_ISUNSIGNED(descr->type_num);
    switch (PyDataType_ELSIZE(descr)) {
      case 1:
        return natural ? DType::uint8 : DType::int8;
      case 2:
        return natural ? DType::uint16 : DType::int16;
      case 4:
        return natural ? DType::uint32 : DType::int32;
      case 8:
        return natural ? DType::uint64 : DType::int64;
      default:
        return DType::undefined;
    }
  }
  return is_bfloat16(descr) ? DType::bfloat16 : DType::undefined;
}

int numpy_type(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return NPY_FLOAT32;
    case DType::float64:
      return NPY_FLOAT64;
    case DType::float16:
      return NPY_FLOAT16;
    case DType::boolean:
      return NPY_BOOL;
    case DType::int8:
      return NPY_INT8;
    case DType::int16:
      return NPY_INT16;
    case DType::int32:
      return NPY_INT32;
    case DType::int64:
      return NPY_INT64;
    case DType::uint8:
      return NPY_UINT8;
    case DType::uint16:
      return NPY_UINT16;
    case DType::uint32:
      return NPY_UINT32;
    case DType::uint64:
      return NPY_UINT64;
    case DType::complex64:
      return NPY_COMPLEX64;
    case DType::complex128:
      return NPY_COMPLEX128;
    default:
      throw nb::type_error(sentence("NumPy has no type for ", dtype_name(dtype)).c_str());
  }
}

Tensor tensor_from_array(PyArrayObject* array, Keep& keep) {
  PyArray_Descr* descr = PyArray_DESCR(array);
  if (descr->type_num == NPY_OBJECT) return texts_from_objects(array, keep);
  if (descr->type_num == NPY_UNICODE || descr->type_num == NPY_STRING) {
    return texts_from_fixed(array, descr->type_num == NPY_UNICODE, keep);
  }
  const DType dtype = dtype_from_numpy(descr);
  if (dtype == DType::undefined) {
    throw nb::type_error(
        sentence("arrays of ", nb::str(reinterpret_cast<PyObject*>(descr)).c_str(), " are not supported").c_str());
  }
  if (!PyArray_ISCARRAY_RO(array)) {
    const nb::object copy =
        steal(PyArray_FROM_OF(reinterpret_cast<PyObject*>(array), NPY_ARRAY_CARRAY_RO | NPY_ARRAY_NOTSWAPPED));
    keep.object(copy);
    return {dtype, shape_of(array), PyArray_DATA(as_array(copy)), {}};
  }
  return {dtype, shape_of(array), PyArray_DATA(array), {}};
}

Value value_from_python(nb::handle object, Keep& keep) {
  if (PyArray_Check(object.ptr())) return Value::of(tensor_from_array(as_array(object), keep));
  if (PyDict_Check(object.ptr())) return map_from_dict(object, keep);
  if (PyList_Check(object.ptr())) {
    const auto list = nb::borrow<nb::list>(object);
    if (list.size() > 0 && is_text(list[0])) {
      const nb::object array = steal(PyArray_FROM_OTF(object.ptr(), NPY_OBJECT, NPY_ARRAY_CARRAY_RO));
      return Value::of(tensor_from_array(as_array(array), keep));
    }
    auto composite = std::make_shared<Composite>();
    for (const nb::handle item : list) composite->items.push_back(value_from_python(item, keep));
    return Value{Value::Kind::sequence, {}, std::move(composite)};
  }
  if (object.is_none()) return {};
  throw nb::type_error(sentence("expected an array, a dict or a list of these, got ", python_type(object)).c_str());
}

nb::object value_to_python(const Value& value, void* owned) {
  switch (value.kind) {
    case Value::Kind::none:
      return nb::none();
    case Value::Kind::tensor:
      if (value.tensor.dtype == DType::bfloat16) {
        const nb::object bits = array_to_python(Tensor{DType::uint16, value.tensor.shape, value.tensor.data, {}}, owned);
        return bits.attr("view")(nb::module_::import_("ml_dtypes").attr("bfloat16"));
      }
      return array_to_python(value.tensor, owned);
    case Value::Kind::sequence: {
      nb::list list;
      for (const Value& item : value.composite->items) list.append(value_to_python(item, nullptr));
      return list;
    }
    case Value::Kind::map: {
      nb::dict dict;
      for (std::int64_t i = 0; i < value.composite->keys.count(); ++i) {
        dict[element_to_python(value.composite->keys, i)] = element_to_python(value.composite->values, i);
      }
      return dict;
    }
    case Value::Kind::table:
      return table_to_python(*value.composite);
  }
  return nb::none();
}

Attribute attribute_from_python(const std::string& name, nb::handle object, Keep& keep) {
  if (PyLong_Check(object.ptr())) return static_cast<std::int64_t>(nb::cast<long long>(object));
  if (PyFloat_Check(object.ptr())) return nb::cast<double>(object);
  if (PyUnicode_Check(object.ptr())) return std::string(text_of(object.ptr(), keep));
  if (PyTuple_Check(object.ptr())) {
    std::vector<std::string> texts;
    for (const nb::handle item : nb::borrow<nb::tuple>(object)) texts.emplace_back(text_of(item.ptr(), keep));
    return texts;
  }
  if (PyArray_Check(object.ptr())) return tensor_from_array(as_array(object), keep);
  throw nb::type_error(sentence("attribute '", name, "' has a type no kernel takes: ", python_type(object)).c_str());
}

}  // namespace sklort
