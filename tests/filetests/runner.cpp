// Runs files whose first line is `# run: STEP`: the file is the step's input, and what the step
// prints must be what the lines `# check: ...` at the end of the file say.
//
//   sluice_filetests [--update] FILE_OR_FOLDER...
//
// With --update, or with SLUICE_UPDATE_FILETESTS set in the environment, the expectations are
// rewritten, and the difference is read before it is committed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/print.hpp"
#include "dsl/program.hpp"

namespace {

namespace fs = std::filesystem;
using namespace sluice;

// The definitions of the file, checked, in their canonical text with types, and the warnings.
std::string run_parse(std::string_view text) {
  const dsl::Analysis analysis = dsl::analyze(text, "test.slu", &dsl::standard_library());
  if (!analysis.program) return analysis.rendered(Severity::error);
  std::string out;
  for (std::size_t i = analysis.program->first_own(); i < analysis.program->size(); ++i) {
    const dsl::FunctionId id{static_cast<std::uint32_t>(i)};
    out += dsl::print(analysis.program->function(id), *analysis.program, {.types = true});
  }
  return out + analysis.rendered(Severity::warning);
}

// All diagnostics, as a user sees them.
std::string run_diagnostics(std::string_view text) {
  const dsl::Analysis analysis = dsl::analyze(text, "test.slu", &dsl::standard_library());
  return analysis.rendered(Severity::error) + analysis.rendered(Severity::warning);
}

struct Step {
  std::string_view name;
  std::string (*run)(std::string_view text);
};
constexpr Step kSteps[] = {{"parse", run_parse}, {"diagnostics", run_diagnostics}};

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

bool run_file(const fs::path& path, bool update) {
  std::stringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  std::string input;
  std::string expected;
  std::string step_name;
  for (std::string line; std::getline(content, line);) {
    if (line.starts_with(kRun)) step_name = line.substr(kRun.size());
    (line.starts_with(kCheck) ? expected : input) += line + "\n";
  }
  for (const Step& step : kSteps) {
    if (step.name != step_name) continue;
    const std::string got = as_checks(step.run(input));
    if (got == expected) return true;
    if (update) {
      std::ofstream(path, std::ios::binary) << input << got;
      std::printf("updated %s\n", path.c_str());
      return true;
    }
    std::printf("%s: the output is not as expected\n--- expected\n%s--- got\n%s", path.c_str(),
                expected.c_str(), got.c_str());
    return false;
  }
  std::printf("%s: no step '%s'; the first line is '# run: STEP'\n", path.c_str(),
              step_name.c_str());
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
