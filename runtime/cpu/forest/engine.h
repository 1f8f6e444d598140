// The names of the engines, for options and reports.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sklort::forest {

enum class Engine : std::uint8_t { automatic, walk, gather, quick, compare };

inline constexpr std::array<std::string_view, 5> engine_names = {"auto", "interleaved-walk", "gather-walk", "quickscorer",
                                                                 "compare-all"};

inline std::string_view name_of(Engine engine) noexcept { return engine_names[static_cast<std::size_t>(engine)]; }
// Throws when there is no such engine; the message lists them.
Engine engine_of(std::string_view name);

// Between the two, every forest that is run measures its engines on the rows it is given, and keeps the fastest for batches of
// about as many. Calls may nest.
void begin_tuning() noexcept;
void end_tuning() noexcept;
bool tuning() noexcept;

}  // namespace sklort::forest
