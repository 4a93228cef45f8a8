// sluice check: whether a function keeps its promise, and what it is like.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "dsl/stamp.hpp"
#include "tools/check/checkup.hpp"
#include "tools/check/probe.hpp"
#include "tools/check/quantised.hpp"
#include "tools/check/report.hpp"
#include "tools/check/row_checkup.hpp"
#include "tools/check/stamp_file.hpp"
#include "tools/command.hpp"
#include "tools/subject.hpp"
#include "tools/values.hpp"

namespace sluice::tools {
namespace {

struct Options {
  SubjectOptions subject;
  std::uint64_t points = 200'000;
  std::uint64_t seed = 1;
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  bool exhaustive = false;
  bool no_stamp = false;
  bool json = false;
  std::string against;
  std::string state_file;
  std::string columns;              // of row functions
  std::vector<std::string> inputs;  // of --probe
  std::int64_t axis = -1;
  bool probe = false;
};

Error bad(std::string message) { return {Status::invalid_argument, std::move(message)}; }

// Where long checks keep their state unless told: empty where there is no such folder.
std::string default_state(const CheckPlan& plan) {
  namespace fs = std::filesystem;
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if ((cache == nullptr || *cache == 0) && (home == nullptr || *home == 0)) return {};
  const fs::path base =
      cache != nullptr && *cache != 0 ? fs::path(cache) : fs::path(home) / ".cache";
  std::error_code failed;
  fs::create_directories(base / "sluice", failed);
  if (failed) return {};
  const dsl::Digest& digest = plan.definition().digest;
  return (base / "sluice" /
          fmt::format("check-{}-{:016x}-{}{}{}.state", plan.definition().name,
                      digest.high ^ digest.low, sluice::name(plan.dtype),
                      plan.grade == numerics::Grade::full
                          ? ""
                          : fmt::format("-{}", numerics::info(plan.grade).name),
                      plan.family == Family::fma ? "" : "-nofma"))
      .string();
}

Outcome choose_sweep(const Options& options, CheckPlan& plan) {
  const std::size_t inputs = plan.definition().inputs.size();
  const bool narrow = plan.dtype == Dtype::f16 || plan.dtype == Dtype::bf16;
  plan.sweep = {accuracy::Coverage::sampled, options.points, options.seed};
  if (options.exhaustive && inputs != 1)
    return bad(fmt::format("--exhaustive is for functions of one input; '{}' has {}",
                           plan.definition().name, inputs));
  if (options.exhaustive && plan.dtype == Dtype::f64)
    return bad("--exhaustive is for f32, f16 and bf16: f64 has too many numbers");
  if (inputs == 1 && (options.exhaustive || narrow))
    plan.sweep = {accuracy::Coverage::all, 0, options.seed};
  if (!options.state_file.empty() || options.exhaustive)
    plan.state_file = options.state_file.empty() ? default_state(plan) : options.state_file;
  return Unit{};
}

Outcome choose_against(const Options& options, CheckPlan& plan) {
  if (options.against.empty()) return Unit{};
  const dsl::Program& program = plan.function.definitions.tree;
  plan.against = program.find(options.against);
  if (!plan.against) {
    std::string message = fmt::format("--against: unknown function '{}'", options.against);
    const std::vector<std::string> similar = program.similar(options.against);
    if (!similar.empty()) message += fmt::format(": did you mean '{}'?", similar.front());
    return Error{Status::unknown_function, std::move(message)};
  }
  const dsl::FunctionDef& theirs = program.function(*plan.against);
  if (const Outcome can = can_check(theirs); !can) return can.error();
  const dsl::FunctionDef& ours = plan.definition();
  if (theirs.inputs.size() != ours.inputs.size() || theirs.outputs.size() != ours.outputs.size())
    return bad(fmt::format("--against: '{}' and '{}' differ in their inputs or outputs", ours.name,
                           theirs.name));
  for (const dsl::Parameter& param : theirs.parameters)
    plan.against_params.push_back(param.default_value);
  return Unit{};
}

Outcome check_options(const Options& options, const Subject& subject) {
  if (!is_floating(subject.dtype) && !is_quantised(subject.dtype))
    return bad("--dtype is f32, f64, f16, bf16, i8 or u8");
  if (options.points == 0 || options.points > std::uint64_t{1} << 40)
    return bad("--points is at least 1 and at most 2^40");
  if (options.threads == 0 || options.threads > 4096)
    return bad("--threads is at least 1 and at most 4096");
  return Unit{};
}

Outcome read_columns(const std::string& text, std::vector<std::size_t>& widths) {
  const Result<std::vector<std::byte>> counts = parse_values(text, Dtype::i64);
  if (!counts) return bad(fmt::format("--columns: {}", counts.error().message));
  std::vector<std::int64_t> columns(counts->size() / sizeof(std::int64_t));
  std::copy(counts->begin(), counts->end(), std::as_writable_bytes(std::span(columns)).begin());
  constexpr std::int64_t kMost = std::int64_t{1} << 26;
  widths.clear();
  for (const std::int64_t each : columns) {
    if (each < 1 || each > kMost)
      return bad(fmt::format("--columns takes lengths from 1 to {}, not {}", kMost, each));
    widths.push_back(static_cast<std::size_t>(each));
  }
  if (widths.empty()) return bad("--columns is empty");
  return Unit{};
}

Result<RowPlan> row_plan_of(const Options& options, Subject subject) {
  for (const auto& [given, option] : {std::pair{options.exhaustive, "--exhaustive"},
                                      {!options.against.empty(), "--against"},
                                      {!options.state_file.empty(), "--state"},
                                      {subject.accuracy != 0, "--accuracy"}})
    if (given)
      return bad(fmt::format("{} is for elementwise functions, and '{}' works on rows", option,
                             subject.function.name()));
  RowPlan plan;
  plan.dtype = subject.dtype;
  plan.params = std::move(subject.parameters);
  plan.seed = static_cast<std::uint32_t>(options.seed);
  plan.threads = options.threads;
  plan.family = subject.family();
  const auto widths = accuracy::row_widths(plan.dtype);
  plan.widths.assign(widths.begin(), widths.end());
  if (!options.columns.empty())
    if (const Outcome read = read_columns(options.columns, plan.widths); !read) return read.error();
  plan.function = std::move(subject.function);
  return plan;
}

int check_rows(const Options& options, Subject subject) {
  const Result<RowPlan> plan = row_plan_of(options, std::move(subject));
  if (!plan) return report(plan.error());
  warn(plan->function.definitions.warnings);
  const Result<RowCheckup> checkup = run_row_check(*plan);
  if (!checkup) return report(checkup.error());
  const int printed =
      print(options.json ? report_json(*plan, *checkup) : report_text(*plan, *checkup));
  if (printed != kDone) return printed;
  return checkup->kept() ? kDone : kCheckFailed;
}

int probe_inputs(const Options& options, Subject subject) {
  ProbePlan plan;
  plan.axis = options.axis;
  plan.is_bf16 = subject.dtype == Dtype::bf16;
  const Outcome read = each(options.inputs, "--in", [&](const Assignment& file) {
    plan.files.push_back(file);
    return Outcome(Unit{});
  });
  if (!read) return report(read.error());
  if (plan.files.empty())
    return report(bad("--probe looks at files: name them with --in NAME=FILE.npy"));
  plan.function = std::move(subject.function);
  warn(plan.function.definitions.warnings);
  const Result<std::vector<Probed>> found = probe(plan);
  if (!found) return report(found.error());
  const int printed = print(options.json ? probe_json(plan, *found) : probe_text(plan, *found));
  if (printed != kDone) return printed;
  const bool fine = std::all_of(found->begin(), found->end(), [&](const Probed& seen) {
    return seen.problem(plan.function.name()).empty();
  });
  return fine ? kDone : kCheckFailed;
}

int check_quantised(const Options& options, const Subject& subject) {
  for (const auto& [given, option] : {std::pair{!options.against.empty(), "--against"},
                                      {!options.state_file.empty(), "--state"},
                                      {!options.columns.empty(), "--columns"}})
    if (given) return report(bad(fmt::format("{} is not for operands of 8 bits", option)));
  warn(subject.function.definitions.warnings);
  const Result<QuantisedCheckup> checkup = run_quantised_check(subject);
  if (!checkup) return report(checkup.error());
  const int printed =
      print(options.json ? report_json(subject, *checkup) : report_text(subject, *checkup));
  if (printed != kDone) return printed;
  return checkup->kept() ? kDone : kCheckFailed;
}

Result<CheckPlan> plan_of(const Options& options, Subject subject) {
  if (const Outcome can = can_check(subject.definition()); !can) return can.error();
  if (!options.columns.empty())
    return bad(fmt::format("--columns is for functions that work on rows, and '{}' is elementwise",
                           subject.function.name()));
  CheckPlan plan;
  plan.function = std::move(subject.function);
  plan.dtype = subject.dtype;
  plan.params = std::move(subject.parameters);
  plan.family = subject.family();
  if (plan.dtype != Dtype::f64)
    plan.grade = numerics::cheapest_grade(subject.accuracy / bound_factor(plan.family));
  plan.threads = options.threads;
  if (const Outcome chosen = choose_sweep(options, plan); !chosen) return chosen.error();
  if (const Outcome chosen = choose_against(options, plan); !chosen) return chosen.error();
  return plan;
}

// A stamp is for what a kernel promises: f32, at the default parameters.
bool stampable(const CheckPlan& plan, const Checkup& checkup) {
  const auto& parameters = plan.definition().parameters;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (plan.params[i] != parameters[i].default_value) return false;
  return !plan.function.file.empty() && plan.dtype == Dtype::f32 &&
         plan.grade == numerics::Grade::full && plan.family == Family::fma && checkup.promised() &&
         checkup.kept();
}

int check(const Options& options) {
  Result<Subject> subject = read_subject(options.subject);
  if (!subject) return report(subject.error());
  if (const Outcome valid = check_options(options, *subject); !valid) return report(valid.error());
  if (options.probe) return probe_inputs(options, std::move(*subject));
  if (!options.inputs.empty()) return report(bad("--in is for --probe"));
  if (is_quantised(subject->dtype)) return check_quantised(options, *subject);
  if (subject->definition().row_wise) return check_rows(options, std::move(*subject));
  const Result<CheckPlan> plan = plan_of(options, std::move(*subject));
  if (!plan) return report(plan.error());
  warn(plan->function.definitions.warnings);
  const Result<Checkup> checkup = run_check(*plan);
  if (!checkup) return report(checkup.error());
  const int printed =
      print(options.json ? report_json(*plan, *checkup) : report_text(*plan, *checkup));
  if (printed != kDone) return printed;
  if (!checkup->kept()) return kCheckFailed;
  if (!options.no_stamp && stampable(*plan, *checkup))
    if (const Outcome stamped = stamp_file(plan->function.file, plan->definition()); !stamped)
      return report(stamped.error());
  return kDone;
}

}  // namespace

void add_check(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "check",
      "Error against high precision, and a card of properties; exit 1 where a promise breaks");
  const auto options = std::make_shared<Options>();
  SubjectOptions& subject = options->subject;
  command->add_option("function", subject.function, "A function: NAME, FILE.slu or FILE.slu:NAME")
      ->required();
  command->add_option(
      "--dtype", subject.dtype,
      "f32 (the default), f64, f16 or bf16; of the last two every number of one input; i8 or\n"
      "u8, with --quant, every integer of one input");
  command->add_option("--points", options->points, "How many inputs to sample: 200000");
  command->add_option("--seed", options->seed, "Which inputs are sampled: 1");
  command->add_option("--columns", options->columns,
                      "Of row functions, the lengths of rows: 1,17,4096 (to 2^20, of f64 to 4097)");
  command->add_flag("--exhaustive", options->exhaustive,
                    "Every number of one f32, f16 or bf16 input");
  command->add_option("--accuracy", subject.accuracy, std::string(kAccuracyHelp));
  command->add_option("--target", subject.target,
                      "interpreter-nofma, for the bits and bounds of targets without fma; all "
                      "others have the same");
  command->add_option("--quant", subject.quantisations, kQuantHelp)
      ->type_name("NAME=SCALE,ZERO")
      ->allow_extra_args(false);
  command->add_option("--param", subject.parameters, "A parameter: NAME=VALUE; repeatable")
      ->allow_extra_args(false);
  command->add_option(
      "--against", options->against,
      "Another function, to compare with at the same inputs, in ULP of its results");
  command->add_option("--threads", options->threads,
                      "How many threads: all; the report is the same");
  command->add_option("--state", options->state_file,
                      "Where finished chunks are kept, so that the same check goes on after an\n"
                      "interruption; gone when it is done. With --exhaustive by default\n"
                      "check-NAME-DIGEST-DTYPE.state in sluice/ of the user's cache folder");
  command->add_flag("--no-stamp", options->no_stamp,
                    "Leaves a file without the comment that says that its function was checked");
  command->add_option("--lib", subject.library_files, "A file of further definitions; repeatable")
      ->allow_extra_args(false);
  command->add_flag("--probe", options->probe,
                    "Instead: whether files look as if they had been through a softmax or a\n"
                    "sigmoid that the function applies itself");
  command->add_option("--in", options->inputs, "What --probe looks at: an input; repeatable")
      ->type_name("NAME=FILE.npy")
      ->allow_extra_args(false);
  command->add_option("--axis", options->axis, "The axis that rows lie along, of --probe: -1");
  command->add_flag("--json", options->json, "The report as a JSON object");
  command->callback([&action, options] { action = [options] { return check(*options); }; });
}

}  // namespace sluice::tools
