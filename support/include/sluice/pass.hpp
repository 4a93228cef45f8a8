// What a kernel of a function computes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

enum class Pass : std::uint8_t {
  forward,           // the outputs
  backward,          // the gradients of inputs, from the inputs and the gradients of the outputs
  forward_backward,  // both
};

// "forward", "backward", "forward_backward".
[[nodiscard]] std::string_view name(Pass pass);
// The pass of that name, if it is one.
[[nodiscard]] std::optional<Pass> pass_from_name(std::string_view text);

}  // namespace sluice
