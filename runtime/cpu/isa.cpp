#include "isa.h"

#include <array>
#include <atomic>
#include <cstdlib>

#include "error.h"

namespace sklort {

namespace {

struct Candidate {
  Isa isa;
  const char* name;
  bool (*here)() noexcept;
};

// In order of preference.
constexpr std::array candidates = {
#if defined(SKLORT_X86)
    Candidate{Isa::avx512, "avx512",
              []() noexcept {
                return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
              }},
    Candidate{Isa::avx2, "avx2",
              []() noexcept {
                return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
              }},
#endif
    Candidate{Isa::baseline, "baseline", []() noexcept { return true; }},
};

std::atomic<int> current{static_cast<int>(Isa::baseline)};

}  // namespace

const char* isa_name(Isa isa) noexcept {
  for (const Candidate& one : candidates) {
    if (one.isa == isa) return one.name;
  }
  return "baseline";
}

std::vector<Isa> available_isas() {
  std::vector<Isa> found;
  for (const Candidate& one : candidates) {
    if (one.here()) found.push_back(one.isa);
  }
  return found;
}

Isa current_isa() noexcept { return static_cast<Isa>(current.load(std::memory_order_relaxed)); }

void choose_isa(const std::string& name) {
  const std::vector<Isa> found = available_isas();
  if (name.empty()) {
    current = static_cast<int>(found.front());
    return;
  }
  std::string names;
  for (const Isa isa : found) {
    if (name == isa_name(isa)) {
      current = static_cast<int>(isa);
      return;
    }
    names += names.empty() ? isa_name(isa) : std::string(", ") + isa_name(isa);
  }
  throw Error(Status::invalid_argument, sentence("instruction set '", name, "' is not available here; choose one of: ", names));
}

}  // namespace sklort
