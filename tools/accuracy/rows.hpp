// The six kinds of rows that row functions are measured on (numerics, error contract).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::accuracy {

enum class RowKind : std::uint8_t { normal, wide, equal, dominant, ascending, descending };
inline constexpr RowKind kRowKinds[] = {RowKind::normal,   RowKind::wide,      RowKind::equal,
                                        RowKind::dominant, RowKind::ascending, RowKind::descending};
// "N(0, 1)", ...
[[nodiscard]] std::string_view name(RowKind kind);

// The same ones for the same seed.
[[nodiscard]] std::vector<double> normals(std::size_t width, std::uint32_t seed);
[[nodiscard]] std::vector<double> row_of(RowKind kind, std::size_t width, std::uint32_t seed = 1);

}  // namespace sluice::accuracy
