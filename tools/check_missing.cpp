// sluice check where MPFR was not found when Sluice was built.

#include <CLI/CLI.hpp>

#include "tools/command.hpp"

namespace sluice::tools {

void add_check(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("check", "Not in this build, which had no MPFR");
  command->allow_extras();
  command->callback([&action] {
    action = [] {
      return report({Status::unsupported,
                     "this build has no 'check': MPFR was not found (Debian: libmpfr-dev)"});
    };
  });
}

}  // namespace sluice::tools
