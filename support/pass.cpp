#include "sluice/pass.hpp"

#include <array>

namespace sluice {

std::string_view name(Pass pass) {
  switch (pass) {
    case Pass::forward: return "forward";
    case Pass::backward: return "backward";
    case Pass::forward_backward: return "forward_backward";
  }
  return "";
}

std::optional<Pass> pass_from_name(std::string_view text) {
  constexpr std::array kPasses = {Pass::forward, Pass::backward, Pass::forward_backward};
  for (const Pass pass : kPasses)
    if (name(pass) == text) return pass;
  return std::nullopt;
}

}  // namespace sluice
