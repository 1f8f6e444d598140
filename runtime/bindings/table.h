// Data frames -> the inputs of a program, without an array in between.
//
// A reader is made for one layout: the names of the columns, the element type of each column that is read, and where it goes. It
// declines every frame that differs, and every value whose reading is not plain; the caller then has another way.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "value.h"
#include "values.h"

namespace sklort {

// A column where it lies.
struct TableColumn {
  DType dtype = DType::undefined;  // undefined: not read
  const char* data = nullptr;      // numbers: the first element
  std::int64_t stride = 0;         // and the bytes from one to the next
  const std::string_view* texts = nullptr;
};

// What is asked of a column of the frame.
struct Wanted {
  DType dtype = DType::undefined;  // undefined: not read
  // Of strings: what stands for a NaN and for a None; empty where the frame shall be declined.
  std::string nan;
  std::string none;
};

// The columns of a frame.
struct Table {
  std::vector<TableColumn> columns;
  std::int64_t rows = -1;  // -1: not known yet

  // False when another column has another number of rows.
  bool agree(std::int64_t count) noexcept {
    if (rows < 0) rows = count;
    return rows == count;
  }
};

// Reads the columns of one kind of frame. Not plain: false, without an exception.
class TableSource {
 public:
  TableSource() = default;
  TableSource(const TableSource&) = delete;
  TableSource& operator=(const TableSource&) = delete;
  virtual ~TableSource() = default;
  // `table` has room for the columns; what `wanted` does not name may be left out.
  virtual bool read(PyObject* frame, const std::vector<Wanted>& wanted, Table& table, Keep& keep) = 0;
};

// Of a pandas frame with these columns (an Index).
std::unique_ptr<TableSource> pandas_source(nanobind::object columns);
// Of anything with an `__arrow_c_stream__` that gives columns of these names.
std::unique_ptr<TableSource> arrow_source(std::vector<std::string> names);

class TableReader {
 public:
  // For each input of the program its element type, the columns of the frame that it holds side by side, and which of them must
  // not hold NaN.
  using Target = std::tuple<int, std::vector<int>, std::vector<bool>>;
  // Of a column of the frame: its element type, undefined where it is not read, and the words for NaN and None.
  using Column = std::tuple<int, std::string, std::string>;

  // `type`: of the frames. `limit`: the largest magnitude.
  TableReader(nanobind::object type, std::unique_ptr<TableSource> source, const std::vector<Column>& columns,
              const std::vector<Target>& targets, double limit);

  bool takes(PyObject* frame) const noexcept { return Py_TYPE(frame) == reinterpret_cast<PyTypeObject*>(type_.ptr()); }
  std::size_t inputs() const noexcept { return targets_.size(); }
  bool read(PyObject* frame, std::vector<Value>& values, Keep& keep) const;
  // The same as arrays, for comparison; None when the frame is declined.
  nanobind::object arrays(nanobind::handle frame) const;

 private:
  struct Input {
    DType dtype;
    std::vector<std::size_t> columns;
    std::vector<bool> refuses_nan;
  };
  bool gather(const Table& table, const Input& input, char* to) const noexcept;

  nanobind::object type_;
  std::unique_ptr<TableSource> source_;
  std::vector<Wanted> wanted_;
  std::vector<Input> targets_;
  double limit_;
};

}  // namespace sklort
