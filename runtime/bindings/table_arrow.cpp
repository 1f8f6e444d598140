// polars, Arrow tables, and whatever else speaks Arrow's C stream interface.
#include <cstring>
#include <memory>
#include <string>

#include "arrow.h"
#include "table.h"

namespace nb = nanobind;

namespace sklort {

namespace {

DType dtype_of_format(const char* format) noexcept {
  if (format[0] == '\0' || format[1] != '\0') {
    return std::strcmp(format, "vu") == 0 ? DType::string : DType::undefined;
  }
  switch (format[0]) {
    case 'f':
      return DType::float32;
    case 'g':
      return DType::float64;
    case 'c':
      return DType::int8;
    case 's':
      return DType::int16;
    case 'i':
      return DType::int32;
    case 'l':
      return DType::int64;
    case 'C':
      return DType::uint8;
    case 'S':
      return DType::uint16;
    case 'I':
      return DType::uint32;
    case 'L':
      return DType::uint64;
    case 'b':
      return DType::boolean;
    case 'u':
    case 'U':
      return DType::string;
    default:
      return DType::undefined;
  }
}

class ArrowSource final : public TableSource {
 public:
  explicit ArrowSource(std::vector<std::string> names) : names_(std::move(names)) {}

  bool read(PyObject* frame, const std::vector<Wanted>& wanted, Table& table, Keep& keep) override {
    const auto data = std::make_shared<ArrowData>();
    if (!data->read(frame) || data->pieces().size() != 1) return false;
    keep.hold(data);
    const ArrowSchema& schema = data->schema();
    const ArrowArray& rows = data->pieces()[0];
    if (std::strcmp(schema.format, "+s") != 0 || rows.offset != 0 || !has_no_nulls(rows)) return false;
    if (schema.n_children != static_cast<std::int64_t>(names_.size()) || rows.n_children != schema.n_children) return false;
    if (!table.agree(rows.length)) return false;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const char* name = schema.children[i]->name;
      if (name == nullptr || names_[i] != name) return false;
      if (wanted[i].dtype == DType::undefined) continue;
      if (!read_column(*schema.children[i], *rows.children[i], wanted[i], table.columns[i], table, keep)) return false;
    }
    return true;
  }

 private:
  static bool read_column(const ArrowSchema& schema, const ArrowArray& array, const Wanted& wanted, TableColumn& column,
                          Table& table, Keep& keep) {
    column.dtype = dtype_of_format(schema.format);
    if (schema.dictionary != nullptr || array.length != table.rows) return false;
    if (column.dtype == DType::string) {
      const auto texts = std::make_shared<std::vector<std::string_view>>();
      if (!read_texts(schema, array, wanted.none, *texts)) return false;
      column.texts = keep.hold(texts)->data();
      return true;
    }
    if (!has_no_nulls(array)) return false;
    if (column.dtype == DType::undefined || array.n_buffers != 2) return false;
    const auto* data = static_cast<const char*>(array.buffers[1]);
    if (column.dtype == DType::boolean) {  // a bit each
      const auto flags = std::make_shared<std::vector<char>>();
      for (std::int64_t i = array.offset; i < array.offset + array.length; ++i) {
        flags->push_back(static_cast<char>((data[i / 8] >> (i % 8)) & 1));
      }
      column.data = keep.hold(flags)->data();
      column.stride = 1;
      return true;
    }
    column.stride = static_cast<std::int64_t>(item_size(column.dtype));
    column.data = data + array.offset * column.stride;
    return true;
  }

  std::vector<std::string> names_;
};

}  // namespace

std::unique_ptr<TableSource> arrow_source(std::vector<std::string> names) {
  return std::make_unique<ArrowSource>(std::move(names));
}

}  // namespace sklort
