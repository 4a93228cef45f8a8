// The sluice command: reads the arguments and runs one of the commands, each in a file of its own.
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include <CLI/CLI.hpp>

#include "tools/command.hpp"

namespace {

using namespace sluice::tools;

int bad_usage(const std::string& message, const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  std::string name = "sluice";
  if (command != &app) name += " " + command->get_name();
  return report(
      {sluice::Status::invalid_argument, message + "; '" + name + " --help' says what there is"});
}

int run(int argc, char** argv) {
  CLI::App app{"Compiles activation functions to machine kernels, shows every step, and runs them.",
               "sluice"};
  Action action;
  bool version = false;
  bool json = false;
  app.add_flag("--version", version, "The version, what is built in, and what this machine has");
  app.add_flag("--json", json, "With --version: as JSON");
  add_list(app, action);
  add_show(app, action);
  add_run(app, action);
  add_check(app, action);
  add_bench(app, action);
  add_cache(app, action);
  add_compile(app, action);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return bad_usage(error.what(), app);
  }
  if (version) return print_version(json);
  if (!action) return bad_usage("a command is missing", app);
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  // The standard library throws when memory is out, also where we do not.
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    return report({sluice::Status::out_of_memory, "there is not enough memory"});
  } catch (const std::exception& error) {
    return report({sluice::Status::invalid_argument, error.what()});
  }
}
