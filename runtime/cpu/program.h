// A whole plan, run in one call. Immutable once built; what a run needs to write is in a Frame from the program's pool,
// so any number of threads may run one program at once.
//
// The graphs inside a node are programs too. Their frames belong to the frame around them and share its memory, so values pass
// in and out without a copy, and a loop that has run once finds every buffer it needs.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "op.h"
#include "row_layout.h"
#include "value.h"
#include "watch.h"

namespace sklort {

struct ProgramInput {
  int slot;
  std::string name;
  DType dtype;                                     // undefined: not a tensor, or any
  std::optional<std::vector<std::int64_t>> shape;  // -1: free; nothing: any rank
};

struct ProgramOutput {
  int slot;
  std::string name;
  DType dtype;                                          // what the model declares; undefined: as computed
  std::optional<std::vector<std::int64_t>> shape = {};  // the declared one; -1: free; nothing: any rank
  DType computed = DType::undefined;                    // what the steps make, where that is known
};

struct Step {
  std::shared_ptr<const Op> op;
  std::string label;
  std::vector<std::string> names;  // of the inputs, for messages
  std::vector<int> inputs;         // slots; -1: omitted
  std::vector<int> outputs;        // slots; -1: nobody reads it
  std::vector<int> release;        // slots that die with this step
  std::vector<Subgraph> subgraphs = {};
  std::size_t first_subgraph = 0;  // counted over the whole program
};

// The writable half of one run.
class Frame {
 public:
  Frame(const Program& program, Frame* outer);

 private:
  friend class Body;
  friend class Call;
  friend class Program;
  void forget_unread() noexcept;

  // What the frames of a run share.
  struct Memory {
    BufferPool pool;
    std::vector<std::unique_ptr<std::string>> texts;
    Watch* watch = nullptr;  // of this run
  };
  // Declared before the values, which give their memory back to it when they go.
  std::unique_ptr<Memory> own_memory_;  // of the outermost frame
  Memory& memory_;
  std::vector<Value> fed_;      // for the inputs of a subgraph
  std::vector<Value> results_;  // of a subgraph
  std::vector<Value> own_;
  std::vector<const Value*> slots_;  // own values, the program's constants, or the caller's inputs
  std::vector<char> leaves_;         // the slot is a graph output: its memory is not taken back
  std::vector<BufferRef> scratch_;
  std::vector<std::unique_ptr<Tensor>> unread_;  // outputs of a step that nobody reads: kept, used by one step after the other
  std::size_t unread_count_ = 0;                 // of this step
  std::vector<std::unique_ptr<Frame>> inner_;    // one for each subgraph that has run
};

class Program {
 public:
  // What a run returns: values that stay valid until the Result goes.
  class Result {
   public:
    Result(Result&&) = default;
    ~Result() {
      if (frame_) program_.give_back(std::move(frame_));
    }
    const Value& operator[](std::size_t output) const {
      if (!frame_) return whole_[output];
      return *frame_->slots_[static_cast<std::size_t>(program_.outputs_[output].slot)];
    }
    // Takes the memory of a tensor output, to be freed with free(); nullptr when it is shared and must be copied.
    void* detach(std::size_t output) noexcept;

   private:
    friend class Program;
    explicit Result(const Program& program) : program_(program) {}
    const Program& program_;
    std::unique_ptr<Frame> frame_;
    // Of a run block by block: the outputs put together.
    std::vector<Value> whole_;
    std::vector<std::unique_ptr<void, void (*)(void*)>> memory_;
  };

  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() { delete spare_.load(); }

  // Throws Stopped when the watch says so. `targets`: nothing, or for each output memory of the caller (without data: none). A
  // batch that is cut into blocks is put together there, where type and shape are those of the output; no other run looks at it.
  Result run(std::span<const Value> inputs, int threads, Watch* watch = nullptr, std::span<const Tensor> targets = {}) const;

  std::span<const ProgramInput> inputs() const noexcept { return inputs_; }
  std::span<const ProgramOutput> outputs() const noexcept { return outputs_; }
  std::span<const Step> steps() const noexcept { return steps_; }
  std::int64_t block_rows() const noexcept { return block_rows_; }  // 0: a batch cannot be cut
  bool has_subgraphs() const noexcept { return subgraph_count_ != 0; }

 private:
  friend class Body;
  friend class Call;
  friend class Frame;
  friend class ProgramBuilder;
  std::unique_ptr<Frame> borrow() const;
  void give_back(std::unique_ptr<Frame> frame) const noexcept;
  void clear(Frame& frame) const noexcept;
  void execute(Frame& frame, int threads) const;
  static std::string read_by(const Frame& frame, const Step& step);
  void note(const Frame& frame, const Step& step, std::int64_t begin) const;
  void run_steps(Frame& frame, std::span<const Value> inputs, int threads) const;
  // False when the batch cannot be cut, or a block failed: the whole batch then runs at once, and raises what it raises.
  std::int64_t block_of(std::int64_t rows, int threads) const noexcept;
  bool run_blocks(Result& result, std::span<const Value> inputs, int threads, Watch* watch,
                  std::span<const Tensor> targets) const;

  std::size_t slot_count_ = 0;
  std::size_t subgraph_count_ = 0;
  std::vector<ProgramInput> inputs_;
  std::vector<ProgramOutput> outputs_;
  std::vector<Step> steps_;
  std::vector<std::pair<int, Value>> constants_;
  std::vector<std::shared_ptr<void>> memory_;   // behind the constants
  std::int64_t block_rows_ = 0;                 // 0: the program is not by rows
  mutable std::atomic<Frame*> spare_{nullptr};  // the frame of one caller after the other, who then need no lock
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Frame>> idle_;  // of callers at the same time
};

// Operators prepared for one program and good for others of the same model: those that read no constant. A forest is then packed
// once for `predict` and `predict_proba`.
class Prepared {
 public:
  // `key` names the node's attributes within the model.
  std::shared_ptr<const Op> find(std::uint64_t key, const std::vector<DType>& dtypes) const;
  void keep(std::uint64_t key, const std::vector<DType>& dtypes, std::shared_ptr<const Op> op);

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::uint64_t, std::vector<DType>>, std::shared_ptr<const Op>> ops_;
};

class ProgramBuilder {
 public:
  explicit ProgramBuilder(int slots, std::shared_ptr<Prepared> prepared = nullptr);
  void input(ProgramInput input);
  void constant(int slot, Value value, std::shared_ptr<void> memory);
  // Prepares the operator; throws Error with the label in front.
  void step(Node node, std::uint64_t key, std::vector<int> inputs, std::vector<int> outputs, std::vector<int> release,
            std::vector<std::string> names = {});
  void output(ProgramOutput output);
  std::unique_ptr<Program> build();

 private:
  void check_slot(int slot, bool omittable) const;
  std::shared_ptr<const Op> prepare(const Node& node, std::uint64_t key) const;
  std::unique_ptr<Program> program_;
  std::shared_ptr<Prepared> prepared_;
  std::vector<RowLayout> layouts_;       // by slot
  bool by_rows_ = true;                  // so far
  std::int64_t widest_ = 1;              // elements in a row of any value
  std::int64_t wanted_rows_ = 0;         // of the operator that wants the largest blocks
  std::vector<DType> dtypes_;            // by slot, as far as known
  std::vector<const Value*> constants_;  // by slot
  std::vector<std::unique_ptr<Value>> held_;
};

}  // namespace sklort
