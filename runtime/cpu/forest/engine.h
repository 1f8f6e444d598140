// The names of the engines, for options and reports.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sklort::forest {

enum class Engine : std::uint8_t { automatic, walk, gather, compare };

inline constexpr std::array<std::string_view, 4> engine_names = {"auto", "interleaved-walk", "gather-walk", "compare-all"};

inline std::string_view name_of(Engine engine) noexcept { return engine_names[static_cast<std::size_t>(engine)]; }
// Throws when there is no such engine; the message lists them.
Engine engine_of(std::string_view name);

}  // namespace sklort::forest
