// sluice cache: what the disk store holds, whether it is sound, and an end to it.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sluice/runtime.hpp>

#include "runtime/disk_entry.hpp"
#include "runtime/disk_folder.hpp"
#include "tools/command.hpp"
#include "tools/functions.hpp"

namespace sluice::tools {
namespace {

struct Arguments {
  std::string folder;
  std::string list;                // of prewarm
  std::vector<std::string> files;  // likewise: definitions
  bool json = false;
};

Result<DiskFolder> open(const Arguments& arguments) {
  return DiskFolder::open(arguments.folder, UINT64_MAX);
}

int show(const Arguments& arguments, const nlohmann::ordered_json& all, const std::string& text) {
  return print(arguments.json ? all.dump(2) + "\n" : text);
}

int info(const Arguments& arguments) {
  const auto folder = open(arguments);
  if (!folder.ok()) return report(folder.error());
  std::uint64_t bytes = 0;
  const auto files = folder->files();
  for (const DiskFolder::File& each : files) bytes += each.bytes;
  return show(arguments,
              {{"folder", arguments.folder}, {"entries", files.size()}, {"bytes", bytes}},
              fmt::format("{}: {} entries, {} bytes\n", arguments.folder, files.size(), bytes));
}

int verify(const Arguments& arguments) {
  const auto folder = open(arguments);
  if (!folder.ok()) return report(folder.error());
  std::size_t sound = 0, other_builds = 0;
  std::vector<std::string> damaged;
  for (const DiskFolder::File& each : folder->files()) {
    const auto bytes = folder->read(each.name);
    if (!bytes.ok() && bytes.error().status == Status::unavailable) continue;  // gone meanwhile
    const Standing standing =
        bytes.ok() ? read_entry(each.name, *bytes).standing : Standing::damaged;
    switch (standing) {
      case Standing::sound: ++sound; break;
      case Standing::other_build: ++other_builds; break;
      case Standing::damaged:
      case Standing::other_key: damaged.push_back(each.name); break;
    }
  }
  std::string text = fmt::format("{} sound, {} of other builds, {} damaged\n", sound, other_builds,
                                 damaged.size());
  for (const std::string& name : damaged) text += fmt::format("damaged: {}\n", name);
  const int printed = show(arguments,
                           {{"folder", arguments.folder},
                            {"sound", sound},
                            {"other_builds", other_builds},
                            {"damaged", damaged}},
                           text);
  return printed != kDone || damaged.empty() ? printed : kCheckFailed;
}

int clear(const Arguments& arguments) {
  const auto folder = open(arguments);
  if (!folder.ok()) return report(folder.error());
  std::size_t removed = 0;
  std::uint64_t bytes = 0;
  for (const DiskFolder::File& each : folder->files()) {
    if (const Outcome outcome = folder->remove(each.name); !outcome.ok())
      return report(outcome.error());
    ++removed;
    bytes += each.bytes;
  }
  return show(arguments, {{"folder", arguments.folder}, {"removed", removed}, {"bytes", bytes}},
              fmt::format("removed {} entries, {} bytes\n", removed, bytes));
}

int prewarm(const Arguments& arguments) {
  if (const auto folder = open(arguments); !folder.ok()) return report(folder.error());
  RuntimeOptions options;
  options.disk_folder = arguments.folder;
  Runtime runtime(options);
  for (const std::string& path : arguments.files) {
    const auto text = read_text(path, dsl::Limits{}.file_bytes);
    if (!text) return report(text.error());
    if (const Outcome defined = runtime.define(*text, path); !defined.ok())
      return report(defined.error());
  }
  const Outcome done = runtime.prewarm_file(arguments.list);
  const Counters counters = runtime.counters();
  if (!done.ok()) return report(done.error());
  return show(arguments,
              {{"folder", arguments.folder},
               {"compiled", counters.compiles},
               {"found", counters.disk_hits}},
              fmt::format("{}: {} kernels compiled, {} found\n", arguments.folder,
                          counters.compiles, counters.disk_hits));
}

}  // namespace

void add_cache(CLI::App& app, Action& action) {
  CLI::App* const cache = app.add_subcommand("cache", "The kernels that are kept on disk");
  cache->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, int (*act)(const Arguments&),
                       bool lists = false) {
    const auto arguments = std::make_shared<Arguments>();
    CLI::App* const verb = cache->add_subcommand(name, what);
    CLI::Option* const folder =
        verb->add_option("--folder", arguments->folder, "The folder; else what SLUICE_CACHE names");
    folder->envname("SLUICE_CACHE")->required();
    verb->add_flag("--json", arguments->json, "As JSON");
    if (lists) {
      verb->add_option("FILE", arguments->list, "Specs, one a line: gelu f32[64] f32[64]")
          ->required();
      verb->add_option("--lib", arguments->files, "Definitions to read first (repeatable)");
    }
    verb->callback([arguments, act, &action] { action = [=] { return act(*arguments); }; });
  };
  add("info", "How many entries there are, and their bytes", info);
  add("verify", "Whether all entries are sound; exit code 1 where some are damaged", verify);
  add("clear", "Removes all entries", clear);
  add("prewarm", "Compiles the kernels that a file lists, for the next process", prewarm, true);
}

}  // namespace sluice::tools
