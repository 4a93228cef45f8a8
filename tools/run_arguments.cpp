#include "tools/run_arguments.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace sluice::tools {

Error misuse(std::string message) { return {Status::invalid_argument, std::move(message)}; }
Error unknown(std::string message) { return {Status::unknown_name, std::move(message)}; }

Outcome each(const std::vector<std::string>& texts, std::string_view option,
             const std::function<Outcome(const Assignment&)>& use) {
  for (const std::string& text : texts) {
    const std::size_t at = text.find('=');
    if (at == std::string::npos || at == 0)
      return misuse(fmt::format("{} takes NAME=..., not '{}'", option, text));
    if (Outcome used = use({text.substr(0, at), text.substr(at + 1)}); !used) return used;
  }
  return Unit{};
}

Outcome check_options(const RunArguments& arguments) {
  const auto one_of = [](std::string_view option, std::string_view value,
                         std::initializer_list<std::string_view> known) -> Outcome {
    if (std::find(known.begin(), known.end(), value) != known.end()) return Unit{};
    return unknown(fmt::format("{} is one of {}, not '{}'", option, fmt::join(known, ", "), value));
  };
  if (Outcome ok = one_of("--reduction", arguments.reduction, {"none", "sum", "mean"}); !ok)
    return ok;
  if (Outcome ok = one_of("--saved", arguments.saved, {"inputs", "outputs", "auto"}); !ok)
    return ok;
  if (Outcome ok = one_of("--empty", arguments.empty, {"nan", "zero"}); !ok) return ok;
  if (arguments.splits.size() > 1) return misuse("--split is given twice");
  if (arguments.values.size() > 1) return misuse("--values is given twice");
  return Unit{};
}

}  // namespace sluice::tools
