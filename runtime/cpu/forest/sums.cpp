#include "sums.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <type_traits>
#include <utility>

#include "convert.h"
#include "general.h"
#include "threads.h"

namespace sklort::forest {

namespace {

// The batch by which an engine is worth its memory.
constexpr std::int64_t many_rows = 4096;

Forms forms_of(const Forest& forest, bool doubles, Engine asked) {
  Forms forms;
  if (!doubles) {
    if (auto narrow = pack_narrow(forest)) forms.walk = std::make_unique<Packed>(std::move(*narrow));
  }
  if (!forms.walk) forms.walk = std::make_unique<Packed>(pack_wide(forest));
  QuickForm form = quick_form(*forms.walk);
  forms.quick = std::move(form.quick);
  forms.quick_refuses = std::move(form.refuses);
  if (forms.quick) {
    if (asked != Engine::quick && forms.pick(1, Engine::automatic) != Engine::quick) {
      forms.quick.reset();
      forms.quick_refuses = "following the paths takes less time";
    }
  }
  forms.compare_refuses = compare_refuses(forest, doubles);
  if (forms.compare_refuses.empty()) {
    forms.compare = std::make_unique<Compared>(compare_form(forest, doubles));
    if (asked != Engine::compare && forms.pick(many_rows, Engine::automatic) != Engine::compare) {
      forms.compare.reset();
      forms.compare_refuses = "testing every branch takes longer";
    }
  }
  return forms;
}

}  // namespace

Sums::Sums(Forest forest, DType dtype, Engine asked)
    : features_(forest.features),
      targets_(forest.targets),
      trees_(static_cast<std::int64_t>(forest.roots.size())),
      aggregate_(forest.aggregate),
      asked_(asked) {
  check_acyclic(forest);
  walk_refuses_ = forest::walk_refuses(forest);
  forest_ = std::make_unique<Forest>(std::move(forest));
  if (!walk_refuses_.empty()) return;
  merge_copies(*forest_);
  if (dtype == DType::undefined) return;
  prepare(dtype != DType::float32);
  forest_.reset();
}

void Sums::prepare(bool doubles) const {
  std::unique_ptr<Forms>& forms = doubles ? doubles_ : floats_;
  if (!forms) forms = std::make_unique<Forms>(forms_of(*forest_, doubles, asked_));
}

template <class Value>
void Sums::add(const Forms& forms, Engine engine, Call& call, const Value* rows, std::int64_t features, std::int64_t count,
               double* sums) const {
  if (engine == Engine::compare) return compare_sums(*forms.compare, call, rows, features, count, sums);
  if (engine == Engine::quick) return quick_sums(*forms.walk, *forms.quick, call, rows, features, count, targets_, sums);
  const Follow how = engine == Engine::gather ? Follow::gather : Follow::plain;
  walk_sums(*forms.walk, how, call, rows, features, count, targets_, sums);
}

template <class Value>
Engine Sums::measure(const Forms& forms, Call& call, const Value* rows, std::int64_t features, std::int64_t count,
                     double* sums) const {
  using Clock = std::chrono::steady_clock;
  constexpr int least_rounds = 3;
  constexpr int most_rounds = 40;
  constexpr auto enough = std::chrono::milliseconds(20);
  std::array<Clock::duration, engine_names.size()> least{};
  least.fill(Clock::duration::max());
  const auto begin = Clock::now();
  for (int round = 0; round < most_rounds && (round < least_rounds || Clock::now() - begin < enough); ++round) {
    for (std::size_t i = 1; i < least.size(); ++i) {  // in turns: a processor may slow down in between
      const auto engine = static_cast<Engine>(i);
      if (!forms.takes(engine)) continue;
      const auto start = Clock::now();
      add(forms, engine, call, rows, features, count, sums);
      least[i] = std::min(least[i], Clock::now() - start);
    }
  }
  return static_cast<Engine>(std::ranges::min_element(least) - least.begin());
}

template <class Value>
void Sums::choose_and_add(const Forms& forms, Call& call, const Value* rows, std::int64_t features, std::int64_t count,
                          double* sums) const {
  std::atomic<Engine>& tuned = tuned_[static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(count)))];
  if (tuning() && count > 0) tuned = measure(forms, call, rows, features, count, sums);
  const Engine known = tuned.load(std::memory_order_relaxed);
  const Engine engine = asked_ == Engine::automatic && forms.takes(known) ? known : forms.pick(count, asked_);
  add(forms, engine, call, rows, features, count, sums);
}

double* Sums::of(Call& call, const Tensor& rows) const {
  const int rank = rows.shape.rank();
  if (rank != 1 && rank != 2) fail("the rows must be a tensor of rank 2, got rank ", rank);
  const std::int64_t count = row_count(rows);
  const std::int64_t features = rows.shape[rank - 1];
  if (features < features_) fail("the trees read feature ", features_ - 1, ", but the rows have ", features, " columns");
  double* sums = call.scratch_of<double>(count * targets_);
  Tensor numbers = rows;
  const bool floats = rows.dtype == DType::float32 && walk_refuses_.empty();
  if (!floats && rows.dtype != DType::float64) {  // float, the 16-bit floats and the integers are exact in double
    if (!is_number(rows.dtype)) fail("the rows must be numbers, got ", dtype_name(rows.dtype));
    numbers = {DType::float64, rows.shape, call.scratch(static_cast<std::size_t>(rows.count()) * sizeof(double)), {}};
    convert_numbers(rows, numbers, call.threads());
  }
  if (!walk_refuses_.empty()) {
    parallel(count, 256, call.threads(), [&](std::int64_t first, std::int64_t last) noexcept {
      sum_general(*forest_, numbers.as<double>() + first * features, features, last - first, sums + first * targets_);
    });
    return sums;
  }
  if (forest_) {
    const std::lock_guard lock(mutex_);
    prepare(!floats);
  }
  if (floats) {
    choose_and_add(*floats_, call, numbers.as<float>(), features, count, sums);
  } else {
    choose_and_add(*doubles_, call, numbers.as<double>(), features, count, sums);
  }
  if (aggregate_ == Aggregate::average && trees_ != 0) {
    for (std::int64_t i = 0; i < count * targets_; ++i) sums[i] /= static_cast<double>(trees_);
  }
  return sums;
}

std::int64_t Sums::block_rows() const noexcept {
  const Forms* forms = floats_ ? floats_.get() : doubles_.get();
  return forms == nullptr || forms->pick(many_rows, asked_) == Engine::compare ? 0 : forms->walk->block_rows();
}

std::string Sums::explain() const {
  if (!walk_refuses_.empty()) return sentence(trees_, " trees: general-walk (", walk_refuses_, ")");
  const std::lock_guard lock(mutex_);
  const Forms* forms = floats_ ? floats_.get() : doubles_.get();
  if (forms == nullptr) return sentence(trees_, " trees, packed at the first run");
  std::string text = forms->explain(asked_);
  for (std::size_t i = 1; i < tuned_.size(); ++i) {
    const Engine engine = tuned_[i].load(std::memory_order_relaxed);
    if (engine == Engine::automatic) continue;
    text +=
        sentence("; measured for ", std::uint64_t{1} << (i - 1), " to ", (std::uint64_t{1} << i) - 1, " rows: ", name_of(engine));
  }
  return text;
}

}  // namespace sklort::forest
