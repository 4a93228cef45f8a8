// The way of a text through the steps: tokens, definitions, checks, program.
#include "dsl/program.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "dsl/checker.hpp"
#include "dsl/lexer.hpp"
#include "dsl/parser.hpp"
#include "dsl/reporter.hpp"
#include "dsl/similar.hpp"
#include "dsl/warnings.hpp"

namespace sluice::dsl {

// Adds the definitions of one text to a program.
class ProgramBuilder {
 public:
  ProgramBuilder(const Program* base, std::shared_ptr<const SourceFile> source,
                 const ParseOptions& options, Reporter& reporter)
      : options_(options), reporter_(reporter) {
    if (base != nullptr) program_ = *base;
    program_.first_own_ = program_.size();
    program_.sources_.push_back(std::move(source));
  }

  [[nodiscard]] Program take() { return std::move(program_); }

  void add(std::vector<ParsedFunction> definitions);

 private:
  void add(ParsedFunction& definition);
  bool check_new_name(const std::string& name, SourcePlace place, bool is_alias);
  void name(const std::string& name, FunctionId id);

  const ParseOptions& options_;
  Reporter& reporter_;
  Program program_;
  std::set<std::string, std::less<>> own_;
  std::set<std::string, std::less<>> broken_;
  std::multiset<std::string, std::less<>> later_;
};

void ProgramBuilder::add(std::vector<ParsedFunction> definitions) {
  if (program_.size() + definitions.size() > options_.limits.functions) {
    reporter_.limit(definitions.back().body.function.place,
                    "the program has more than the limit of " +
                        std::to_string(options_.limits.functions) + " definitions");
    return;
  }
  for (const ParsedFunction& definition : definitions) {
    later_.insert(definition.body.function.name);
  }
  for (ParsedFunction& definition : definitions) add(definition);
  if (reporter_.errors() == 0) warn_of_double_activations(program_, reporter_);
}

void ProgramBuilder::add(ParsedFunction& definition) {
  FunctionDef& function = definition.body.function;
  later_.erase(later_.find(function.name));
  bool sound = check_definition(definition, {program_, broken_, later_, options_, reporter_});
  sound = check_new_name(function.name, function.place, false) && sound;
  for (const AttributeText& attribute : definition.attributes) {
    if (attribute.name != "alias" || !sound) continue;
    const AttributeArgument& alias = attribute.arguments[0];
    sound = check_new_name(std::string(alias.text), alias.place, true) && sound;
  }
  if (!sound) {
    broken_.insert(function.name);
    return;
  }
  broken_.erase(function.name);
  const FunctionId id{static_cast<std::uint32_t>(program_.size())};
  name(function.name, id);
  for (const std::string& alias : function.attributes.aliases) name(alias, id);
  program_.functions_.push_back(std::make_shared<const FunctionDef>(std::move(function)));
}

bool ProgramBuilder::check_new_name(const std::string& name, SourcePlace place, bool is_alias) {
  const std::string what = is_alias ? "the alias '" + name + "'" : "'" + name + "'";
  if (!own_.insert(name).second) {
    reporter_.error(place, what + " is defined twice",
                    "a name has one definition: choose another one");
    return false;
  }
  const auto found = program_.find(name);
  if (found && options_.library) {
    reporter_.error(place, what + " is defined twice in the library");
    return false;
  }
  if (found && index(*found) < program_.first_own() && program_.function(*found).from_library) {
    reporter_.warning(place, what + " hides the library's function of that name",
                      "the library's own functions keep theirs");
  }
  return true;
}

void ProgramBuilder::name(const std::string& name, FunctionId id) {
  program_.names_.insert_or_assign(name, id);
}

std::optional<FunctionId> Program::find(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> Program::similar(std::string_view name) const {
  std::vector<std::string> known;
  known.reserve(names_.size());
  for (const auto& [candidate, id] : names_) known.push_back(candidate);
  std::sort(known.begin(), known.end());
  return similar_names(name, known);
}

std::string Analysis::rendered(Severity severity) const {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity == severity) out += render(diagnostic, *source);
  }
  return out;
}

Analysis analyze(std::string_view text, std::string_view file_name, const Program* base,
                 const ParseOptions& options) {
  Analysis out;
  const auto file = static_cast<std::uint32_t>(base != nullptr ? base->source_count() : 0);
  Reporter reporter(options.limits.errors);
  if (text.size() > options.limits.file_bytes) {
    out.source = std::make_shared<const SourceFile>(std::string(file_name), std::string());
    reporter.limit({file, 0, 0}, "the text has " + std::to_string(text.size()) +
                                     " bytes, the limit is " +
                                     std::to_string(options.limits.file_bytes));
    out.diagnostics = reporter.take();
    return out;
  }
  out.source = std::make_shared<const SourceFile>(std::string(file_name), std::string(text));
  ProgramBuilder builder(base, out.source, options, reporter);
  const std::string& owned = out.source->text();
  const Tokens tokens = tokenize(owned, file, options.limits, reporter);
  std::vector<ParsedFunction> definitions = parse_definitions(owned, tokens, options, reporter);
  if (!definitions.empty()) builder.add(std::move(definitions));
  if (reporter.errors() == 0) out.program = builder.take();
  const std::size_t errors = reporter.errors();
  out.diagnostics = reporter.take();
  if (errors > options.limits.errors) {
    Diagnostic more;
    more.place.file = file;
    more.place.offset = static_cast<std::uint32_t>(owned.size());
    more.message = std::to_string(errors - options.limits.errors) +
                   " more errors are not shown: the limit is " +
                   std::to_string(options.limits.errors);
    out.diagnostics.push_back(std::move(more));
  }
  return out;
}

Result<ParsedProgram> parse(std::string_view text, std::string_view file_name, const Program* base,
                            const ParseOptions& options) {
  Analysis analysis = analyze(text, file_name, base, options);
  if (!analysis.program) {
    Status status = Status::limit_exceeded;  // where every error is one of a limit
    for (const Diagnostic& diagnostic : analysis.diagnostics) {
      if (diagnostic.severity == Severity::error && diagnostic.status != status) {
        status = Status::invalid_source;
        break;
      }
    }
    return Error{status, analysis.rendered(Severity::error) + analysis.rendered(Severity::warning)};
  }
  std::string warnings = analysis.rendered(Severity::warning);
  return ParsedProgram{std::move(*analysis.program), std::move(analysis.diagnostics),
                       std::move(warnings)};
}

}  // namespace sluice::dsl
