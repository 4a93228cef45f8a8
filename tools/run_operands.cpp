#include "tools/run_operands.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "tools/functions.hpp"
#include "tools/values.hpp"

namespace sluice::tools {

Outcome RunOperands::read() {
  for (const auto step :
       {&RunOperands::read_split, &RunOperands::read_dtypes, &RunOperands::read_quantisations,
        &RunOperands::read_inputs, &RunOperands::read_parameters, &RunOperands::read_gradients})
    if (Outcome done = (this->*step)(); !done) return done;
  return Unit{};
}

std::optional<std::uint32_t> RunOperands::known_input(std::string_view name) const {
  if (split_ && name == split_->names.name) return split_->place;
  const auto index = definition_.find_input(name);
  if (split_ && (index == split_->place || index == split_->other)) return std::nullopt;
  return index;
}

Result<std::uint32_t> RunOperands::find_input(const std::string& name) const {
  if (const auto index = known_input(name)) return *index;
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < definition_.inputs.size(); ++i)
    if (!split_ || i != split_->other) names.push_back(input_name(i));
  return unknown(fmt::format("'{}' has no input '{}'; it has {}", definition_.name, name,
                             fmt::join(names, ", ")));
}

std::optional<std::uint32_t> RunOperands::find_output(std::string_view name) const {
  const auto& outputs = definition_.outputs;
  for (std::uint32_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].name == name) return i;
  return name == "y" ? std::optional<std::uint32_t>(0) : std::nullopt;
}

std::optional<std::uint32_t> RunOperands::find_gradient(std::string_view name) const {
  if (!name.starts_with('d')) return std::nullopt;
  const auto input = known_input(name.substr(1));
  if (!input || definition_.inputs[*input].type() != dsl::Type::number) return std::nullopt;
  return input;
}

bool RunOperands::is_gradient(std::string_view name) const {
  return find_gradient(name) ||
         (name.starts_with('d') && definition_.find_parameter(name.substr(1)));
}

// The kernel's name for it: `y` may stand for another name of the first output.
Result<std::string> RunOperands::operand_named(std::string_view option,
                                               const std::string& name) const {
  if (known_input(name) || is_gradient(name)) return name;
  if (const auto output = find_output(name)) return definition_.outputs[*output].name;
  return unknown(fmt::format("{}: '{}' has no operand '{}'", option, definition_.name, name));
}

// Whether there are such inputs and they can be halves is the runtime's to say as well.
Outcome RunOperands::read_split() {
  return each(arguments_.splits, "--split", [&](const Assignment& given) -> Outcome {
    const std::size_t comma = given.value.find(',');
    if (comma == std::string::npos)
      return misuse(
          fmt::format("--split takes NAME=A,B, two inputs, not '{}={}'", given.name, given.value));
    const Split names{given.name, given.value.substr(0, comma), given.value.substr(comma + 1)};
    const Result<std::uint32_t> first = find_input(names.first);
    if (!first) return first.error();
    const Result<std::uint32_t> second = find_input(names.second);
    if (!second) return second.error();
    split_ = {names, std::min(*first, *second), std::max(*first, *second)};
    return Unit{};
  });
}

Outcome RunOperands::read_dtypes() {
  return each(arguments_.dtypes, "--dtype", [&](const Assignment& given) -> Outcome {
    const std::optional<Dtype> dtype = dtype_from_name(given.value);
    if (!dtype)
      return unknown(fmt::format("unknown element type '{}': known are f32, f64, f16, bf16, i8, "
                                 "u8, i32, i64, bool",
                                 given.value));
    const Result<std::string> name = operand_named("--dtype", given.name);
    if (!name) return name.error();
    dtypes_[*name] = *dtype;
    return Unit{};
  });
}

// Whether the numbers make sense is the runtime's to say.
Outcome RunOperands::read_quantisations() {
  return each(arguments_.quantisations, "--quant", [&](const Assignment& given) -> Outcome {
    const Result<std::string> name = operand_named("--quant", given.name);
    if (!name) return name.error();
    const std::optional<Quantisation> quantisation = parse_quantisation(given.value);
    if (!quantisation)
      return misuse(
          fmt::format("--quant takes NAME=SCALE,ZERO, a number and an integer, not '{}={}'",
                      given.name, given.value));
    if (!quantisations_.emplace(*name, *quantisation).second)
      return misuse(fmt::format("--quant names '{}' twice", given.name));
    return Unit{};
  });
}

std::optional<Quantisation> RunOperands::quantisation(const std::string& name) const {
  const auto found = quantisations_.find(name);
  return found == quantisations_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Dtype> RunOperands::declared(const std::string& name) const {
  const auto found = dtypes_.find(name);
  return found == dtypes_.end() ? std::nullopt : std::optional(found->second);
}

Result<Given> RunOperands::read_file(const std::string& path, std::optional<Dtype> wanted) {
  Result<NpyReader> file = NpyReader::open(path);
  if (!file) return file.error();
  Source source(std::move(file).value());
  if (source.is_uint16() && wanted != Dtype::bf16)
    return Error{Status::unsupported,
                 fmt::format("{}: holds 16-bit integers, which are read as bf16 only where "
                             "--dtype says so",
                             path)};
  const Dtype dtype = wanted.value_or(source.dtype());
  if (!converts(source.dtype(), dtype))
    return Error{Status::invalid_operands, fmt::format("{}: holds {}, which can't be read as {}",
                                                       path, name(source.dtype()), name(dtype))};
  Shape shape = source.shape();
  return Given{std::move(source), dtype, std::move(shape)};
}

Result<Given> RunOperands::read_operand(const std::string& text, std::optional<Dtype> wanted,
                                        Dtype of_values) {
  if (text.ends_with(".npy")) return read_file(text, wanted);
  const Dtype dtype = wanted.value_or(of_values);
  std::string typed;
  if (text == "-") {
    if (std::exchange(standard_input_read_, true))
      return misuse("only one operand can be read from standard input");
    Result<std::string> read = read_text("-", std::numeric_limits<std::size_t>::max() - 1);
    if (!read) return read.error();
    typed = std::move(read).value();
  }
  Result<std::vector<std::byte>> elements = parse_values(text == "-" ? typed : text, dtype);
  if (!elements) return elements.error();
  const Shape shape{static_cast<std::int64_t>(elements->size() / size_of(dtype))};
  return Given{Source(std::move(elements).value(), dtype, shape), dtype, shape};
}

Outcome RunOperands::bind_input(const std::string& given_name, const std::string& text) {
  if (reads_output() && find_output(given_name) != 0u)
    return unknown(
        fmt::format("with --saved outputs '{}' reads its output '{}', and '{}' is not it",
                    definition_.name, input_name(0), given_name));
  const Result<std::uint32_t> index =
      reads_output() ? Result<std::uint32_t>(0u) : find_input(given_name);
  if (!index) return index.error();
  const std::string& name = input_name(*index);
  if (inputs_[*index]) return misuse(fmt::format("the input '{}' is given twice", name));
  const dsl::Input& input = definition_.inputs[*index];
  Dtype of_values = Dtype::f32;
  if (input.type() == dsl::Type::integer) of_values = Dtype::i64;
  if (input.type() == dsl::Type::boolean) of_values = Dtype::boolean;
  Result<Given> given = read_operand(text, declared(name), of_values);
  if (!given)
    return Error{given.error().status, fmt::format("input '{}': {}", name, given.error().message)};
  inputs_[*index] = std::move(given).value();
  return Unit{};
}

Outcome RunOperands::read_inputs() {
  if (!arguments_.values.empty()) {
    // --values means x; a function whose only input has another name leaves no doubt either.
    const bool only = definition_.inputs.size() == 1 || (split_ && definition_.inputs.size() == 2);
    const std::string name = only ? input_name(0) : "x";
    if (Outcome bound = bind_input(name, arguments_.values[0]); !bound) return bound;
  }
  return each(arguments_.inputs, "--in",
              [&](const Assignment& given) { return bind_input(given.name, given.value); });
}

// Parameters, and inputs that are given as one number for all.
Outcome RunOperands::read_parameters() {
  Outcome read = each(arguments_.parameters, "--param", [&](const Assignment& given) -> Outcome {
    const Result<double> value = parse_number(given.value);
    if (!value) return misuse(fmt::format("parameter '{}': {}", given.name, value.error().message));
    if (definition_.find_parameter(given.name)) return add_parameter(given.name, *value);
    const auto input = known_input(given.name);
    if (input) return bind_scalar(*input, given.value);
    return unknown_parameter(given.name);
  });
  if (!read) return read;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const dsl::Input& input = definition_.inputs[i];
    if (split_ && i == split_->other) continue;
    const bool needed = !input.default_value || (split_ && i == split_->place);
    if (!inputs_[i] && needed)
      return Error{Status::invalid_operands,
                   fmt::format("the input '{0}' of '{1}' is missing: give it with --in "
                               "{0}=FILE.npy or --in {0}=1,2,3",
                               input_name(i), definition_.name)};
  }
  return Unit{};
}

Outcome RunOperands::add_parameter(const std::string& name, double value) {
  for (const ParameterValue& other : parameters_)
    if (other.name == name) return misuse(fmt::format("the parameter '{}' is given twice", name));
  parameters_.push_back({name, value});
  return Unit{};
}

Error RunOperands::unknown_parameter(const std::string& name) const {
  std::vector<std::string_view> names;
  for (const dsl::Parameter& parameter : definition_.parameters) names.push_back(parameter.name);
  return unknown(fmt::format("'{}' has no parameter '{}'; it has {}", definition_.name, name,
                             names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

// As a parameter is, the number is rounded to the type that is computed in.
Outcome RunOperands::bind_scalar(std::uint32_t index, const std::string& text) {
  const dsl::Input& input = definition_.inputs[index];
  if (input.type() == dsl::Type::number && !declared(input.name)) dtypes_[input.name] = widest();
  if (Outcome bound = bind_input(input.name, text); !bound) return bound;
  inputs_[index]->source.reshape({});
  inputs_[index]->shape = {};
  return Unit{};
}

Dtype RunOperands::widest() const {
  const bool wide = std::any_of(inputs_.begin(), inputs_.end(), [](const auto& given) {
    return given && given->dtype == Dtype::f64;
  });
  return wide ? Dtype::f64 : Dtype::f32;
}

Outcome RunOperands::read_gradients() {
  return each(arguments_.gradients, "--grad", [&](const Assignment& given) -> Outcome {
    const auto output = find_output(given.name);
    if (!output)
      return unknown(fmt::format("--grad: '{}' has no output '{}'", definition_.name, given.name));
    const std::string& name = definition_.outputs[*output].name;
    if (gradients_[*output])
      return misuse(fmt::format("the gradient of '{}' is given twice", name));
    if (definition_.outputs[*output].type != dsl::Type::number)
      return misuse(fmt::format("the output '{}' is no number and has no gradient", name));
    // An 8-bit output's gradient is none of 8 bits.
    std::optional<Dtype> wanted = declared(name);
    if (wanted && is_quantised(*wanted)) wanted.reset();
    Result<Given> read = read_operand(given.value, wanted, Dtype::f32);
    if (!read)
      return Error{read.error().status,
                   fmt::format("gradient of '{}': {}", name, read.error().message)};
    gradients_[*output] = std::move(read).value();
    return Unit{};
  });
}

}  // namespace sluice::tools
