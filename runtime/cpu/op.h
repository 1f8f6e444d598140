// The contract of an operator. `prepare` is cold: it checks the node, may allocate and throw, and returns an Op. The Op's
// `run` is called for each batch; what is slow inside it belongs into a hot loop (hot.h).
//
// An operator is one file, cpu/ops/<stem>.cpp, which ends in a registration:
//
//     const Registration scaler{"ai.onnx.ml", "Scaler", 1, any_version, prepare_scaler};
//
// CMake finds the file; no list is edited. Element types are looked at when the operator runs: it takes every type the
// specification permits and the mixed ones skl2onnx emits (float with double: promoted as NumPy does).
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "error.h"
#include "value.h"

namespace sklort {

// A list of integers is a Tensor of int64, a list of floats a Tensor of float32.
using Attribute = std::variant<std::int64_t, double, std::string, std::vector<std::string>, Tensor>;

class Program;
struct Step;

// A graph among the attributes of a node: a program of its own. Its inputs are the graph's, then what it captures.
struct Subgraph {
  std::string name;  // of the attribute
  std::shared_ptr<const Program> program;
  std::vector<int> captured;  // slots of the program around it
};

// A node as `prepare` sees it. Constants live as long as the program, attributes only while `prepare` runs.
struct Node {
  std::string label;  // for messages: operator and name
  std::string domain;
  std::string op_type;
  int version = 1;
  std::map<std::string, Attribute> attributes;
  std::vector<const Value*> constants;  // one for each input; nullptr unless the input is a constant of the model
  std::vector<DType> dtypes;            // one for each input; undefined when not known before the first run
  int outputs = 1;
  std::vector<Subgraph> subgraphs;

  int inputs() const noexcept { return static_cast<int>(constants.size()); }
  const Value* constant(int input) const noexcept {
    return input < inputs() ? constants[static_cast<std::size_t>(input)] : nullptr;
  }
  DType dtype(int input) const noexcept {
    return input < static_cast<int>(dtypes.size()) ? dtypes[static_cast<std::size_t>(input)] : DType::undefined;
  }

  bool has(std::string_view name) const;
  // Each throws Error(invalid_graph) when the attribute has another type; the ones without default when it is missing.
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
  double number(std::string_view name, double otherwise) const;
  std::string text(std::string_view name, std::string_view otherwise) const;
  std::span<const std::int64_t> integers(std::string_view name) const;  // empty when missing
  std::span<const float> floats(std::string_view name) const;           // empty when missing
  std::vector<std::string> texts(std::string_view name) const;          // empty when missing
  const Tensor* tensor(std::string_view name) const;                    // nullptr when missing
  int subgraph(std::string_view name) const;                            // its position among `subgraphs`

 private:
  const Attribute* find(std::string_view name) const;
};

class Frame;

// A subgraph during one invocation of the step that holds it. It runs any number of times; what is fed stays fed, and results
// last until it runs again. They share memory with the frames around it and may be handed on as they are.
class Body {
 public:
  Body(const Subgraph& subgraph, Frame& outer, Frame& frame, int threads) noexcept
      : subgraph_(subgraph), outer_(outer), frame_(frame), threads_(threads) {}
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  ~Body();
  Value& feed(int input) noexcept;  // inputs of the graph itself
  void run();
  Value& result(int output) noexcept;

 private:
  const Subgraph& subgraph_;
  Frame& outer_;
  Frame& frame_;
  int threads_;
};

// One invocation of a step.
class Call {
 public:
  Call(Frame& frame, const Step& step, int threads) noexcept;

  int inputs() const noexcept { return input_count_; }
  int outputs() const noexcept { return output_count_; }
  bool has(int input) const noexcept;                             // false when the input is omitted
  bool wants(int output) const noexcept;                          // false when nobody reads the output
  const Value& value(int input) const;                            // throws when omitted
  const Tensor& tensor(int input) const;                          // throws unless a tensor
  Tensor& allocate(int output, DType dtype, const Shape& shape);  // memory uninitialised
  void set(int output, Value value);                              // shares the memory of the value given: how views are made
  Tensor make(DType dtype, const Shape& shape);                   // a tensor of no output yet; memory uninitialised
  Body body(int subgraph);
  // Memory until the end of this call.
  void* scratch(std::size_t bytes);
  template <class T>
  T* scratch_of(std::int64_t count) {
    return static_cast<T*>(scratch(static_cast<std::size_t>(count) * sizeof(T)));
  }
  std::string_view keep(std::string text);           // string storage until the end of the run
  int threads() const noexcept { return threads_; }  // at most so many (see threads.h)

 private:
  Frame& frame_;
  const Step& step_;
  const int* inputs_;
  const int* outputs_;
  int input_count_;
  int output_count_;
  int threads_;
};

class Op {
 public:
  Op() = default;
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;
  virtual ~Op() = default;
  // Throws Error(fail) on values it cannot work on; the executor adds the node's label.
  virtual void run(Call& call) const = 0;
  // The element type of an output, when it follows from those of the inputs; undefined when not known.
  virtual DType result(int output, std::span<const DType> inputs) const {
    (void)output, (void)inputs;
    return DType::undefined;
  }
  // How many rows it wants at once when a program runs block by block; 0: it does not mind; -1: nor that, but it divides them
  // itself and writes the outputs where they stay, so that a program of this step alone is better not cut.
  virtual std::int64_t block_rows() const { return 0; }
  // One line for explain(), such as the engine chosen; empty when there is nothing to tell.
  virtual std::string explain() const { return {}; }
};

using Prepare = std::unique_ptr<Op> (*)(const Node& node);
// A sentence why this node cannot be taken, or an empty string. Cheap: sees attributes only, no constants.
using Refuse = std::string (*)(const Node& node);

inline constexpr int any_version = std::numeric_limits<int>::max();

struct Registration {
  Registration(const char* domain, const char* op_type, int first, int last, Prepare prepare, Refuse refuse = nullptr);
  const char* domain;
  const char* op_type;
  int first;  // opset versions of `domain`, both included
  int last;
  Prepare prepare;
  Refuse refuse;
};

const std::vector<const Registration*>& registrations();
const Registration* find_registration(std::string_view domain, std::string_view op_type, int version);

}  // namespace sklort
