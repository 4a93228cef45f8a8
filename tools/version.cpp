// sluice --version: the version, the rungs and targets built in, and what this processor has.
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sluice/spec.hpp>
#include <sluice/version.hpp>

#include "compiler/driver/llvm.hpp"
#include "compiler/numerics/version.hpp"
#include "support/target.hpp"
#include "tools/command.hpp"

namespace sluice::tools {
namespace {

std::vector<std::string> rungs_built_in() {
  std::vector<std::string> rungs;
  if (SLUICE_HAVE_X64) rungs.emplace_back(name(Rung::x64));
  if (driver::llvm().ok()) rungs.emplace_back(name(Rung::llvm));
  rungs.emplace_back(name(Rung::interpreter));
  return rungs;
}

// Levels for which code can be made, on any machine.
std::vector<std::string> targets_built_in() {
  std::vector<std::string> targets;
  if (SLUICE_HAVE_X64)
    for (Level level : {Level::x86_64_v4, Level::x86_64_v3})
      targets.push_back(to_string(Target{level, 0}));
  targets.push_back(to_string(Target{}));
  return targets;
}

std::vector<std::string> runnable() {
  std::vector<std::string> targets;
  for (const Target& target : runnable_targets()) targets.push_back(to_string(target));
  return {targets.rbegin(), targets.rend()};
}

// "x86-64-v4+vbmi+fp16": the features are what follows the level.
std::vector<std::string> features_of(const Target& target) {
  std::vector<std::string> features;
  std::string text = to_string(target);
  for (std::size_t plus = text.find('+'); plus != std::string::npos;) {
    const std::size_t next = text.find('+', plus + 1);
    features.push_back(text.substr(plus + 1, next - plus - 1));
    plus = next;
  }
  return features;
}

}  // namespace

int print_version(bool json) {
  const Target& host = host_target();
  if (json) {
    const nlohmann::ordered_json all = {
        {"version", kVersion},
        {"numerics", numerics::kVersion},
        {"rungs", rungs_built_in()},
        {"targets", targets_built_in()},
        {"processor",
         {{"target", to_string(host)}, {"features", features_of(host)}, {"runs", runnable()}}}};
    return print(all.dump(2) + "\n");
  }
  return print(fmt::format("sluice {}, numerics {}\nrungs: {}\ntargets: {}\nthis processor: {}\n",
                           kVersion, numerics::kVersion, fmt::join(rungs_built_in(), ", "),
                           fmt::join(targets_built_in(), ", "), to_string(host)));
}

}  // namespace sluice::tools
