// One function an attribute, found by name in one table.
#include "dsl/attributes.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "dsl/characters.hpp"
#include "dsl/constant.hpp"
#include "dsl/similar.hpp"

namespace sluice::dsl {
namespace {

class Reader {
 public:
  Reader(ParsedFunction& parsed, Reporter& reporter)
      : function_(parsed.body.function), attributes_(function_.attributes), reporter_(reporter) {}

  bool read(const AttributeText& text);

 private:
  using Method = void (Reader::*)(const AttributeText&);
  struct Entry {
    std::string_view name;
    Method method;
    bool repeats;
    std::string_view usage;
  };
  static const Entry kEntries[];

  void ulp(const AttributeText& text);
  void domain(const AttributeText& text);
  void range(const AttributeText& text);
  void alias(const AttributeText& text);
  void exact(const AttributeText& text);
  void mean(const AttributeText& text);
  void terms(const AttributeText& text);
  void limits(const AttributeText& text);

  // Errors of the attribute being read.
  void wrong(SourcePlace place, std::string message, std::string hint = {}) {
    reporter_.error(place, std::move(message), std::move(hint));
    right_ = false;
  }
  void wrong_usage(const AttributeText& text) {
    wrong(text.place, "'@" + std::string(text.name) + "' is not written like this",
          "write " + std::string(usage_));
  }

  [[nodiscard]] std::optional<double> number(const AttributeArgument& argument);
  bool positional(const AttributeText& text, std::size_t wanted);

  FunctionDef& function_;
  Attributes& attributes_;
  Reporter& reporter_;
  std::vector<std::string_view> seen_;
  std::string_view usage_;
  bool right_ = true;
};

const Reader::Entry Reader::kEntries[] = {
    {"ulp", &Reader::ulp, false, "@ulp(2) or @ulp(forward = 1, derivative = 2)"},
    {"domain", &Reader::domain, false, "@domain(low, high)"},
    {"range", &Reader::range, true, "@range(parameter, low, high)"},
    {"alias", &Reader::alias, true, "@alias(\"name\")"},
    {"exact", &Reader::exact, false, "@exact"},
    {"mean", &Reader::mean, false, "@mean(output)"},
    {"terms", &Reader::terms, false, "@terms"},
    {"limits", &Reader::limits, false,
     "@limits(f(-inf), f(inf), f'(-inf), f'(inf)), e.g. "
     "@limits(0, inf, 0, 1)"},
};

bool Reader::read(const AttributeText& text) {
  right_ = true;
  for (const Entry& entry : kEntries) {
    if (entry.name != text.name) continue;
    usage_ = entry.usage;
    if (!entry.repeats && std::find(seen_.begin(), seen_.end(), text.name) != seen_.end()) {
      wrong(text.place, "'@" + std::string(text.name) + "' stands twice");
      return false;
    }
    seen_.push_back(text.name);
    (this->*entry.method)(text);
    return right_;
  }
  std::vector<std::string> known;
  for (const Entry& entry : kEntries) known.emplace_back(entry.name);
  wrong(text.place, "unknown attribute '@" + std::string(text.name) + "'",
        did_you_mean(text.name, known));
  return false;
}

std::optional<double> Reader::number(const AttributeArgument& argument) {
  if (argument.kind == LiteralKind::number) return argument.value;
  if (argument.kind == LiteralKind::name) {
    const auto constant = find_constant(argument.text);
    const bool boolean = argument.text == "true" || argument.text == "false";
    if (constant && !boolean) return argument.negative ? -constant->value : constant->value;
  }
  return std::nullopt;
}

bool Reader::positional(const AttributeText& text, std::size_t wanted) {
  const bool right = text.arguments.size() == wanted &&
                     std::all_of(text.arguments.begin(), text.arguments.end(),
                                 [](const AttributeArgument& a) { return a.key.empty(); });
  if (!right) wrong_usage(text);
  return right;
}

void Reader::ulp(const AttributeText& text) {
  UlpPromise promise;
  const bool single = text.arguments.size() == 1 && text.arguments[0].key.empty();
  if (!single && text.arguments.size() != 2) return wrong_usage(text);
  for (const AttributeArgument& argument : text.arguments) {
    const auto value = number(argument);
    if (!value || !(*value > 0.0) || std::isinf(*value)) {
      return wrong(argument.place, "a promise is a positive number of ulps");
    }
    const bool forward = single || argument.key == "forward";
    const bool derivative = single || argument.key == "derivative";
    if (!forward && !derivative) return wrong_usage(text);
    if (forward) promise.forward = *value;
    if (derivative) promise.derivative = *value;
  }
  if (promise.forward == 0.0 || promise.derivative == 0.0) return wrong_usage(text);
  attributes_.ulp = promise;
}

void Reader::domain(const AttributeText& text) {
  if (!positional(text, 2)) return;
  const auto low = number(text.arguments[0]);
  const auto high = number(text.arguments[1]);
  if (!low || !high) return wrong_usage(text);
  if (!(*low < *high)) {
    return wrong(text.arguments[0].place, "the interval is empty: the low end stands first");
  }
  attributes_.domain = Interval{*low, *high};
}

void Reader::range(const AttributeText& text) {
  if (!positional(text, 3)) return;
  const AttributeArgument& which = text.arguments[0];
  const auto low = number(text.arguments[1]);
  const auto high = number(text.arguments[2]);
  if (which.kind != LiteralKind::name || which.negative || !low || !high) return wrong_usage(text);
  const auto parameter = function_.find_parameter(which.text);
  const auto input = function_.find_input(which.text);
  if (!parameter && !input) {
    std::vector<std::string> known;
    for (const Parameter& p : function_.parameters) known.push_back(p.name);
    for (const Input& i : function_.inputs) known.push_back(i.name);
    return wrong(which.place,
                 "'" + std::string(which.text) + "' is no parameter of '" + function_.name + "'",
                 did_you_mean(which.text, known));
  }
  if (!(*low <= *high)) {
    return wrong(text.arguments[1].place, "the range is empty: the low end stands first");
  }
  if (parameter) {
    const double value = function_.parameters[*parameter].default_value;
    if (!(value >= *low && value <= *high)) {
      return wrong(which.place,
                   "the default of '" + std::string(which.text) + "' lies outside its range");
    }
  }
  attributes_.ranges.push_back(
      {parameter.has_value(), parameter ? *parameter : *input, *low, *high});
}

void Reader::alias(const AttributeText& text) {
  if (!positional(text, 1)) return;
  const AttributeArgument& argument = text.arguments[0];
  if (argument.kind != LiteralKind::string) return wrong_usage(text);
  if (!is_name(argument.text)) {
    return wrong(argument.place, "an alias is a name: letters, digits and '_'");
  }
  attributes_.aliases.emplace_back(argument.text);
}

void Reader::exact(const AttributeText& text) {
  if (positional(text, 0)) attributes_.exact = true;
}

void Reader::terms(const AttributeText& text) {
  if (positional(text, 0)) attributes_.terms = true;
}

void Reader::mean(const AttributeText& text) {
  if (!positional(text, 1)) return;
  const AttributeArgument& argument = text.arguments[0];
  std::vector<std::string> known;
  for (std::size_t i = 0; i < function_.outputs.size(); ++i) {
    known.push_back(function_.outputs[i].name);
    if (argument.kind == LiteralKind::name && function_.outputs[i].name == argument.text) {
      attributes_.mean_output = static_cast<std::uint32_t>(i);
      return;
    }
  }
  wrong(argument.place, "'@mean' names the output that divides a mean",
        did_you_mean(argument.text, known));
}

void Reader::limits(const AttributeText& text) {
  if (!positional(text, 4)) return;
  if (function_.inputs.size() != 1) {
    return wrong(text.place, "'@limits' is for functions of one input");
  }
  std::array<LimitValue, 4> limits;
  for (std::size_t i = 0; i < 4; ++i) {
    const AttributeArgument& argument = text.arguments[i];
    const auto parameter =
        argument.kind == LiteralKind::name ? function_.find_parameter(argument.text) : std::nullopt;
    const auto value = number(argument);
    if (parameter) {
      limits[i].parameter = *parameter;
      limits[i].negated = argument.negative;
    } else if (value) {
      limits[i].value = *value;
    } else {
      return wrong(argument.place, "a limit is a number or a parameter, perhaps negated");
    }
  }
  attributes_.limits = limits;
}

}  // namespace

bool read_attributes(ParsedFunction& parsed, Reporter& reporter) {
  Reader reader(parsed, reporter);
  bool right = true;
  for (const AttributeText& text : parsed.attributes) right = reader.read(text) && right;
  return right;
}

}  // namespace sluice::dsl
