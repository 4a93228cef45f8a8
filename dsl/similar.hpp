// Names near to one that does not exist, for "did you mean".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::dsl {

// The candidates within a few typing errors of `wanted`, nearest first, at most three.
[[nodiscard]] std::vector<std::string> similar_names(std::string_view wanted,
                                                     std::span<const std::string> candidates);

// "did you mean 'a' or 'b'?", or nothing where there is nothing near.
[[nodiscard]] std::string did_you_mean(std::string_view wanted,
                                       std::span<const std::string> candidates);

}  // namespace sluice::dsl
