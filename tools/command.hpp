// What the commands share: how one is added to the command line, and how it reports.
//
// A command parses its arguments through CLI11, does its work when they are sound, and says what
// came of it as an exit code: 0, 1 for a check that failed, 2 for bad usage or input. An error is
// one sentence on standard error (or a text's diagnostics); results go to standard output only when
// there is no error.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <sluice/status.hpp>

namespace CLI {
class App;
}

namespace sluice::tools {

inline constexpr int kDone = 0;
inline constexpr int kCheckFailed = 1;
inline constexpr int kBadUsage = 2;

// What the arguments ask for; set while they are parsed, run after.
using Action = std::function<int()>;

void add_list(CLI::App& app, Action& action);
void add_show(CLI::App& app, Action& action);
void add_run(CLI::App& app, Action& action);
void add_check(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_cache(CLI::App& app, Action& action);
void add_compile(CLI::App& app, Action& action);
int print_version(bool json);

// Writes an error to standard error; the exit code for it.
int report(const Error& error);
// Warnings of the user's texts, and notes, to standard error.
void warn(std::string_view text);
// Writes a result to standard output; the exit code, which is not 0 where it could not be written.
int print(std::string_view text);

}  // namespace sluice::tools
