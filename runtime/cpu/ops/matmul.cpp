// MatMul and Gemm.
#include <algorithm>
#include <cstring>
#include <optional>
#include <variant>

#include "axes.h"
#include "dense.h"
#include "numbers.h"
#include "op.h"
#include "threads.h"

namespace sklort {
namespace {

// What two element types are multiplied in: 16-bit floats in float.
DType product_dtype(DType a, DType b) {
  const DType dtype = promote(a, b);
  if (dtype == DType::float16 || dtype == DType::bfloat16) return DType::float32;
  if (!is_number(dtype) || dtype == DType::boolean) fail("cannot multiply matrices of ", dtype_name(a), " and ", dtype_name(b));
  return dtype;
}

// The constant factor of a product, packed when the program is prepared.
class Constant {
 public:
  // Packs what `matrix(T*)` and `bias(T*)` return for the type that a product with an input of type `other` has.
  template <class Pack>
  void pack(DType other, const Tensor& factor, Pack&& pack) {
    const DType dtype = other == DType::undefined ? factor.dtype : promote(other, factor.dtype);
    if (dtype == DType::float32 && factor.dtype == DType::float32) packed_.emplace<Dense<float>>(pack(float{}));
    if (dtype == DType::float64 && (factor.dtype == DType::float64 || factor.dtype == DType::float32)) {
      packed_.emplace<Dense<double>>(pack(double{}));
    }
  }

  template <class T>
  const Dense<T>* get() const noexcept {
    return std::get_if<Dense<T>>(&packed_);
  }

 private:
  std::variant<std::monostate, Dense<float>, Dense<double>> packed_;
};

template <class T>
std::vector<T> widened(const Tensor& tensor) {
  return with_float(tensor.dtype, [&]<class From>(From) {
    const auto from = tensor.span<From>();
    return std::vector<T>(from.begin(), from.end());
  });
}

// y = a b for integers, which wrap around as NumPy's do.
template <class T>
void multiply_integers(const Matrix<T>& a, const Matrix<T>& b, T* y, int threads) {
  parallel(a.rows, std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, b.rows * b.columns)), threads,
           [&](std::int64_t first, std::int64_t last) noexcept {
             for (std::int64_t i = first; i < last; ++i) {
               for (std::int64_t j = 0; j < b.columns; ++j) {
                 std::uint64_t sum = 0;
                 for (std::int64_t l = 0; l < b.rows; ++l) {
                   sum += static_cast<std::uint64_t>(a.data[i * a.row_stride + l * a.column_stride]) *
                          static_cast<std::uint64_t>(b.data[l * b.row_stride + j * b.column_stride]);
                 }
                 y[i * b.columns + j] = static_cast<T>(sum);
               }
             }
           });
}

template <class T>
const T* transposed_copy(Call& call, const T* from, std::int64_t rows, std::int64_t columns) {
  T* to = call.scratch_of<T>(rows * columns);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
  }
  return to;
}

template <class T>
inline constexpr bool is_float = std::is_floating_point_v<T>;

// The memory to compute into: the output's, or scratch that `finish` narrows into it.
template <class T>
struct Target {
  Target(Call& call, DType dtype, const Shape& shape) : call_(call), tensor_(call.allocate(0, dtype, shape)) {
    data = dtype == dtype_of<T>::value ? tensor_.template as<T>() : call.scratch_of<T>(shape.count());
  }
  void finish() {
    if (tensor_.data == data) return;
    convert_numbers(Tensor{dtype_of<T>::value, tensor_.shape, data, {}}, tensor_, call_.threads());
  }
  T* data;

 private:
  Call& call_;
  Tensor& tensor_;
};

class MatMul final : public Op {
 public:
  explicit MatMul(const Node& node) {
    const Value* right = node.constant(1);
    if (right == nullptr || right->tensor.shape.rank() < 1 || right->tensor.shape.rank() > 2) return;
    const Tensor& matrix = right->tensor;
    drops_column_ = matrix.shape.rank() == 1;
    if (node.dtype(0) != DType::undefined && !is_number(node.dtype(0))) return;
    constant_.pack(node.dtype(0), matrix, [&]<class T>(T) {
      const std::int64_t columns = matrix.shape.rank() == 1 ? 1 : matrix.shape[1];
      return Dense<T>(Matrix<T>::row_major(widened<T>(matrix).data(), matrix.shape[0], columns), nullptr);
    });
  }

  void run(Call& call) const override {
    const Tensor& a = call.tensor(0);
    const Tensor& b = call.tensor(1);
    if (run_packed<float>(call, a) || run_packed<double>(call, a)) return;
    const Plan plan = make_plan(a.shape, b.shape);
    const DType dtype = promote(a.dtype, b.dtype);
    with_number(product_dtype(a.dtype, b.dtype), [&]<class T>(T) {
      Target<T> target(call, dtype, plan.out);
      if constexpr (is_float<T>) {
        if (const Dense<T>* packed = constant_.get<T>()) {
          packed->run(numbers<T>(call, a), plan.batches * plan.n, target.data, call.threads());
          return target.finish();
        }
      }
      multiply(call, plan, numbers<T>(call, a), numbers<T>(call, b), target.data);
      target.finish();
    });
  }

  DType result(int, std::span<const DType> inputs) const override {
    return inputs[0] == DType::undefined || inputs[1] == DType::undefined ? DType::undefined : promote(inputs[0], inputs[1]);
  }

 private:
  // The usual case: rows of one type times a constant matrix.
  template <class T>
  bool run_packed(Call& call, const Tensor& a) const {
    const Dense<T>* packed = constant_.get<T>();
    if (packed == nullptr || drops_column_ || a.dtype != dtype_of<T>::value || a.shape.rank() != 2) return false;
    if (a.shape[1] != packed->inputs()) return false;
    T* y = call.allocate(0, a.dtype, {a.shape[0], packed->outputs()}).template as<T>();
    packed->run(a.as<T>(), a.shape[0], y, call.threads());
    return true;
  }

  // batches times [n, k] x [k, m]; a[i] and b[i] are where batch i begins, in matrices.
  struct Plan {
    std::int64_t n, k, m;
    std::int64_t batches = 1;
    bool one_b = true;  // every batch is multiplied by the same matrix, and `n` rows follow each other
    Shape out;
    Shape a_batch, b_batch, batch;  // of equal rank
  };

  static Plan make_plan(const Shape& a, const Shape& b) {
    if (a.rank() == 0 || b.rank() == 0) fail("MatMul takes no scalars: the inputs have shapes ", print(a), " and ", print(b));
    Plan plan;
    plan.n = a.rank() == 1 ? 1 : a[a.rank() - 2];
    plan.k = a[a.rank() - 1];
    plan.m = b.rank() == 1 ? 1 : b[b.rank() - 1];
    const std::int64_t rows = b.rank() == 1 ? b[0] : b[b.rank() - 2];
    if (rows != plan.k) fail("cannot multiply ", print(a), " by ", print(b), ": ", plan.k, " columns meet ", rows, " rows");
    const int a_rank = std::max(a.rank() - 2, 0);
    const int b_rank = std::max(b.rank() - 2, 0);
    const int rank = std::max(a_rank, b_rank);
    for (int axis = 0; axis < rank; ++axis) {
      const std::int64_t left = axis < rank - a_rank ? 1 : a[axis - (rank - a_rank)];
      const std::int64_t right = axis < rank - b_rank ? 1 : b[axis - (rank - b_rank)];
      if (left != right && left != 1 && right != 1) fail("cannot broadcast the batches of ", print(a), " and ", print(b));
      const std::int64_t dim = left == 1 ? right : left;
      plan.a_batch.push(left);
      plan.b_batch.push(right);
      plan.batch.push(dim);
      plan.out.push(dim);
      plan.batches *= dim;
      if (right != 1) plan.one_b = false;
    }
    if (a.rank() > 1) plan.out.push(plan.n);
    if (b.rank() > 1) plan.out.push(plan.m);
    return plan;
  }

  // Which matrix of an input batch number `index` of the result takes.
  static std::int64_t matrix_of(std::int64_t index, const Shape& own, const Shape& batch) {
    std::int64_t found = 0;
    std::int64_t stride = 1;
    for (int axis = batch.rank() - 1; axis >= 0; --axis) {
      if (own[axis] != 1) found += index % batch[axis] * stride;
      stride *= own[axis];
      index /= batch[axis];
    }
    return found;
  }

  template <class T>
  static void multiply(Call& call, const Plan& plan, const T* a, const T* b, T* y) {
    const std::int64_t n = plan.one_b ? plan.n * plan.batches : plan.n;
    const std::int64_t batches = plan.one_b ? 1 : plan.batches;
    T* memory = nullptr;
    if constexpr (is_float<T>) memory = call.scratch_of<T>(Dense<T>::memory_size(plan.k, plan.m));
    for (std::int64_t i = 0; i < batches; ++i) {
      const T* left = plan.one_b ? a : a + matrix_of(i, plan.a_batch, plan.batch) * plan.n * plan.k;
      const T* right = plan.one_b ? b : b + matrix_of(i, plan.b_batch, plan.batch) * plan.k * plan.m;
      const auto matrix = Matrix<T>::row_major(right, plan.k, plan.m);
      if constexpr (is_float<T>) {
        Dense<T>(matrix, nullptr, 1, memory).run(left, n, y + i * n * plan.m, call.threads());
      } else {
        multiply_integers(Matrix<T>::row_major(left, n, plan.k), matrix, y + i * n * plan.m, call.threads());
      }
    }
  }

  Constant constant_;
  bool drops_column_ = false;  // the constant has one dimension, and so does the result's row
};

// y = alpha a' b' + beta c, where ' is transposition on request and c is broadcast.
class Gemm final : public Op {
 public:
  explicit Gemm(const Node& node)
      : alpha_(node.number("alpha", 1)),
        beta_(node.number("beta", 1)),
        transpose_a_(node.integer("transA", 0) != 0),
        transpose_b_(node.integer("transB", 0) != 0) {
    const Value* right = node.constant(1);
    if (right == nullptr || (node.dtype(0) != DType::undefined && !is_number(node.dtype(0)))) return;
    const Tensor& b = right->tensor;
    if (b.shape.rank() != 2) fail("B must be a matrix, got shape ", print(b.shape));
    const std::int64_t columns = b.shape[transpose_b_ ? 0 : 1];
    const Value* added = node.constant(2);
    // A constant C that is the same for each row is added by the product itself, when its type does not widen the result.
    added_ = added != nullptr &&
             (added->tensor.dtype == b.dtype || (added->tensor.dtype == DType::float32 && b.dtype == DType::float64)) &&
             is_row(added->tensor.shape, columns);
    constant_.pack(node.dtype(0), b, [&]<class T>(T) {
      std::vector<T> bias;
      if (added_) {
        bias = widened<T>(added->tensor);
        bias.resize(static_cast<std::size_t>(columns), bias.empty() ? T{0} : bias[0]);
        for (T& one : bias) one *= static_cast<T>(beta_);
      }
      const std::vector<T> values = widened<T>(b);
      const auto matrix = Matrix<T>::row_major(values.data(), b.shape[0], b.shape[1]);
      return Dense<T>(transpose_b_ ? matrix.transposed() : matrix, added_ ? bias.data() : nullptr, static_cast<T>(alpha_));
    });
  }

  void run(Call& call) const override {
    const Tensor& a = call.tensor(0);
    const Tensor& b = call.tensor(1);
    const Tensor* c = call.has(2) ? &call.tensor(2) : nullptr;
    if (a.shape.rank() != 2) fail("A must be a matrix, got shape ", print(a.shape));
    if (b.shape.rank() != 2) fail("B must be a matrix, got shape ", print(b.shape));
    const std::int64_t n = a.shape[transpose_a_ ? 1 : 0];
    const std::int64_t k = a.shape[transpose_a_ ? 0 : 1];
    const std::int64_t m = b.shape[transpose_b_ ? 0 : 1];
    if (b.shape[transpose_b_ ? 1 : 0] != k) {
      fail("cannot multiply ", print(a.shape), transpose_a_ ? " transposed" : "", " by ", print(b.shape),
           transpose_b_ ? " transposed" : "", ": ", k, " columns meet ", b.shape[transpose_b_ ? 1 : 0], " rows");
    }
    if (c != nullptr) check_broadcast(c->shape, n, m);
    const DType dtype = c == nullptr ? promote(a.dtype, b.dtype) : promote(promote(a.dtype, b.dtype), c->dtype);
    with_number(product_dtype(dtype, dtype), [&]<class T>(T) {
      Target<T> target(call, dtype, {n, m});
      const T* left = numbers<T>(call, a);
      if (transpose_a_) left = transposed_copy(call, left, k, n);
      bool added = false;
      if constexpr (is_float<T>) {
        const Dense<T>* packed = constant_.get<T>();
        if (packed != nullptr) {
          packed->run(left, n, target.data, call.threads());
          added = added_;
        } else {
          T* memory = call.scratch_of<T>(Dense<T>::memory_size(k, m));
          Dense<T>(right<T>(call, b), nullptr, static_cast<T>(alpha_), memory).run(left, n, target.data, call.threads());
        }
      } else {
        multiply_integers(Matrix<T>::row_major(left, n, k), right<T>(call, b), target.data, call.threads());
        const T factor = whole<T>(alpha_, "alpha");
        for (std::int64_t i = 0; i < n * m; ++i) target.data[i] = static_cast<T>(target.data[i] * factor);
      }
      if (c != nullptr && !added) add(numbers<T>(call, *c), c->shape, n, m, target.data);
      target.finish();
    });
  }

  DType result(int, std::span<const DType> inputs) const override {
    DType dtype = inputs[0];
    for (const DType other : inputs.subspan(1)) {
      if (dtype == DType::undefined || other == DType::undefined) return DType::undefined;
      dtype = promote(dtype, other);
    }
    return dtype;
  }

 private:
  static bool is_row(const Shape& shape, std::int64_t columns) {
    const std::int64_t count = shape.count();
    if (shape.rank() == 0) return true;
    return (count == columns || count == 1) && shape[shape.rank() - 1] == count;
  }

  static void check_broadcast(const Shape& c, std::int64_t n, std::int64_t m) {
    const bool fits = c.rank() <= 2 && (c.rank() < 2 || c[0] == 1 || c[0] == n) &&
                      (c.rank() < 1 || c[c.rank() - 1] == 1 || c[c.rank() - 1] == m);
    if (!fits) fail("cannot broadcast C of shape ", print(c), " to (", n, ", ", m, ")");
  }

  template <class T>
  Matrix<T> right(Call& call, const Tensor& b) const {
    const auto matrix = Matrix<T>::row_major(numbers<T>(call, b), b.shape[0], b.shape[1]);
    return transpose_b_ ? matrix.transposed() : matrix;
  }

  template <class T>
  static T whole(double value, const char* name) {
    const T factor = convert_number<T>(value);
    if (static_cast<double>(factor) != value) fail(name, " must be a whole number for integer matrices, got ", value);
    return factor;
  }

  template <class T>
  void add(const T* c, const Shape& shape, std::int64_t n, std::int64_t m, T* y) const {
    T factor;
    if constexpr (is_float<T>) {
      factor = static_cast<T>(beta_);
    } else {
      factor = whole<T>(beta_, "beta");
    }
    const std::int64_t column_step = shape.rank() < 1 || shape[shape.rank() - 1] == 1 ? 0 : 1;
    const std::int64_t row_step = shape.rank() < 2 || shape[0] == 1 ? 0 : shape[1];
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < m; ++j) {
        y[i * m + j] = static_cast<T>(y[i * m + j] + static_cast<T>(factor * c[i * row_step + j * column_step]));
      }
    }
  }

  double alpha_;
  double beta_;
  bool transpose_a_;
  bool transpose_b_;
  bool added_ = false;
  Constant constant_;
};

template <class T>
std::unique_ptr<Op> make(const Node& node) {
  return std::make_unique<T>(node);
}

const Registration matmul{"", "MatMul", 1, any_version, make<MatMul>};
const Registration gemm{"", "Gemm", 1, any_version, make<Gemm>};

}  // namespace
}  // namespace sklort
