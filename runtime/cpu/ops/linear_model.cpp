// LinearModel: a whole linear model in one step, what passes make of scalers, encoders, products, links and labels.
//
// Inputs: the sources, then weights and bias, which are constants of the element type the model computes in. Without attributes
// of columns (see linear/columns.h, linear/categories.h and linear/terms.h) the one source is the matrix itself, and of that
// type. Outputs: labels (rows); linked scores (rows, columns, or 2 where a link makes pairs); scores (rows, columns).
//
// A row's result has the same bits in every batch: numbers are multiplied as MatMul does, then the bias is added, then the rows
// of weights that its categories choose, one after the other, then those of the terms of its texts.
#include <algorithm>
#include <array>
#include <atomic>
#include <new>
#include <optional>
#include <vector>

#include "axes.h"
#include "dense.h"
#include "dispatch.h"
#include "labels.h"
#include "linear/categories.h"
#include "linear/columns.h"
#include "linear/scores.h"
#include "linear/terms.h"
#include "op.h"
#include "text/batch.h"

namespace sklort {
namespace {

Link link_of(const std::string& name) {
  constexpr std::array names = {"NONE", "SOFTMAX", "LOGISTIC", "SHARE", "OPPOSITE", "COMPLEMENT"};
  const auto* found = std::ranges::find(names, name);
  if (found == names.end()) bad_graph("attribute 'link' is '", name, "'");
  return static_cast<Link>(found - names.begin());
}

const Tensor& constant(const Node& node, int input, const char* what) {
  const Value* value = node.constant(input);
  if (value == nullptr || value->kind != Value::Kind::tensor) bad_graph(what, " must be a constant");
  return value->tensor;
}

template <class T>
class LinearModel final : public Op {
 public:
  LinearModel(const Node& node, const Tensor& weights, const Tensor& bias)
      : labels_(node, "classlabels_int64s", "classlabels_strings"),
        sources_(node.inputs() - 2),
        best_of_linked_(node.integer("best_of_linked", 0) != 0),
        scores_(weights.shape[1], link_of(node.text("link", "NONE")), node.integer("nan_wins", 0) != 0, best_of_linked_) {
    const std::int64_t columns = weights.shape[1];
    if (makes_pairs(scores_.link()) && columns != 1) bad_graph("the link makes pairs of one score, not of ", columns);
    if (!labels_.empty() && labels_.size() != std::max<std::int64_t>(columns, 2)) {
      bad_graph("there are ", labels_.size(), " labels for ", columns, " columns of scores");
    }
    if (!node.has("number_sources") && !node.has("category_sources")) {
      if (sources_ != 1) bad_graph("expected one matrix, got ", sources_);
      dense_.emplace(Matrix<T>::row_major(weights.as<T>(), weights.shape[0], columns), bias.as<T>());
      return;
    }
    const auto widths = node.integers("source_widths");
    widths_.assign(widths.begin(), widths.end());
    if (static_cast<std::int64_t>(widths_.size()) != sources_) bad_graph("expected the width of each source");
    numbers_.emplace(node, sources_);
    categories_.emplace(node, sources_);
    if (node.has("text_sources")) terms_.emplace(node, sources_);
    const std::int64_t exact = numbers_->width() + categories_->count();
    const std::int64_t terms = terms_ ? terms_->count() : 0;
    if (exact + terms != weights.shape[0]) {
      bad_graph("there are ", exact + terms, " columns for ", weights.shape[0], " rows of weights");
    }
    dense_.emplace(Matrix<T>::row_major(weights.as<T>(), numbers_->width(), columns), bias.as<T>());
    table_ = categories_->table(weights.as<T>() + numbers_->width() * columns, columns, scores_.stride());
    const std::int64_t stride = scores_.stride();
    term_table_.assign(static_cast<std::size_t>(terms * stride), T{0});
    for (std::int64_t row = 0; row < terms; ++row) {
      std::copy_n(weights.as<T>() + (exact + row) * columns, columns, term_table_.begin() + row * stride);
    }
  }

  void run(Call& call) const override { numbers_ ? run_columns(call) : run_matrix(call); }

  DType result(int output, std::span<const DType>) const override { return output == 0 ? labels_.dtype() : dtype_of<T>::value; }

  std::int64_t block_rows() const override { return -1; }

  std::string explain() const override {
    if (!numbers_) return {};
    const std::string exact = sentence(numbers_->width(), " numbers, ", categories_->columns(), " columns of categories with ",
                                       categories_->count(), " rows of weights");
    if (!terms_) return exact;
    const std::string sparse = sentence(terms_->texts(), " columns of texts with ", terms_->grams(), " terms");
    return numbers_->width() + categories_->columns() == 0 ? sparse : sentence(exact, ", ", sparse);
  }

 private:
  typename Scores<T>::Targets allocate(Call& call, std::int64_t rows) const {
    typename Scores<T>::Targets to;
    if (call.wants(0)) to.labels = &call.allocate(0, labels_.dtype(), {rows});
    if (call.wants(1) || best_of_linked_)
      to.linked = call.allocate(1, dtype_of<T>::value, {rows, scores_.width()}).template as<T>();
    if (call.wants(2)) to.raw = call.allocate(2, dtype_of<T>::value, {rows, dense_->outputs()}).template as<T>();
    return to;
  }

  void run_matrix(Call& call) const {
    const Tensor& x = call.tensor(0);
    if (x.dtype != dtype_of<T>::value) fail("expected ", dtype_name(dtype_of<T>::value), ", got ", dtype_name(x.dtype));
    const std::int64_t k = dense_->inputs();
    if (x.shape.rank() != 2 || x.shape[1] != k) fail("expected rows of ", k, " numbers, got shape ", print(x.shape));
    const T* data = x.as<T>();
    const auto to = allocate(call, x.shape[0]);
    scores_.run(call, x.shape[0], dense_->chunk(), labels_, to,
                [&](int, std::int64_t first, std::int64_t count, T* made, std::int64_t stride) noexcept {
                  dense_->run_here(data + first * k, count, made, stride);
                });
  }

  void run_columns(Call& call) const {
    std::array<Source, 32> few;
    Source* sources = sources_ <= static_cast<std::int64_t>(few.size()) ? few.data() : call.scratch_of<Source>(sources_);
    const std::int64_t rows = read_sources(call, widths_, sources);
    numbers_->check(sources);
    categories_->check(sources);
    if (terms_) terms_->check(sources);
    const auto to = allocate(call, rows);
    const std::int64_t block = std::min(scores_.block_rows(), rows);
    const std::int64_t width = numbers_->width();
    const std::int64_t number_size = block * width + numbers_->memory_size(block) + 16;
    const std::int64_t index_size = block * categories_->columns();
    T* memory = call.scratch_of<T>(number_size * call.threads());
    auto* indices = call.scratch_of<std::int32_t>(index_size * call.threads());
    std::atomic<std::int64_t> unknown{categories_->columns() * rows};
    std::int64_t chunk = std::min<std::int64_t>(dense_->chunk(), 1024);
    std::vector<Terms::Found> found_terms;
    std::atomic<bool> failed{false};
    if (terms_) {
      const bool few = terms_->bytes(sources, rows) < text::bytes_worth_threads;
      chunk = few ? std::max<std::int64_t>(rows, 1) : std::min(chunk, text::texts_a_chunk);
      for (int worker = 0; worker < (few ? 1 : std::max(call.threads(), 1)); ++worker) found_terms.push_back(terms_->scratch());
    }
    scores_.run(call, rows, chunk, labels_, to,
                [&](int worker, std::int64_t first, std::int64_t count, T* made, std::int64_t stride) noexcept {
                  T* x = memory + worker * number_size;
                  if (width > 0) numbers_->fill(sources, first, count, x, x + block * width);
                  dense_->run_here(x, count, made, stride);
                  if (index_size > 0) {
                    std::int32_t* index = indices + worker * index_size;
                    const std::int64_t found = categories_->find(sources, rows, first, count, index);
                    numbers_->loops().add(table_.data(), index, categories_->columns(), count, stride, made);
                    for (std::int64_t seen = unknown.load(); found < seen && !unknown.compare_exchange_weak(seen, found);) {
                    }
                  }
                  if (terms_ && !add_terms(sources, first, count, found_terms[static_cast<std::size_t>(worker)], made, stride)) {
                    failed.store(true, std::memory_order_relaxed);
                  }
                });
    if (failed.load()) throw std::bad_alloc();
    if (unknown.load() < categories_->columns() * rows) categories_->refuse(sources, rows, unknown.load());
  }

  // False when the memory is used up.
  bool add_terms(const Source* sources, std::int64_t first, std::int64_t count, Terms::Found& found, T* scores,
                 std::int64_t stride) const noexcept {
    try {
      for (std::int64_t row = 0; row < count; ++row) {
        for (std::int64_t text = 0; text < terms_->texts(); ++text) {
          terms_->find(text, sources, first + row, found);
          numbers_->loops().add_times(term_table_.data(), found.rows.data(), found.values.data(),
                                      static_cast<std::int64_t>(found.rows.size()), stride, scores + row * stride);
        }
      }
      return true;
    } catch (...) {
      return false;
    }
  }

  Labels labels_;
  std::int64_t sources_;
  std::vector<std::int64_t> widths_;  // of the sources
  bool best_of_linked_;
  std::optional<Dense<T>> dense_;
  Scores<T> scores_;
  std::optional<Numbers<T>> numbers_;
  std::optional<Categories> categories_;
  std::vector<T> table_;
  std::optional<Terms> terms_;
  std::vector<T> term_table_;
};

std::unique_ptr<Op> prepare(const Node& node) {
  if (node.inputs() < 3) bad_graph("expected sources, weights and bias");
  const Tensor& weights = constant(node, node.inputs() - 2, "the weights");
  const Tensor& bias = constant(node, node.inputs() - 1, "the bias");
  if (weights.shape.rank() != 2) bad_graph("the weights must be a matrix");
  if (bias.dtype != weights.dtype || bias.count() != weights.shape[1]) bad_graph("the bias does not fit the weights");
  return with_float(weights.dtype,
                    [&]<class T>(T) -> std::unique_ptr<Op> { return std::make_unique<LinearModel<T>>(node, weights, bias); });
}

const Registration linear_model{"ai.sklort", "LinearModel", 1, any_version, prepare};

}  // namespace
}  // namespace sklort
