// Einsum: any equation, implicit outputs, ellipses and repeated indices included.
//
// One loop nest over all indices of the equation: those of the output outside, those summed over inside, and innermost the one
// along which the operands lie next to each other. Sums are accumulated in double for floats and in 64 bits, wrapping, for
// integers.
#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

#include "axes.h"
#include "convert.h"
#include "numbers.h"
#include "op.h"
#include "threads.h"

namespace sklort {
namespace {

// An index: a letter, or an axis of the ellipsis, counted from the last one.
constexpr int ellipsis = 256;
constexpr std::size_t most_operands = 8;
using Term = std::vector<int>;

struct Equation {
  std::vector<Term> inputs;  // `ellipsis` alone stands for all its axes
  Term output;
};

Term parse_term(const std::string& text) {
  Term term;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto letter = static_cast<unsigned char>(text[i]);
    if (std::isspace(letter) != 0) continue;
    if (text.compare(i, 3, "...") == 0) {
      if (std::ranges::count(term, ellipsis) != 0) bad_graph("more than one ellipsis in '", text, "'");
      term.push_back(ellipsis);
      i += 2;
    } else if (std::isalpha(letter) != 0) {
      term.push_back(letter);
    } else {
      bad_graph("unexpected '", text[i], "' in '", text, "'");
    }
  }
  return term;
}

Equation parse(const std::string& text) {
  Equation equation;
  const std::size_t arrow = text.find("->");
  const std::string left = text.substr(0, arrow);
  for (std::size_t start = 0; start <= left.size();) {
    const std::size_t comma = std::min(left.find(',', start), left.size());
    equation.inputs.push_back(parse_term(left.substr(start, comma - start)));
    start = comma + 1;
  }
  std::array<int, ellipsis + 1> seen{};
  for (const Term& term : equation.inputs) {
    for (const int index : term) ++seen[static_cast<std::size_t>(index)];
  }
  if (arrow == std::string::npos) {  // indices that occur once, in the order of the alphabet, after the ellipsis
    if (seen[ellipsis] > 0) equation.output.push_back(ellipsis);
    for (int index = 0; index < ellipsis; ++index) {
      if (seen[static_cast<std::size_t>(index)] == 1) equation.output.push_back(index);
    }
    return equation;
  }
  equation.output = parse_term(text.substr(arrow + 2));
  for (const int index : equation.output) {
    if (index != ellipsis && seen[static_cast<std::size_t>(index)] == 0)
      bad_graph("the output has an index '", static_cast<char>(index), "' that no input has");
    if (std::ranges::count(equation.output, index) != 1)
      bad_graph("the output names the index '", static_cast<char>(index), "' twice");
  }
  return equation;
}

struct Loop {
  int index = 0;
  std::int64_t dim = 1;
  std::int64_t out = 0;                               // stride of the output, 0 when summed over
  std::array<std::int64_t, most_operands> strides{};  // of each operand
};

template <class T>
using Operands = std::array<const T*, most_operands>;

class Nest {
 public:
  Nest(const Equation& equation, const std::vector<const Tensor*>& operands) {
    if (operands.size() != equation.inputs.size())
      fail("the equation has ", equation.inputs.size(), " terms, but there are ", operands.size(), " inputs");
    int broadcast = 0;  // axes of the longest ellipsis
    for (std::size_t i = 0; i < operands.size(); ++i) broadcast = std::max(broadcast, spare(equation.inputs[i], *operands[i], i));
    if (broadcast > 0 && std::ranges::count(equation.output, ellipsis) == 0)
      fail("the inputs have axes under an ellipsis, which the output of the equation lacks");
    for (const int index : expanded(equation.output, broadcast)) loops_.push_back({index, -1, 0, {}});
    outputs_ = loops_.size();
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const Shape& shape = operands[i]->shape;
      const Term term = expanded(equation.inputs[i], spare(equation.inputs[i], *operands[i], i));
      std::int64_t stride = 1;
      for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        Loop& loop = find(term[static_cast<std::size_t>(axis)]);
        join(loop, shape[axis], i, axis);
        loop.strides[i] += shape[axis] == 1 ? 0 : stride;
        stride *= shape[axis];
      }
    }
    for (std::size_t i = 0; i < outputs_; ++i) {
      shape_.push(loops_[i].dim);
    }
    std::int64_t stride = 1;
    for (std::size_t i = outputs_; i-- > 0; stride *= loops_[i].dim) loops_[i].out = stride;
    bring_innermost();
  }

  const Shape& shape() const noexcept { return shape_; }
  const std::vector<Loop>& loops() const noexcept { return loops_; }
  bool empty() const noexcept {
    return std::ranges::any_of(loops_, [](const Loop& loop) { return loop.dim == 0; });
  }
  // The loop that threads share: the outermost of the output's.
  std::size_t shared() const noexcept {
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      if (loops_[i].out != 0 && loops_[i].dim > 1) return i;
    }
    return loops_.size();
  }

 private:
  // How many axes an ellipsis stands for.
  static int spare(const Term& term, const Tensor& operand, std::size_t input) {
    const bool open = std::ranges::count(term, ellipsis) != 0;
    const int named = static_cast<int>(term.size()) - (open ? 1 : 0);
    const int rank = operand.shape.rank();
    if (rank < named || (!open && rank != named))
      fail("input ", input, " has shape ", print(operand.shape), "; the equation gives it ", named, " indices");
    return rank - named;
  }

  static Term expanded(const Term& term, int axes) {
    Term out;
    for (const int index : term) {
      if (index != ellipsis) out.push_back(index);
      for (int axis = axes; index == ellipsis && axis > 0; --axis) out.push_back(ellipsis + axis);
    }
    return out;
  }

  Loop& find(int index) {
    for (Loop& loop : loops_) {
      if (loop.index == index) return loop;
    }
    return loops_.emplace_back(Loop{index, -1, 0, {}});
  }

  // A dimension of 1 is repeated.
  static void join(Loop& loop, std::int64_t dim, std::size_t input, int axis) {
    if (loop.dim == -1 || loop.dim == 1) {
      loop.dim = dim;
    } else if (dim != 1 && dim != loop.dim) {
      fail("axis ", axis, " of input ", input, " has size ", dim, ", but its index has size ", loop.dim, " elsewhere");
    }
  }

  void bring_innermost() {
    if (loops_.empty()) loops_.emplace_back();  // scalars
    const auto close = [](const Loop& loop) {
      std::int64_t score = loop.out <= 1 ? 1 : 0;
      for (const std::int64_t stride : loop.strides) score += stride <= 1 ? 1 : 0;
      return loop.dim == 1 ? -1 : score;
    };
    std::size_t best = loops_.size() - 1;
    for (std::size_t i = loops_.size(); i-- > 0;) {
      if (close(loops_[i]) > close(loops_[best])) best = i;
    }
    std::rotate(loops_.begin() + static_cast<std::ptrdiff_t>(best), loops_.begin() + static_cast<std::ptrdiff_t>(best) + 1,
                loops_.end());
  }

  std::vector<Loop> loops_;
  std::size_t outputs_ = 0;
  Shape shape_;
};

// Wraps around where integers overflow.
template <class Sum>
Sum multiply(Sum a, Sum b) noexcept {
  if constexpr (std::is_integral_v<Sum>) {
    return static_cast<Sum>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  } else {
    return a * b;
  }
}

template <class Sum>
Sum add(Sum a, Sum b) noexcept {
  if constexpr (std::is_integral_v<Sum>) {
    return static_cast<Sum>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  } else {
    return a + b;
  }
}

template <class T, class Sum>
struct Walk {
  const std::vector<Loop>& loops;
  std::size_t operands;

  void run(std::size_t depth, Operands<T> at, Sum* out, std::int64_t first, std::int64_t last) const noexcept {
    const Loop& loop = loops[depth];
    for (std::size_t i = 0; i < operands; ++i) at[i] += first * loop.strides[i];
    out += first * loop.out;
    if (depth + 1 == loops.size()) return innermost(loop, at, out, last - first);
    for (std::int64_t step = first; step < last; ++step) {
      run(depth + 1, at, out, 0, loops[depth + 1].dim);
      for (std::size_t i = 0; i < operands; ++i) at[i] += loop.strides[i];
      out += loop.out;
    }
  }

  void innermost(const Loop& loop, const Operands<T>& at, Sum* out, std::int64_t count) const noexcept {
    if (operands != 2) {
      for (std::int64_t step = 0; step < count; ++step) {
        Sum product = 1;
        for (std::size_t i = 0; i < operands; ++i) product = multiply(product, static_cast<Sum>(at[i][step * loop.strides[i]]));
        out[step * loop.out] = add(out[step * loop.out], product);
      }
      return;
    }
    const auto pair = [&](std::int64_t a_stride, std::int64_t b_stride, std::int64_t out_stride) {
      const T* a = at[0];
      const T* b = at[1];
      for (std::int64_t i = 0; i < count; ++i) {
        const Sum product = multiply(static_cast<Sum>(a[i * a_stride]), static_cast<Sum>(b[i * b_stride]));
        out[i * out_stride] = add(out[i * out_stride], product);
      }
    };
    const std::array strides = {loop.strides[0], loop.strides[1], loop.out};
    if (strides == std::array<std::int64_t, 3>{1, 1, 1}) return pair(1, 1, 1);
    if (strides == std::array<std::int64_t, 3>{0, 1, 1}) return pair(0, 1, 1);
    if (strides == std::array<std::int64_t, 3>{1, 0, 1}) return pair(1, 0, 1);
    if (loop.out == 0) return dot(at[0], loop.strides[0], at[1], loop.strides[1], count, *out);
    pair(strides[0], strides[1], strides[2]);
  }

  // Four partial sums, so that an addition need not wait for the one before.
  static void dot(const T* a, std::int64_t a_stride, const T* b, std::int64_t b_stride, std::int64_t count, Sum& out) noexcept {
    Sum sums[4] = {};
    std::int64_t i = 0;
    for (; i + 4 <= count; i += 4) {
      for (std::int64_t k = 0; k < 4; ++k) {
        sums[k] = add(sums[k], multiply(static_cast<Sum>(a[(i + k) * a_stride]), static_cast<Sum>(b[(i + k) * b_stride])));
      }
    }
    for (; i < count; ++i) sums[0] = add(sums[0], multiply(static_cast<Sum>(a[i * a_stride]), static_cast<Sum>(b[i * b_stride])));
    out = add(out, add(add(sums[0], sums[1]), add(sums[2], sums[3])));
  }
};

std::string refuse(const Node& node) {
  const auto terms = std::ranges::count(node.text("equation", ""), ',') + 1;
  if (terms <= static_cast<std::ptrdiff_t>(most_operands)) return {};
  return sentence("the equation has ", terms, " terms; there is a kernel for up to ", most_operands);
}

class Einsum final : public Op {
 public:
  explicit Einsum(const Node& node) : equation_(parse(node.text("equation", ""))) {
    if (equation_.inputs.size() > most_operands) bad_graph(refuse(node));
  }

  void run(Call& call) const override {
    std::vector<const Tensor*> operands;
    DType dtype = call.tensor(0).dtype;
    for (int i = 0; i < call.inputs(); ++i) {
      operands.push_back(&call.tensor(i));
      dtype = promote(dtype, operands.back()->dtype);
    }
    if (!is_number(dtype) || dtype == DType::boolean) fail("expected numbers, got ", dtype_name(dtype));
    const Nest nest(equation_, operands);
    switch (dtype) {
      case DType::float64:
        return compute<double, double>(call, operands, nest, dtype);
      case DType::float32:
      case DType::float16:
      case DType::bfloat16:
        return compute<float, double>(call, operands, nest, dtype);
      default:
        return compute<std::int64_t, std::int64_t>(call, operands, nest, dtype);
    }
  }

  DType result(int, std::span<const DType> inputs) const override {
    DType dtype = inputs[0];
    for (const DType input : inputs) dtype = input == DType::undefined ? input : promote(dtype, input);
    return dtype;
  }

 private:
  template <class T, class Sum>
  static void compute(Call& call, const std::vector<const Tensor*>& operands, const Nest& nest, DType dtype) {
    Tensor& out = call.allocate(0, dtype, nest.shape());
    const std::int64_t count = out.count();
    Sum* sums = dtype == dtype_of<Sum>::value ? out.as<Sum>() : call.scratch_of<Sum>(count);
    std::fill_n(sums, count, Sum{});
    if (!nest.empty()) {
      Operands<T> at{};
      for (std::size_t i = 0; i < operands.size(); ++i) at[i] = numbers<T>(call, *operands[i]);
      accumulate(call.threads(), nest, operands.size(), at, sums);
    }
    if (out.data != sums) convert_numbers(Tensor{dtype_of<Sum>::value, out.shape, sums, {}}, out, call.threads());
  }

  template <class T, class Sum>
  static void accumulate(int threads, const Nest& nest, std::size_t operands, const Operands<T>& start, Sum* sums) {
    const std::vector<Loop>& loops = nest.loops();
    const std::size_t shared = nest.shared();
    const Walk<T, Sum> walk{loops, operands};
    if (shared != 0) {  // nothing to share, or only the innermost loop is the output's
      walk.run(0, start, sums, 0, loops[0].dim);
      return;
    }
    std::int64_t work = 1;
    for (std::size_t i = 1; i < loops.size(); ++i) work *= loops[i].dim;
    const std::int64_t grain = std::max<std::int64_t>(1, (std::int64_t{1} << 16) / std::max<std::int64_t>(work, 1));
    parallel(loops[0].dim, grain, threads,
             [&](std::int64_t first, std::int64_t last) noexcept { walk.run(0, start, sums, first, last); });
  }

  Equation equation_;
};

std::unique_ptr<Op> prepare(const Node& node) { return std::make_unique<Einsum>(node); }

const Registration registration{"", "Einsum", 12, any_version, prepare, refuse};

}  // namespace
}  // namespace sklort
