#include "fibers.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace sklort::emulation {

Place thread_index;
Place block_index;
Place block_size;
Place grid_size;

namespace {

constexpr unsigned most_threads = 1024;
constexpr unsigned warp = 32;
constexpr unsigned char poison = 0xCD;
constexpr unsigned char guard_byte = 0xA7;
constexpr std::size_t guard_bytes = 256;
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t stack_bytes = 256 << 10;
constexpr bool sanitized = true;
#else
constexpr std::size_t stack_bytes = 64 << 10;
constexpr bool sanitized = false;
#endif

enum class State { runs, at_barrier, in_exchange, done };

struct Later {
  void* to;
  const void* from;
  std::size_t bytes;
};

struct Fiber {
  State state = State::runs;
  int line = 0;
  unsigned mask = 0;
  std::uint64_t given = 0;
  std::vector<std::vector<Later>> groups;  // of copies; the last one is open
#if defined(__x86_64__)
  void* stack_pointer = nullptr;
#else
  ucontext_t context;
#endif
};

std::mutex one_launch;
Fiber fibers[most_threads];
unsigned char* stacks = nullptr;
unsigned current = 0;
unsigned threads = 0;
Entry running = nullptr;
void** given_arguments = nullptr;
unsigned char* shared_block = nullptr;
std::uint64_t tables[most_threads];
std::string error;

#if defined(__x86_64__)

void* scheduler_pointer;

// Keeps what a callee must keep, on the stack that is left, and takes it from the stack that is entered.
extern "C" void sklort_switch(void** leave, void* enter);
asm(R"(
.text
.type sklort_switch, @function
sklort_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size sklort_switch, .-sklort_switch
)");

void to_scheduler() { sklort_switch(&fibers[current].stack_pointer, scheduler_pointer); }
void to_fiber(unsigned thread) { sklort_switch(&scheduler_pointer, fibers[thread].stack_pointer); }

void begin();

void prepare(unsigned thread) {
  auto* top = reinterpret_cast<void**>(stacks + (thread + 1) * stack_bytes);
  *--top = nullptr;  // so that the stack is aligned as after a call
  *--top = reinterpret_cast<void*>(&begin);
  top -= 6;
  std::fill_n(top, 6, nullptr);
  fibers[thread].stack_pointer = top;
}

#else

ucontext_t scheduler_context;

void to_scheduler() { swapcontext(&fibers[current].context, &scheduler_context); }
void to_fiber(unsigned thread) { swapcontext(&scheduler_context, &fibers[thread].context); }

void begin();

void prepare(unsigned thread) {
  ucontext_t& context = fibers[thread].context;
  getcontext(&context);
  context.uc_stack.ss_sp = stacks + thread * stack_bytes;
  context.uc_stack.ss_size = stack_bytes;
  context.uc_link = nullptr;
  makecontext(&context, begin, 0);
}

#endif

void finish_groups(Fiber& fiber, std::size_t kept) {
  // The last group is open: it is not waited for.
  while (fiber.groups.size() > kept + 1) {
    for (const Later& copy : fiber.groups.front()) std::memcpy(copy.to, copy.from, copy.bytes);
    fiber.groups.erase(fiber.groups.begin());
  }
}

void begin() {
  running(given_arguments);
  fibers[current].state = State::done;
  to_scheduler();
}

void place(unsigned thread) {
  current = thread;
  thread_index = {thread % block_size.x, thread / block_size.x % block_size.y, thread / block_size.x / block_size.y};
}

bool open_exchanges() {
  bool opened = false;
  for (unsigned first = 0; first < threads; first += warp) {
    const unsigned last = std::min(threads, first + warp);
    for (unsigned thread = first; thread < last && error.empty(); ++thread) {
      if (fibers[thread].state != State::in_exchange) continue;
      const unsigned mask = fibers[thread].mask;
      bool complete = (mask >> (thread - first) & 1) != 0;
      if (!complete) error = "a lane takes part in an exchange whose mask leaves it out";
      for (unsigned lane = 0; lane < last - first && complete; ++lane) {
        if ((mask >> lane & 1) == 0) continue;
        const Fiber& other = fibers[first + lane];
        if (other.state == State::done) error = "an exchange within a warp waits for a lane that is gone";
        complete = other.state == State::in_exchange && other.mask == mask;
      }
      if (!complete || !error.empty()) continue;
      for (unsigned lane = 0; lane < last - first; ++lane) {
        if ((mask >> lane & 1) == 0) continue;
        tables[first + lane] = fibers[first + lane].given;
        fibers[first + lane].state = State::runs;
      }
      opened = true;
    }
  }
  return opened;
}

bool open_barrier() {
  unsigned waiting = 0;
  unsigned done = 0;
  int line = 0;
  for (unsigned thread = 0; thread < threads; ++thread) {
    waiting += static_cast<unsigned>(fibers[thread].state == State::at_barrier);
    done += static_cast<unsigned>(fibers[thread].state == State::done);
    if (fibers[thread].state != State::at_barrier) continue;
    if (line != 0 && fibers[thread].line != line) error = "threads of a block wait at different barriers";
    line = fibers[thread].line;
  }
  if (waiting == 0 || waiting + done != threads || !error.empty()) return false;
  if (done != 0) {
    error = "a barrier is reached by a part of the block only";
    return false;
  }
  for (unsigned thread = 0; thread < threads; ++thread) fibers[thread].state = State::runs;
  return true;
}

void run_block(int order) {
  for (unsigned thread = 0; thread < threads; ++thread) {
    fibers[thread].state = State::runs;
    fibers[thread].groups.assign(1, {});
    prepare(thread);
  }
  for (;;) {
    bool ran = false;
    for (unsigned i = 0; i < threads && error.empty(); ++i) {
      const unsigned thread = order == descending ? threads - 1 - i : i;
      if (fibers[thread].state != State::runs) continue;
      ran = true;
      place(thread);
      to_fiber(thread);
    }
    if (!error.empty()) return;
    if (std::all_of(fibers, fibers + threads, [](const Fiber& one) { return one.state == State::done; })) return;
    ran = open_exchanges() || ran;
    if (error.empty()) ran = open_barrier() || ran;
    if (error.empty() && !ran) error = "threads of a block wait for one another";
    if (!error.empty()) return;
  }
}

void run_grid(Place grid, std::size_t shared_bytes, int order) {
  // Under a sanitizer the block ends where the kernel's memory ends; otherwise bytes behind it show what was written there.
  const std::size_t behind = sanitized ? 0 : guard_bytes;
  const std::size_t bytes = std::max<std::size_t>((shared_bytes + 15) / 16 * 16 + behind, 16);
  const std::uint64_t blocks = std::uint64_t{grid.x} * grid.y * grid.z;
  for (std::uint64_t i = 0; i < blocks && error.empty(); ++i) {
    const std::uint64_t block = order == descending ? blocks - 1 - i : i;
    const std::unique_ptr<unsigned char, void (*)(void*)> memory(static_cast<unsigned char*>(std::aligned_alloc(16, bytes)),
                                                                 std::free);
    std::memset(memory.get(), poison, shared_bytes);
    std::memset(memory.get() + shared_bytes, guard_byte, bytes - shared_bytes);
    shared_block = memory.get();
    block_index = {static_cast<unsigned>(block % grid.x), static_cast<unsigned>(block / grid.x % grid.y),
                   static_cast<unsigned>(block / grid.x / grid.y)};
    run_block(order);
    const bool intact =
        std::all_of(memory.get() + shared_bytes, memory.get() + bytes, [](unsigned char byte) { return byte == guard_byte; });
    if (!intact && error.empty()) error = "a block wrote behind its shared memory";
  }
}

}  // namespace

unsigned char* shared_memory() { return shared_block; }

void barrier(int line) {
  fibers[current].state = State::at_barrier;
  fibers[current].line = line;
  const unsigned thread = current;
  to_scheduler();
  place(thread);
}

const std::uint64_t* exchange(unsigned mask, std::uint64_t given) {
  const unsigned thread = current;
  fibers[thread].state = State::in_exchange;
  fibers[thread].mask = mask;
  fibers[thread].given = given;
  to_scheduler();
  place(thread);
  return tables + thread / warp * warp;
}

void refuse(const char* words) {
  error = words;
  for (;;) to_scheduler();
}

void copy_later(void* to, const void* from, std::size_t bytes) {
  if ((reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from)) % bytes != 0)
    refuse("a copy of 16 bytes to or from an address that is not a multiple of 16");
  fibers[current].groups.back().push_back({to, from, bytes});
}

void close_group() { fibers[current].groups.emplace_back(); }

void wait_for_all_but(unsigned groups) { finish_groups(fibers[current], groups); }

int launch(Entry entry, void** arguments, Place grid, Place block, std::size_t shared_bytes, int order, char* message,
           std::size_t size) {
  const std::lock_guard lock(one_launch);
  error.clear();
  threads = block.x * block.y * block.z;
  if (threads == 0 || threads > most_threads) error = "a block must have 1 to 1024 threads";
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) error = "a grid must have a block";
  if (grid.y > 65535 || grid.z > 65535 || grid.x > 0x7FFFFFFFU) error = "the grid is larger than hardware takes";
  if (stacks == nullptr) {
    stacks = static_cast<unsigned char*>(
        mmap(nullptr, most_threads * stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  }
  if (error.empty()) {
    running = entry;
    given_arguments = arguments;
    block_size = block;
    grid_size = grid;
    run_grid(grid, shared_bytes, order);
  }
  std::snprintf(message, size, "%s", error.c_str());
  return error.empty() ? 0 : 1;
}

}  // namespace sklort::emulation
