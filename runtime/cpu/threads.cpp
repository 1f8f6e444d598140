#include "threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <unistd.h>
#endif

#include "watch.h"

namespace sklort {

namespace {

int from_environment(const char* name) noexcept {
  const char* text = std::getenv(name);
  if (text == nullptr) return 0;
  const int value = std::atoi(text);
  return value > 0 ? value : 0;
}

int affinity() noexcept {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// The cgroup's quota in whole CPUs, rounded up; 0 when there is none.
int quota() noexcept {
  long long limit = 0;
  long long period = 0;
  if (std::FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    const int fields = std::fscanf(file, "%lld %lld", &limit, &period);  // "max 100000" when unlimited
    std::fclose(file);
    if (fields != 2) return 0;
  } else {
    const auto read = [](const char* path) {
      long long value = 0;
      std::FILE* opened = std::fopen(path, "r");
      if (opened == nullptr) return 0LL;
      if (std::fscanf(opened, "%lld", &value) != 1) value = 0;
      std::fclose(opened);
      return value;
    };
    limit = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    period = read("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  }
  if (limit <= 0 || period <= 0) return 0;
  return static_cast<int>((limit + period - 1) / period);
}

int measured_limit() noexcept {
  if (const int asked = from_environment("SKLORT_NUM_THREADS")) return asked;
  int limit = affinity();
  if (const int cpus = quota()) limit = std::min(limit, cpus);
  if (const int openmp = from_environment("OMP_NUM_THREADS")) limit = std::min(limit, openmp);
  return limit;
}

std::atomic<int> chosen_limit{0};

// A range of work, cut into chunks that threads take from a counter, since a neighbour on the machine may slow one core.
struct Job {
  std::int64_t count;
  std::int64_t chunk;
  detail::Body body;
  void* context;
  Watch* watch;
  std::atomic<std::int64_t> next{0};

  void work(int worker) noexcept {
    for (;;) {
      if (watch != nullptr && watch->poll()) return;
      const std::int64_t first = next.fetch_add(chunk, std::memory_order_relaxed);
      if (first >= count) return;
      body(context, worker, first, std::min(count, first + chunk));
    }
  }

  // Everything on this thread: at once, or where somebody watches in ranges that grow until one takes about a millisecond.
  void work_alone() noexcept {
    using Clock = std::chrono::steady_clock;
    if (watch == nullptr) return body(context, 0, 0, count);
    std::int64_t range = chunk;
    for (std::int64_t first = 0; first < count && !watch->poll();) {
      const std::int64_t last = count - first > range ? first + range : count;
      const auto start = Clock::now();
      body(context, 0, first, last);
      if (last < count && Clock::now() - start < std::chrono::milliseconds(1)) range *= 2;
      first = last;
    }
  }
};

thread_local bool inside_job = false;
thread_local Watch* watched = nullptr;

class Pool {
 public:
  // False when the pool is busy: the caller then works alone.
  bool run(Job& job, int workers) noexcept {
    if (!busy_.try_lock()) return false;
    const std::lock_guard busy(busy_, std::adopt_lock);
    try {
      while (static_cast<int>(threads_.size()) < workers) {
        threads_.emplace_back(
            [this, index = static_cast<int>(threads_.size()), seen = generation_.load()] { serve(index, seen); });
        threads_.back().detach();
      }
    } catch (...) {  // no more threads to be had: the work is done by those there are
    }
    job_ = &job;
    wanted_ = std::min(workers, static_cast<int>(threads_.size()));
    gate_.store(0, std::memory_order_release);
    {
      const std::lock_guard lock(wake_mutex_);
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    job.work(0);
    // Nothing is left to begin. Whoever has begun is waited for; whoever has not yet woken up comes to a closed gate.
    for (int gate = gate_.fetch_or(closed, std::memory_order_acq_rel) | closed; gate != closed;
         gate = gate_.load(std::memory_order_acquire)) {
      gate_.wait(gate, std::memory_order_acquire);
    }
    return true;
  }

 private:
  // The gate of a job: a bit that it is closed, and above it how many workers are inside.
  static constexpr int closed = 1;
  static constexpr int one_inside = 2;

  void serve(int index, std::uint64_t seen) noexcept {
    inside_job = true;
    for (;;) {
      wait_past(seen);
      seen = generation_.load(std::memory_order_acquire);
      if (!enter()) continue;
      if (index < wanted_) job_->work(index + 1);
      if (gate_.fetch_sub(one_inside, std::memory_order_acq_rel) == (one_inside | closed)) gate_.notify_one();
    }
  }

  bool enter() noexcept {
    int gate = gate_.load(std::memory_order_relaxed);
    while ((gate & closed) == 0) {
      if (gate_.compare_exchange_weak(gate, gate + one_inside, std::memory_order_acquire, std::memory_order_relaxed)) return true;
    }
    return false;
  }

  // Looks for new work for some microseconds, then sleeps.
  void wait_past(std::uint64_t seen) noexcept {
    for (int spin = 0; spin < 2000; ++spin) {
      if (generation_.load(std::memory_order_acquire) != seen) return;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
    std::unique_lock lock(wake_mutex_);
    wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
  }

  std::mutex busy_;
  std::mutex wake_mutex_;
  std::condition_variable wake_;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<int> gate_{closed};
  std::vector<std::thread> threads_;
  Job* job_ = nullptr;
  int wanted_ = 0;
};

// Never destroyed: workers may outlive static destruction. Replaced, not reused, in a forked child, which has no workers.
Pool* pool = nullptr;

Pool& the_pool() {
  static const bool started = [] {
    pool = new Pool;
#if defined(__unix__) || defined(__APPLE__)
    pthread_atfork(nullptr, nullptr, [] {
      pool = new Pool;
      inside_job = false;
    });
#endif
    return true;
  }();
  (void)started;
  return *pool;
}

}  // namespace

int thread_limit() noexcept {
  const int chosen = chosen_limit.load(std::memory_order_relaxed);
  if (chosen > 0) return chosen;
  static const int measured = measured_limit();
  return measured;
}

Watching::Watching(Watch* watch) noexcept : before_(std::exchange(watched, watch)) {}
Watching::~Watching() { watched = before_; }

void set_thread_limit(int threads) noexcept { chosen_limit.store(std::max(0, threads), std::memory_order_relaxed); }

namespace detail {

void parallel(std::int64_t count, std::int64_t chunk, int threads, Body body, void* context) {
  Watch* const watch = watched;
  Job job{count, chunk, body, context, watch};
  {
    const Watching nobody(nullptr);  // what is called inside could not throw
    const auto chunks = (count + chunk - 1) / chunk;
    const int workers = inside_job ? 0 : static_cast<int>(std::min<std::int64_t>(threads, chunks)) - 1;
    if (workers <= 0) {
      job.work_alone();
    } else {
      inside_job = true;
      if (!the_pool().run(job, workers)) job.work_alone();
      inside_job = false;
    }
  }
  if (watch != nullptr && watch->stopped()) throw Stopped{};
}

}  // namespace detail

}  // namespace sklort
