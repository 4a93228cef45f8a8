// sluice bench: how fast a function is on every rung, beside plain loops and plain copies.
#include <algorithm>
#include <charconv>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sluice/spec.hpp>

#include "compiler/driver/llvm.hpp"
#include "support/target.hpp"
#include "tools/bench_run.hpp"
#include "tools/command.hpp"
#include "tools/values.hpp"

namespace sluice::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kNano = 1e9;
constexpr double kMicro = 1e6;

struct Options {
  std::vector<std::string> functions;
  std::vector<std::string> library_files;
  std::vector<std::string> targets;
  std::vector<std::string> versus;
  std::string pass = "forward";
  std::string dtype = "f32";
  std::string sizes;
  std::string shapes;
  std::string accuracy;
  bool quick = false;
  bool json = false;
};

struct Report {
  int core = -1;
  BenchPlan plan;
  std::vector<BenchResult> results;
};

Outcome read_sizes(const std::string& text, std::vector<std::int64_t>& sizes) {
  if (text.empty()) return Unit{};
  const Result<std::vector<std::byte>> counts = parse_values(text, Dtype::i64);
  if (!counts)
    return Error{Status::invalid_argument, fmt::format("--sizes: {}", counts.error().message)};
  sizes.resize(counts->size() / sizeof(std::int64_t));
  std::copy(counts->begin(), counts->end(), std::as_writable_bytes(std::span(sizes)).begin());
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  for (std::int64_t size : sizes)
    if (size < 1 || size > kMost)
      return Error{Status::invalid_argument,
                   fmt::format("--sizes takes counts from 1 to {}, not {}", kMost, size)};
  if (sizes.empty()) return Error{Status::invalid_argument, "--sizes is empty"};
  return Unit{};
}

// "1000x64,16x131072"
Outcome read_shapes(const std::string& text, std::vector<RowsAndColumns>& shapes) {
  if (text.empty()) return Unit{};
  const auto misuse = [&] {
    return Error{
        Status::invalid_argument,
        fmt::format("--shapes takes ROWSxCOLUMNS,... of at most 2^30 elements, not '{}'", text)};
  };
  shapes.clear();
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    RowsAndColumns shape;
    const char* const end = part.data() + part.size();
    const auto rows = std::from_chars(part.data(), end, shape.rows);
    if (rows.ec != std::errc() || rows.ptr == end || *rows.ptr != 'x') return misuse();
    const auto columns = std::from_chars(rows.ptr + 1, end, shape.columns);
    constexpr std::int64_t kMost = std::int64_t{1} << 30;
    if (columns.ec != std::errc() || columns.ptr != end || shape.rows < 1 || shape.columns < 1 ||
        shape.rows > kMost / shape.columns)
      return misuse();
    shapes.push_back(shape);
  }
  if (shapes.empty()) return misuse();
  return Unit{};
}

Result<BenchPlan> read_plan(const Options& options) {
  BenchPlan plan;
  if (options.quick) {
    plan.timing = {0.005, 3};
    plan.compile_samples = 7;
    plan.sizes = {4096, 65536};
    plan.shapes.pop_back();
  }
  const std::optional<Pass> pass = pass_from_name(options.pass);
  if (!pass)
    return Error{Status::unknown_name,
                 fmt::format("unknown pass '{}': known are forward, backward, forward_backward",
                             options.pass)};
  plan.pass = *pass;
  const std::optional<Dtype> dtype = dtype_from_name(options.dtype);
  if (!dtype || (!is_floating(*dtype) && !is_quantised(*dtype)))
    return Error{
        Status::unknown_name,
        fmt::format("--dtype is one of f32, f64, f16, bf16, i8, u8, not '{}'", options.dtype)};
  plan.dtype = *dtype;
  if (Outcome read = read_sizes(options.sizes, plan.sizes); !read) return read.error();
  if (Outcome read = read_shapes(options.shapes, plan.shapes); !read) return read.error();
  const Result<double> accuracy = parse_accuracy(options.accuracy);
  if (!accuracy) return accuracy.error();
  plan.accuracy = *accuracy;
  for (const std::string& text : options.targets) {
    const Result<Target> target = parse_target(text);
    if (!target) return target.error();
    plan.targets.push_back(to_string(*target));
  }
  if (plan.targets.empty())
    for (const Target& target : runnable_targets())
      if (SLUICE_HAVE_X64 || target.level == Level::interpreter)
        plan.targets.push_back(to_string(target));
  for (const std::string& text : options.versus) {
    if (text != name(Rung::llvm))
      return Error{Status::unknown_name, fmt::format("--vs takes llvm, not '{}'", text)};
    const auto module = driver::llvm();
    if (!module.ok()) return module.error();
    const bool interpreted = !plan.targets.empty() && plan.targets.front() == to_string(Target{});
    plan.targets.insert(plan.targets.begin() + (interpreted ? 1 : 0), text);
  }
  return plan;
}

Result<Report> measure_all(const Options& options) {
  Result<BenchPlan> plan = read_plan(options);
  if (!plan) return plan.error();
  Report report;
  report.plan = std::move(plan).value();
  // Every name is looked up before the first is measured.
  std::vector<Function> functions;
  for (const std::string& name : options.functions) {
    Result<Function> function = find_function(name, options.library_files);
    if (!function) return function.error();
    warn(function->definitions.warnings);
    functions.push_back(std::move(function).value());
  }
  report.core = bench::pin_to_core();
  for (const Function& function : functions) {
    Result<BenchResult> result = bench_function(function, report.plan);
    if (!result) return result.error();
    report.results.push_back(std::move(result).value());
  }
  return report;
}

Json time_to_json(const bench::Timing& time, double unit) {
  return {{"min", time.least * unit}, {"median", time.median * unit}};
}

Json result_to_json(const BenchResult& result) {
  Json contenders = Json::array();
  for (const Contender& contender : result.contenders) {
    Json entry = {{"name", contender.name}};
    if (contender.error) entry["max_relative_error"] = *contender.error;
    if (contender.compile) entry["compile_us"] = time_to_json(*contender.compile, kMicro);
    if (contender.break_even) entry["break_even_elements"] = *contender.break_even;
    contenders.push_back(std::move(entry));
  }
  Json sizes = Json::array();
  for (const BenchRow& row : result.rows) {
    Json times = Json::object();
    for (std::size_t i = 0; i < row.times.size(); ++i)
      times[result.contenders[i].name] = time_to_json(row.times[i], kNano);
    Json size = {{"n", row.count}};
    if (row.columns != 0) size["columns"] = row.columns;
    size["ns_per_element"] = std::move(times);
    size["rooflines_ns_per_element"] = {
        {"memcpy", time_to_json(row.copy, kNano)},
        {"streaming_copy", time_to_json(row.streaming_copy, kNano)}};
    sizes.push_back(std::move(size));
  }
  return {{"function", result.function},
          {"pass", name(result.pass)},
          {"dtype", name(result.dtype)},
          {"contenders", std::move(contenders)},
          {"sizes", std::move(sizes)}};
}

Json to_json(const Report& report) {
  Json functions = Json::array();
  for (const BenchResult& result : report.results) functions.push_back(result_to_json(result));
  return {{"processor", to_string(host_target())},
          {"core", report.core},
          {"samples", report.plan.timing.samples},
          {"sample_seconds", report.plan.timing.sample_seconds},
          {"functions", std::move(functions)}};
}

// Columns of the table, right-aligned.
constexpr int kFirst = 12;
constexpr int kWide = 16;

std::string cells(std::string_view first, const std::vector<std::string>& rest) {
  std::string line = fmt::format("{:>{}}", first, kFirst);
  for (const std::string& cell : rest) line += fmt::format("{:>{}}", cell, kWide);
  return line + "\n";
}

// Features make a column wide and are the same for all of a level: named above, not in the table.
std::string level_of(const std::string& target) { return target.substr(0, target.find('+')); }

std::string time_cell(const bench::Timing& time) {
  return fmt::format("{:.3f} {:>7}", time.least * kNano,
                     fmt::format("({:.3f})", time.median * kNano));
}

// Times as multiples of the highest target's.
std::string ratio_line(const BenchRow& row, std::size_t jit) {
  std::vector<std::string> ratios;
  const auto add = [&](const bench::Timing& time) {
    ratios.push_back(fmt::format("x{:.2f}", time.least / row.times[jit].least));
  };
  for (const bench::Timing& time : row.times) add(time);
  add(row.copy);
  add(row.streaming_copy);
  return cells("", ratios);
}

std::string table(const Report& report, const BenchResult& result) {
  std::string text = fmt::format("\n{} {} {}: ns an element, least (median)\n", result.function,
                                 name(result.pass), name(result.dtype));
  std::vector<std::string> heads;
  for (const Contender& contender : result.contenders) heads.push_back(level_of(contender.name));
  heads.insert(heads.end(), {"memcpy", "streaming copy"});
  text += cells("n", heads);
  const std::size_t jit = report.plan.targets.size() - 1;
  for (const BenchRow& row : result.rows) {
    std::vector<std::string> times;
    for (const bench::Timing& time : row.times) times.push_back(time_cell(time));
    times.push_back(time_cell(row.copy));
    times.push_back(time_cell(row.streaming_copy));
    text += cells(row.columns == 0 ? fmt::format("{}", row.count)
                                   : fmt::format("{}x{}", row.count / row.columns, row.columns),
                  times);
    text += ratio_line(row, jit);
  }
  std::vector<std::string> compile;
  std::vector<std::string> break_even;
  std::vector<std::string> errors;
  for (const Contender& contender : result.contenders) {
    compile.push_back(
        contender.compile ? fmt::format("{:.0f} us", contender.compile->median * kMicro) : "-");
    break_even.push_back(contender.break_even ? fmt::format("{:.0f}", *contender.break_even) : "-");
    errors.push_back(contender.error ? fmt::format("{:.1e}", *contender.error) : "-");
  }
  text += cells("compile", compile) + cells("break-even", break_even);
  return text + cells("error", errors);
}

std::string to_text(const Report& report) {
  std::string text = fmt::format(
      "one thread on core {} of a {}; {} samples of at least {} ms\n"
      "x: time of each over that of the highest target; break-even: elements from which compiling "
      "pays; error: largest relative, against f64\n",
      report.core, to_string(host_target()), report.plan.timing.samples,
      report.plan.timing.sample_seconds * 1e3);
  for (const BenchResult& result : report.results) text += table(report, result);
  return text;
}

int run_bench(const Options& options) {
  const Result<Report> measured = measure_all(options);
  if (!measured) return report(measured.error());
  return print(options.json ? to_json(*measured).dump(2) + "\n" : to_text(*measured));
}

}  // namespace

void add_bench(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("bench", "Speed on every rung, beside plain loops");
  const auto options = std::make_shared<Options>();
  command->add_option("functions", options->functions, "Functions: NAME, FILE.slu or FILE.slu:NAME")
      ->required();
  command->add_option("--pass", options->pass, "forward, backward or forward_backward");
  command->add_option("--dtype", options->dtype,
                      "The operands' element type: f32, f64, f16, bf16, i8 or u8");
  command->add_option("--sizes", options->sizes, "Element counts; left out: 4096,65536,16777216");
  command->add_option("--shapes", options->shapes,
                      "Of row functions, rows and columns; left out: "
                      "4096x64,512x512,64x4096,16x131072");
  command->add_option("--vs", options->versus, "What else to measure: llvm")
      ->allow_extra_args(false);
  command
      ->add_option("--target", options->targets,
                   "A target to measure; repeatable; left out: all that this machine runs")
      ->allow_extra_args(false);
  command->add_option("--accuracy", options->accuracy,
                      "A relative error, e.g. 2^-12: kernels that hold it beside the others");
  command->add_option("--lib", options->library_files, "A file of further definitions; repeatable")
      ->allow_extra_args(false);
  command->add_flag("--quick", options->quick, "Fewer and shorter samples, without 16777216");
  command->add_flag("--json", options->json, "As a JSON object");
  command->callback([&action, options] { action = [options] { return run_bench(*options); }; });
}

}  // namespace sluice::tools
