#include <sluice/spec_list.hpp>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <string>
#include <system_error>
#include <utility>

#include <sluice/tensor.hpp>

namespace sluice {
namespace {

// Up to `mark`, which is taken away as well; all where there is none.
std::string_view take_until(std::string_view& rest, char mark) {
  const std::string_view part = rest.substr(0, rest.find(mark));
  rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  return part;
}

template <typename Number>
bool read_number(std::string_view text, Number& to) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const auto end = std::from_chars(text.data(), text.data() + text.size(), to);
  return end.ec == std::errc() && end.ptr == text.data() + text.size();
}

Outcome wrong(std::string message) { return Error{Status::invalid_source, std::move(message)}; }
std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::vector<std::string> names_in(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) names.emplace_back(take_until(list, ','));
  return names;
}

// One of some words, by its place.
template <typename Enum>
Outcome choose(Enum& to, std::string_view value, std::initializer_list<std::string_view> words) {
  std::string all;
  for (const std::string_view& each : words) {
    if (each == value) {
      to = static_cast<Enum>(&each - words.begin());
      return Unit{};
    }
    all += (all.empty() ? "" : ", ") + std::string(each);
  }
  return wrong(quoted(value) + " is none of " + all);
}

Outcome read_shape(std::vector<std::int64_t>& shape, std::string_view lengths) {
  while (!lengths.empty()) {
    const std::string_view each = take_until(lengths, ',');
    std::int64_t length = 0;
    if (!read_number(each, length) || length < 0) return wrong(quoted(each) + " is no length");
    shape.push_back(length);
  }
  if (shape.size() > TensorView::kMaxRank)
    return wrong("there are at most " + std::to_string(TensorView::kMaxRank) + " dimensions");
  return Unit{};
}

// *SCALE, and +ZERO or -ZERO after it; a sign after an e is the scale's.
Outcome read_quantisation(OperandSpec& operand, std::string_view text) {
  if (text.empty()) return Unit{};
  const std::string_view all = text;
  text.remove_prefix(1);
  std::size_t sign = text.find_first_of("+-", 1);
  while (sign != text.npos && (text[sign - 1] == 'e' || text[sign - 1] == 'E'))
    sign = text.find_first_of("+-", sign + 1);
  Quantisation quantisation;
  std::int32_t zero_point = 0;
  if (all.front() != '*' || !read_number(text.substr(0, sign), quantisation.scale) ||
      (sign != text.npos && !read_number(text.substr(sign), zero_point)))
    return wrong(quoted(all) + " is no quantisation: *SCALE, and + or - the zero point");
  quantisation.zero_point = zero_point;
  operand.quantisation = quantisation;
  return Unit{};
}

Outcome read_operand(KernelSpec& spec, std::string_view word) {
  OperandSpec operand;
  if (word.find(':') != word.npos) operand.name = take_until(word, ':');
  const std::size_t open = word.find('['), close = word.find(']');
  if (open == word.npos || close == word.npos || close < open)
    return wrong(quoted(word) + " is no operand, as f32[32,1000] is, and no option");
  const auto dtype = dtype_from_name(word.substr(0, open));
  if (!dtype) return wrong(quoted(word.substr(0, open)) + " is no element type");
  operand.dtype = *dtype;
  if (Outcome ok = read_shape(operand.shape, word.substr(open + 1, close - open - 1)); !ok.ok())
    return ok;
  if (Outcome ok = read_quantisation(operand, word.substr(close + 1)); !ok.ok()) return ok;
  spec.operands.push_back(std::move(operand));
  return Unit{};
}

Outcome read_denied(KernelSpec& spec, std::string_view value) {
  for (const std::string& each : names_in(value)) {
    bool known = false;
    for (const Rung rung : kRungs)
      if (name(rung) == each) {
        spec.denied.push_back(rung);
        known = true;
      }
    if (!known) return wrong(quoted(each) + " is no rung");
  }
  return Unit{};
}

Outcome read_option(KernelSpec& spec, std::string_view key, std::string_view value) {
  constexpr std::string_view kParam = "param.";
  const Outcome number = wrong(quoted(value) + " is no number");
  if (key.substr(0, kParam.size()) == kParam) {
    ParameterValue& parameter = spec.parameters.emplace_back();
    parameter.name = key.substr(kParam.size());
    return read_number(value, parameter.value) ? Outcome(Unit{}) : number;
  }
  if (key == "passed") return spec.passed = names_in(value), Unit{};
  if (key == "gradients") return spec.gradients = names_in(value), Unit{};
  if (key == "axis") return read_number(value, spec.axis) ? Outcome(Unit{}) : number;
  if (key == "accuracy") return read_number(value, spec.accuracy) ? Outcome(Unit{}) : number;
  if (key == "reduction") return choose(spec.reduction, value, {"none", "sum", "mean"});
  if (key == "empty") return choose(spec.empty, value, {"nan", "zero"});
  if (key == "saved") return choose(spec.saved, value, {"inputs", "outputs", "auto"});
  if (key == "accumulate") return choose(spec.accumulate, value, {"0", "1"});
  if (key == "check_indices") return choose(spec.check_indices, value, {"0", "1"});
  if (key == "denied") return read_denied(spec, value);
  if (key == "target") return spec.target = value, Unit{};
  if (key != "split") return wrong(quoted(key) + " is no option");
  std::vector<std::string> names = names_in(value);
  if (names.size() != 3) return wrong(quoted(value) + " is no split: NAME,FIRST,SECOND");
  spec.split = Split{std::move(names[0]), std::move(names[1]), std::move(names[2])};
  return Unit{};
}

Outcome read_word(KernelSpec& spec, std::string_view word, std::size_t place) {
  if (place == 0) return spec.function = word, Unit{};
  if (const auto pass = pass_from_name(word); pass && place == 1) return spec.pass = *pass, Unit{};
  const std::size_t equals = word.find('=');
  if (equals == word.npos) return read_operand(spec, word);
  return read_option(spec, word.substr(0, equals), word.substr(equals + 1));
}

}  // namespace

Result<std::vector<ListedSpec>> read_specs(std::string_view text, std::string_view name) {
  constexpr std::string_view kBlank = " \t\r";
  std::vector<ListedSpec> specs;
  for (std::size_t line = 1; !text.empty(); ++line) {
    std::string_view rest = take_until(text, '\n');
    ListedSpec listed;
    listed.line = line;
    for (std::size_t place = 0;; ++place) {
      rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(kBlank)));
      if (rest.empty() || rest.front() == '#') break;
      const std::string_view word = rest.substr(0, rest.find_first_of(kBlank));
      rest.remove_prefix(word.size());
      if (const Outcome ok = read_word(listed.spec, word, place); !ok.ok())
        return Error{ok.error().status,
                     std::string(name) + ":" + std::to_string(line) + ": " + ok.error().message};
    }
    if (!listed.spec.function.empty()) specs.push_back(std::move(listed));
  }
  return specs;
}

}  // namespace sluice
