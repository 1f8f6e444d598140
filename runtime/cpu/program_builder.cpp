// How a program is made, step by step.
#include <algorithm>
#include <utility>

#include "program.h"

namespace sklort {

std::shared_ptr<const Op> Prepared::find(std::uint64_t key, const std::vector<DType>& dtypes) const {
  const std::lock_guard lock(mutex_);
  const auto found = ops_.find({key, dtypes});
  return found == ops_.end() ? nullptr : found->second;
}

void Prepared::keep(std::uint64_t key, const std::vector<DType>& dtypes, std::shared_ptr<const Op> op) {
  const std::lock_guard lock(mutex_);
  ops_.emplace(std::pair{key, dtypes}, std::move(op));
}

ProgramBuilder::ProgramBuilder(int slots, std::shared_ptr<Prepared> prepared)
    : program_(std::make_unique<Program>()),
      prepared_(std::move(prepared)),
      layouts_(static_cast<std::size_t>(slots)),
      dtypes_(static_cast<std::size_t>(slots), DType::undefined),
      constants_(static_cast<std::size_t>(slots), nullptr) {
  program_->slot_count_ = static_cast<std::size_t>(slots);
}

void ProgramBuilder::check_slot(int slot, bool omittable) const {
  if (slot == -1 && omittable) return;
  if (slot < 0 || static_cast<std::size_t>(slot) >= program_->slot_count_) fail("slot ", slot, " is not in the plan");
}

void ProgramBuilder::input(ProgramInput input) {
  check_slot(input.slot, false);
  dtypes_[static_cast<std::size_t>(input.slot)] = input.dtype;
  if (input.dtype != DType::undefined && input.shape && !input.shape->empty() && input.shape->front() < 0) {
    layouts_[static_cast<std::size_t>(input.slot)] = RowLayout::by_rows({input.shape->begin() + 1, input.shape->end()});
  } else {
    by_rows_ = false;
  }
  program_->inputs_.push_back(std::move(input));
}

void ProgramBuilder::constant(int slot, Value value, std::shared_ptr<void> memory) {
  check_slot(slot, false);
  held_.push_back(std::make_unique<Value>(value));
  constants_[static_cast<std::size_t>(slot)] = held_.back().get();
  dtypes_[static_cast<std::size_t>(slot)] = value.tensor.dtype;
  layouts_[static_cast<std::size_t>(slot)] = {RowLayout::Kind::constant, &held_.back()->tensor, {}};
  program_->constants_.emplace_back(slot, std::move(value));
  program_->memory_.push_back(std::move(memory));
}

std::shared_ptr<const Op> ProgramBuilder::prepare(const Node& node, std::uint64_t key) const {
  const bool shared =
      prepared_ && key != 0 && std::ranges::all_of(node.constants, [](const Value* one) { return one == nullptr; });
  if (shared) {
    if (auto found = prepared_->find(key, node.dtypes)) return found;
  }
  const Registration* found = find_registration(node.domain, node.op_type, node.version);
  if (found == nullptr) throw Error(Status::not_implemented, sentence("no native kernel for version ", node.version));
  std::shared_ptr<const Op> op = found->prepare(node);
  if (shared) prepared_->keep(key, node.dtypes, op);
  return op;
}

void ProgramBuilder::step(Node node, std::uint64_t key, std::vector<int> inputs, std::vector<int> outputs,
                          std::vector<int> release, std::vector<std::string> names) {
  std::vector<RowLayout> layouts;
  for (const int slot : inputs) {
    check_slot(slot, true);
    const auto at = static_cast<std::size_t>(slot);
    node.constants.push_back(slot < 0 ? nullptr : constants_[at]);
    node.dtypes.push_back(slot < 0 ? DType::undefined : dtypes_[at]);
    layouts.push_back(slot < 0 ? RowLayout{RowLayout::Kind::absent, nullptr, {}} : layouts_[at]);
  }
  for (const int slot : outputs) {
    check_slot(slot, true);
    // A frame is told of the constants once, when it is made.
    if (slot >= 0 && constants_[static_cast<std::size_t>(slot)] != nullptr) fail("slot ", slot, " holds a constant");
  }
  for (const int slot : release) check_slot(slot, false);
  for (const Subgraph& subgraph : node.subgraphs) {
    for (const int slot : subgraph.captured) check_slot(slot, false);
    if (subgraph.captured.size() > subgraph.program->inputs().size()) {
      fail("the subgraph '", subgraph.name, "' captures more values than it has inputs");
    }
  }
  node.outputs = static_cast<int>(outputs.size());
  Step step;
  try {
    step.op = prepare(node, key);
  } catch (const Error& error) {
    throw Error(error.status(), sentence(node.label, ": ", error.message()));
  }
  std::vector<RowLayout> made = row_layouts(node, layouts);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    by_rows_ = by_rows_ && made[i].kind == RowLayout::Kind::rows;
    std::int64_t width = 1;
    for (const std::int64_t dim : made[i].trailing) width *= std::max<std::int64_t>(dim, 1);
    widest_ = std::max(widest_, width);
    if (outputs[i] < 0) continue;
    dtypes_[static_cast<std::size_t>(outputs[i])] = step.op->result(static_cast<int>(i), node.dtypes);
    layouts_[static_cast<std::size_t>(outputs[i])] = std::move(made[i]);
  }
  wanted_rows_ = std::max(wanted_rows_, step.op->block_rows());
  step.label = std::move(node.label);
  step.names = std::move(names);
  step.inputs = std::move(inputs);
  step.outputs = std::move(outputs);
  step.release = std::move(release);
  step.subgraphs = std::move(node.subgraphs);
  step.first_subgraph = program_->subgraph_count_;
  program_->subgraph_count_ += step.subgraphs.size();
  program_->steps_.push_back(std::move(step));
}

void ProgramBuilder::output(ProgramOutput output) {
  check_slot(output.slot, false);
  by_rows_ = by_rows_ && layouts_[static_cast<std::size_t>(output.slot)].kind == RowLayout::Kind::rows;
  output.computed = dtypes_[static_cast<std::size_t>(output.slot)];
  program_->outputs_.push_back(std::move(output));
}

std::unique_ptr<Program> ProgramBuilder::build() {
  // A block's widest value should stay in the second-level cache, and a step's fixed cost should not show.
  constexpr std::int64_t cached_elements = (std::int64_t{512} << 10) / 8;
  constexpr std::int64_t least = 256;
  constexpr std::int64_t most = 2048;
  const bool alone = program_->steps_.size() == 1 && program_->steps_.front().op->block_rows() < 0;
  if (by_rows_ && !alone && !program_->inputs_.empty() && !program_->steps_.empty()) {
    program_->block_rows_ = std::max(wanted_rows_, std::clamp(cached_elements / widest_ / 64 * 64, least, most));
  }
  return std::move(program_);
}

}  // namespace sklort
