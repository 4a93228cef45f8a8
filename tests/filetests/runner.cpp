// Runs files whose first line is `# run: STEP [OPTIONS]`: the file is the step's input, and what
// the step prints must be what the lines `# check: ...` at the end of the file say.
//
//   parse         definitions, as checked: their canonical text with types
//   diagnostics   definitions, and what is said against them
//   ir-text       a graph's text, which must print as it was parsed, and then parse again
//   ast, ir, rewrites, grad, expand, schedule, asm
//                 what `sluice show --emit STEP [OPTIONS]` prints for each function of the file; of
//                 code the instructions, with labels for addresses and without padding
//
//   sluice_filetests [--update] FILE_OR_FOLDER...
//
// With --update, or with SLUICE_UPDATE_FILETESTS set in the environment, the expectations are
// rewritten, and the difference is read before it is committed.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "compiler/driver/compile.hpp"
#include "compiler/ir/text.hpp"
#include "dsl/print.hpp"
#include "dsl/program.hpp"
#include "tools/subject.hpp"

namespace {

namespace fs = std::filesystem;
using namespace sluice;

struct File {
  fs::path path;
  std::string step;
  std::string options;
  std::string input;     // all but the expectations
  std::string expected;  // as lines of the file
};

// The definitions of the file, checked, in their canonical text with types, and the warnings.
std::string run_parse(const File& file) {
  const dsl::Analysis analysis = dsl::analyze(file.input, "test.slu", &dsl::standard_library());
  if (!analysis.program) return analysis.rendered(Severity::error);
  std::string out;
  for (std::size_t i = analysis.program->first_own(); i < analysis.program->size(); ++i) {
    const dsl::FunctionId id{static_cast<std::uint32_t>(i)};
    out += dsl::print(analysis.program->function(id), *analysis.program, {.types = true});
  }
  return out + analysis.rendered(Severity::warning);
}

// All diagnostics, as a user sees them.
std::string run_diagnostics(const File& file) {
  const dsl::Analysis analysis = dsl::analyze(file.input, "test.slu", &dsl::standard_library());
  return analysis.rendered(Severity::error) + analysis.rendered(Severity::warning);
}

std::string run_ir_text(const File& file) {
  const Result<ir::Graph> graph = ir::parse(file.input);
  if (!graph) return "error: " + graph.error().message + "\n";
  const std::string printed = ir::print(*graph);
  const Result<ir::Graph> again = ir::parse(printed);
  if (!again) return "error: what was printed does not parse: " + again.error().message + "\n";
  return ir::print(*again) == printed ? printed : "error: it prints in two ways\n" + printed;
}

Result<std::string> compiler_step(const File& file, const std::string& function) {
  tools::SubjectOptions options;
  CLI::App app;
  tools::add_options(app, options);
  try {
    app.parse(file.options);
  } catch (const CLI::ParseError& error) {
    return Error{Status::invalid_argument, error.what()};
  }
  options.function = file.path.string() + ":" + function;
  const Result<tools::Subject> subject = tools::read_subject(options);
  if (!subject) return subject.error();
  return tools::step_text(*subject, file.step);
}

// A listing that stays the same where an instruction gets another length: labels in place of
// offsets, and no instructions that only fill.
class Listing {
 public:
  explicit Listing(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) lines_.push_back(line);
    for (const std::string& line : lines_)
      if (const auto target = target_of(line)) labels_.emplace(target->offset, "");
    std::size_t count = 0;
    for (auto& [offset, label] : labels_) label = "L" + std::to_string(++count);
  }

  [[nodiscard]] std::string text() const {
    std::string out;
    for (const std::string& line : lines_) {
      if (line.starts_with("; constants")) continue;  // their size counts the padding
      if (line.starts_with(";")) {
        out += line + "\n";
        continue;
      }
      const auto label = labels_.find(std::strtoull(line.c_str(), nullptr, 16));
      if (label != labels_.end()) out += label->second + ":\n";
      std::string instruction = line.substr(kOffsetWidth);
      if (instruction.starts_with("nop")) continue;
      if (const auto target = target_of(line))
        instruction.replace(target->at - kOffsetWidth, target->size, labels_.at(target->offset));
      out += "  " + instruction + "\n";
    }
    return out;
  }

 private:
  static constexpr std::size_t kOffsetWidth = 8;  // of "    50  "
  struct Target {
    std::size_t at, size;  // in the line
    std::uint64_t offset;
  };

  // An address is written with all its digits, and nothing else is.
  static std::optional<Target> target_of(const std::string& line) {
    constexpr std::size_t kSize = 18;
    const std::size_t at = line.find("0x00000000");
    if (at == std::string::npos || line.find_first_not_of("0123456789ABCDEF", at + 2) < at + kSize)
      return std::nullopt;
    return Target{at, kSize, std::strtoull(line.c_str() + at, nullptr, 16)};
  }

  std::vector<std::string> lines_;
  std::map<std::uint64_t, std::string> labels_;
};

std::string run_compiler(const File& file) {
  const dsl::Analysis analysis = dsl::analyze(file.input, "test.slu", &dsl::standard_library());
  if (!analysis.program) return analysis.rendered(Severity::error);
  std::string out;
  for (std::size_t i = analysis.program->first_own(); i < analysis.program->size(); ++i) {
    const std::string& name = analysis.program->function(static_cast<dsl::FunctionId>(i)).name;
    const Result<std::string> text = compiler_step(file, name);
    out += name + ":\n";
    if (!text)
      out += "error: " + text.error().message + "\n";
    else
      out += file.step == "asm" ? Listing(*text).text() : *text;
  }
  return out;
}

using Run = std::string (*)(const File& file);

// Null where there is no such step.
Run step_from_name(std::string_view name) {
  if (name == "parse") return run_parse;
  if (name == "diagnostics") return run_diagnostics;
  if (name == "ir-text") return run_ir_text;
  return name == "asm" || driver::step_from_name(name) ? run_compiler : nullptr;
}

constexpr std::string_view kRun = "# run: ";
constexpr std::string_view kCheck = "# check:";

// The lines of what a step printed, as expectations.
std::string as_checks(std::string_view printed) {
  std::string out;
  std::istringstream lines{std::string(printed)};
  for (std::string line; std::getline(lines, line);) {
    out += std::string(kCheck) + (line.empty() ? "" : " " + line) + "\n";
  }
  return out;
}

File read_file(const fs::path& path) {
  File file;
  file.path = path;
  std::ifstream content(path, std::ios::binary);
  for (std::string line; std::getline(content, line);) {
    if (line.starts_with(kRun)) {
      file.step = line.substr(kRun.size(), line.find(' ', kRun.size()) - kRun.size());
      file.options = line.substr(kRun.size() + file.step.size());
    }
    (line.starts_with(kCheck) ? file.expected : file.input) += line + "\n";
  }
  return file;
}

bool run_file(const fs::path& path, bool update) {
  const File file = read_file(path);
  const Run run = step_from_name(file.step);
  if (run == nullptr) {
    std::printf("%s: no step '%s'; the first line is '# run: STEP [OPTIONS]'\n", path.c_str(),
                file.step.c_str());
    return false;
  }
  const std::string got = as_checks(run(file));
  if (got == file.expected) return true;
  if (update) {
    std::ofstream(path, std::ios::binary) << file.input << got;
    std::printf("updated %s\n", path.c_str());
    return true;
  }
  std::printf("%s: the output is not as expected\n--- expected\n%s--- got\n%s", path.c_str(),
              file.expected.c_str(), got.c_str());
  return false;
}

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> out;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

int main(int count, char** arguments) {
  bool update = std::getenv("SLUICE_UPDATE_FILETESTS") != nullptr;
  std::size_t files = 0;
  std::size_t failed = 0;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--update") {
      update = true;
      continue;
    }
    for (const fs::path& path : files_of(argument)) {
      ++files;
      if (!run_file(path, update)) ++failed;
    }
  }
  std::printf("%zu files, %zu failed\n", files, failed);
  return failed == 0 && files > 0 ? 0 : 1;
}
