#include "tools/run_plan.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "tools/values.hpp"

namespace sluice::tools {
namespace {

Error misuse(std::string message) { return {Status::invalid_argument, std::move(message)}; }
Error unknown(std::string message) { return {Status::unknown_name, std::move(message)}; }
Error not_yet(std::string_view what) {
  return {Status::unsupported, fmt::format("{} is not supported yet", what)};
}

struct Assignment {
  std::string name;
  std::string value;
};

Result<Assignment> split(const std::string& text, std::string_view option) {
  const std::size_t at = text.find('=');
  if (at == std::string::npos || at == 0)
    return misuse(fmt::format("{} takes NAME=..., not '{}'", option, text));
  return Assignment{text.substr(0, at), text.substr(at + 1)};
}

// Calls `use` with every assignment of an option.
template <typename Use>
Outcome each(const std::vector<std::string>& texts, std::string_view option, const Use& use) {
  for (const std::string& text : texts) {
    const Result<Assignment> assignment = split(text, option);
    if (!assignment) return assignment.error();
    if (Outcome used = use(*assignment); !used) return used;
  }
  return Unit{};
}

// Options that mean nothing for the functions there are, or that belong to what is to come.
Outcome check_options(const RunArguments& arguments) {
  const auto one_of = [](std::string_view option, std::string_view value,
                         std::initializer_list<std::string_view> known) -> Outcome {
    if (std::find(known.begin(), known.end(), value) != known.end()) return Unit{};
    return unknown(fmt::format("{} is one of {}, not '{}'", option, fmt::join(known, ", "), value));
  };
  if (Outcome ok = one_of("--reduction", arguments.reduction, {"none", "sum", "mean"}); !ok)
    return ok;
  if (Outcome ok = one_of("--saved", arguments.saved, {"inputs", "outputs", "auto"}); !ok)
    return ok;
  if (Outcome ok = one_of("--empty", arguments.empty, {"nan", "zero"}); !ok) return ok;
  if (arguments.reduction != "none") return not_yet("--reduction " + arguments.reduction);
  if (!arguments.splits.empty()) return not_yet("--split");
  if (!arguments.quantisations.empty()) return not_yet("--quant");
  if (arguments.target == "llvm" || arguments.target == "interpreter-nofma")
    return not_yet(fmt::format("the target '{}'", arguments.target));
  if (arguments.values.size() > 1) return misuse("--values is given twice");
  return Unit{};
}

class Planner {
 public:
  Planner(const RunArguments& arguments, Function function)
      : arguments_(arguments), plan_{std::move(function), {}, {}, {}, {}, {}},
        sources_(definition().inputs.size()), gradients_(definition().outputs.size()) {}

  Result<RunPlan> run() && {
    for (const auto step : {&Planner::choose_pass, &Planner::read_dtypes, &Planner::read_inputs,
                            &Planner::read_parameters, &Planner::read_gradients,
                            &Planner::settle_shape, &Planner::choose_outputs, &Planner::make_spec})
      if (Outcome done = (this->*step)(); !done) return done.error();
    return std::move(plan_);
  }

 private:
  struct Given {
    Source source;
    Dtype dtype;  // the kernel's
    Shape shape;  // the operand's own, before --axis
  };

  [[nodiscard]] const dsl::FunctionDef& definition() const { return plan_.function.definition(); }
  [[nodiscard]] bool has_backward() const { return plan_.spec.pass != Pass::forward; }

  Outcome choose_pass() {
    const std::optional<Pass> pass = pass_from_name(arguments_.pass);
    if (!pass)
      return unknown(fmt::format("unknown pass '{}': known are forward, backward, forward_backward",
                                 arguments_.pass));
    plan_.spec.pass = *pass;
    if (definition().row_wise)
      return not_yet(fmt::format("'{}' reduces along rows, which", definition().name));
    if (arguments_.saved == "outputs") plan_.spec.saved = Saved::outputs;
    if (arguments_.saved == "auto") plan_.spec.saved = Saved::automatic;
    if (!has_backward() && !arguments_.gradients.empty())
      return misuse("--grad has no meaning in the pass forward");
    if (!has_backward() && !arguments_.wanted.empty())
      return misuse("--wrt has no meaning in the pass forward");
    return Unit{};
  }

  // Names.

  [[nodiscard]] std::string input_names() const {
    std::vector<std::string_view> names;
    for (const dsl::Input& input : definition().inputs) names.push_back(input.name);
    return fmt::format("{}", fmt::join(names, ", "));
  }

  Result<std::uint32_t> find_input(const std::string& name) const {
    if (const auto index = definition().find_input(name)) return *index;
    return unknown(
        fmt::format("'{}' has no input '{}'; it has {}", definition().name, name, input_names()));
  }

  // An output by its name; `y` is always the first.
  [[nodiscard]] std::optional<std::uint32_t> find_output(std::string_view name) const {
    const auto& outputs = definition().outputs;
    for (std::uint32_t i = 0; i < outputs.size(); ++i)
      if (outputs[i].name == name) return i;
    return name == "y" ? std::optional<std::uint32_t>(0) : std::nullopt;
  }

  // The number input that a name such as "dx" is the gradient of.
  [[nodiscard]] std::optional<std::uint32_t> find_gradient(std::string_view name) const {
    if (!name.starts_with('d')) return std::nullopt;
    const auto input = definition().find_input(name.substr(1));
    if (!input || definition().inputs[*input].type() != dsl::Type::number) return std::nullopt;
    return input;
  }

  // Element types that --dtype states, by the kernel's names: "x", "y", "dx".

  Outcome read_dtypes() {
    return each(arguments_.dtypes, "--dtype", [&](const Assignment& given) -> Outcome {
      const std::optional<Dtype> dtype = dtype_from_name(given.value);
      if (!dtype)
        return unknown(fmt::format("unknown element type '{}': known are f32, f64, f16, bf16, i8, "
                                   "u8, i32, i64, bool",
                                   given.value));
      std::string name = given.name;
      if (!definition().find_input(name) && !find_gradient(name)) {
        const auto output = find_output(name);
        if (!output)
          return unknown(fmt::format("--dtype: '{}' has no operand '{}'", definition().name, name));
        name = definition().outputs[*output].name;
      }
      dtypes_[name] = *dtype;
      return Unit{};
    });
  }

  [[nodiscard]] std::optional<Dtype> declared(const std::string& name) const {
    const auto found = dtypes_.find(name);
    return found == dtypes_.end() ? std::nullopt : std::optional(found->second);
  }

  // Operands.

  Result<Given> read_file(const std::string& path, std::optional<Dtype> wanted) {
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

  Result<Given> read_operand(const std::string& text, std::optional<Dtype> wanted,
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

  Outcome bind_input(const std::string& name, const std::string& text) {
    const Result<std::uint32_t> index = find_input(name);
    if (!index) return index.error();
    if (sources_[*index]) return misuse(fmt::format("the input '{}' is given twice", name));
    const dsl::Input& input = definition().inputs[*index];
    Dtype of_values = Dtype::f32;
    if (input.type() == dsl::Type::integer) of_values = Dtype::i64;
    if (input.type() == dsl::Type::boolean) of_values = Dtype::boolean;
    Result<Given> given = read_operand(text, declared(name), of_values);
    if (!given)
      return Error{given.error().status,
                   fmt::format("input '{}': {}", name, given.error().message)};
    sources_[*index] = std::move(given).value();
    return Unit{};
  }

  Outcome read_inputs() {
    if (!arguments_.values.empty()) {
      // --values means x; a function whose only input has another name leaves no doubt either.
      const bool only = definition().inputs.size() == 1;
      const std::string name = only ? definition().inputs[0].name : "x";
      if (Outcome bound = bind_input(name, arguments_.values[0]); !bound) return bound;
    }
    return each(arguments_.inputs, "--in",
                [&](const Assignment& given) { return bind_input(given.name, given.value); });
  }

  // Parameters, and inputs that are given as one number for all.
  Outcome read_parameters() {
    Outcome read = each(arguments_.parameters, "--param", [&](const Assignment& given) -> Outcome {
      const Result<double> value = parse_number(given.value);
      if (!value)
        return misuse(fmt::format("parameter '{}': {}", given.name, value.error().message));
      if (definition().find_parameter(given.name)) return add_parameter(given.name, *value);
      const auto input = definition().find_input(given.name);
      if (input) return bind_scalar(*input, given.value);
      return unknown_parameter(given.name);
    });
    if (!read) return read;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      const dsl::Input& input = definition().inputs[i];
      if (!sources_[i] && !input.default_value)
        return Error{Status::invalid_operands,
                     fmt::format("the input '{0}' of '{1}' is missing: give it with --in "
                                 "{0}=FILE.npy or --in {0}=1,2,3",
                                 input.name, definition().name)};
    }
    return Unit{};
  }

  Outcome add_parameter(const std::string& name, double value) {
    for (const ParameterValue& other : plan_.spec.parameters)
      if (other.name == name) return misuse(fmt::format("the parameter '{}' is given twice", name));
    plan_.spec.parameters.push_back({name, value});
    return Unit{};
  }

  Error unknown_parameter(const std::string& name) const {
    std::vector<std::string_view> names;
    for (const dsl::Parameter& parameter : definition().parameters) names.push_back(parameter.name);
    return unknown(fmt::format("'{}' has no parameter '{}'; it has {}", definition().name, name,
                               names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
  }

  // As a parameter is, the number is rounded to the type that is computed in.
  Outcome bind_scalar(std::uint32_t index, const std::string& text) {
    const dsl::Input& input = definition().inputs[index];
    if (input.type() == dsl::Type::number && !declared(input.name)) dtypes_[input.name] = widest();
    if (Outcome bound = bind_input(input.name, text); !bound) return bound;
    sources_[index]->source.reshape({});
    sources_[index]->shape = {};
    return Unit{};
  }

  [[nodiscard]] Dtype widest() const {
    const bool wide = std::any_of(sources_.begin(), sources_.end(), [](const auto& given) {
      return given && given->dtype == Dtype::f64;
    });
    return wide ? Dtype::f64 : Dtype::f32;
  }

  Outcome read_gradients() {
    return each(arguments_.gradients, "--grad", [&](const Assignment& given) -> Outcome {
      const auto output = find_output(given.name);
      if (!output)
        return unknown(
            fmt::format("--grad: '{}' has no output '{}'", definition().name, given.name));
      const std::string& name = definition().outputs[*output].name;
      if (gradients_[*output])
        return misuse(fmt::format("the gradient of '{}' is given twice", name));
      if (definition().outputs[*output].type != dsl::Type::number)
        return misuse(fmt::format("the output '{}' is no number and has no gradient", name));
      Result<Given> read = read_operand(given.value, declared(name), Dtype::f32);
      if (!read)
        return Error{read.error().status,
                     fmt::format("gradient of '{}': {}", name, read.error().message)};
      gradients_[*output] = std::move(read).value();
      return Unit{};
    });
  }

  // The first input that varies along the tensor: what --axis counts in.
  [[nodiscard]] const Given* leading() const {
    for (std::size_t i = 0; i < sources_.size(); ++i)
      if (sources_[i] && definition().inputs[i].kind == dsl::Kind::element) return &*sources_[i];
    return nullptr;
  }

  // Where --axis puts an operand of fewer dimensions than x: one of rank 1 along that axis, one
  // that has x's extents up to that axis along those. Elsewhere NumPy's rule is left to do its
  // work.
  static void place(Given& given, const Shape& x, std::size_t axis) {
    if (given.shape.size() >= x.size()) return;
    const std::size_t up_to = axis + 1;
    const bool along = given.shape.size() == 1;
    const bool leading_extents = given.shape.size() == up_to &&
                                 std::equal(given.shape.begin(), given.shape.end(), x.begin());
    if (!along && !leading_extents) return;
    Shape shape = given.shape;
    shape.resize(shape.size() + x.size() - up_to, 1);
    given.source.reshape(std::move(shape));
  }

  Outcome settle_shape() {
    const Given* x = leading();
    if (x == nullptr) return Error{Status::invalid_operands, "no input is given"};
    const auto rank = static_cast<std::int64_t>(x->shape.size());
    if (rank > 0 && (arguments_.axis < -rank || arguments_.axis >= rank))
      return misuse(fmt::format("--axis {} is not among the {} dimensions of {}", arguments_.axis,
                                rank, to_string(x->shape)));
    const auto axis = static_cast<std::size_t>(arguments_.axis + (arguments_.axis < 0 ? rank : 0));
    plan_.result = x->shape;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (!sources_[i]) continue;
      if (&*sources_[i] != x && rank > 0) place(*sources_[i], x->shape, axis);
      Result<Shape> shape = broadcast(plan_.result, sources_[i]->source.shape());
      if (!shape)
        return Error{
            shape.error().status,
            fmt::format("input '{}': {}", definition().inputs[i].name, shape.error().message)};
      plan_.result = std::move(shape).value();
    }
    for (std::size_t i = 0; i < gradients_.size(); ++i) {
      if (!gradients_[i]) continue;
      const Result<Shape> shape = broadcast(plan_.result, gradients_[i]->shape);
      if (!shape || *shape != plan_.result)
        return Error{Status::invalid_operands,
                     fmt::format("the gradient of '{}' has shape {}, and the output has {}",
                                 definition().outputs[i].name, to_string(gradients_[i]->shape),
                                 to_string(plan_.result))};
    }
    return Unit{};
  }

  // Outputs.

  [[nodiscard]] Dtype output_dtype(std::uint32_t index) const {
    const dsl::Output& output = definition().outputs[index];
    if (output.type == dsl::Type::boolean) return Dtype::boolean;
    if (output.type == dsl::Type::integer) return Dtype::i64;
    return declared(output.name).value_or(leading()->dtype);
  }

  // One number goes with several elements of the result.
  [[nodiscard]] bool is_broadcast(std::uint32_t input) const {
    return element_count(sources_[input]->shape) != element_count(plan_.result);
  }

  Error gradient_is_sum(const std::string& name) const {
    return not_yet(
        fmt::format("the gradient of '{}', which broadcasts and whose gradient is a sum,", name));
  }

  // The outputs of the pass, with files where --out names them. With --out alone what it names is
  // computed.
  Outcome choose_outputs() {
    if (Outcome wanted = read_wanted(); !wanted) return wanted;
    std::vector<RunOutput> all;
    if (plan_.spec.pass != Pass::backward)
      for (std::uint32_t i = 0; i < definition().outputs.size(); ++i)
        all.push_back({definition().outputs[i].name, "", output_dtype(i), plan_.result});
    for (std::uint32_t input : wanted_) {
      const std::string name = "d" + definition().inputs[input].name;
      all.push_back(
          {name, "", declared(name).value_or(sources_[input]->dtype), sources_[input]->shape});
    }
    if (Outcome named = name_files(all); !named) return named;
    const bool some = !arguments_.outputs.empty();
    for (RunOutput& output : all)
      if (!some || !output.path.empty()) plan_.outputs.push_back(std::move(output));
    return drop_sums();
  }

  // The inputs whose gradients are asked for.
  Outcome read_wanted() {
    if (!has_backward()) return Unit{};
    if (arguments_.wanted.empty()) {
      for (std::uint32_t i = 0; i < sources_.size(); ++i)
        if (sources_[i] && definition().inputs[i].type() == dsl::Type::number) wanted_.push_back(i);
      return Unit{};
    }
    std::set<std::string> seen;
    std::size_t begin = 0;
    while (begin <= arguments_.wanted.size()) {
      const std::size_t end =
          std::min(arguments_.wanted.find(',', begin), arguments_.wanted.size());
      const std::string name = arguments_.wanted.substr(begin, end - begin);
      begin = end + 1;
      if (definition().find_parameter(name))
        return not_yet(fmt::format("--wrt: the gradient of the parameter '{}', a sum over all "
                                   "elements,",
                                   name));
      const Result<std::uint32_t> input = find_input(name);
      if (!input) return input.error();
      if (!sources_[*input] || definition().inputs[*input].type() != dsl::Type::number)
        return misuse(fmt::format("--wrt: the input '{}' has no gradient", name));
      if (!seen.insert(name).second) return misuse(fmt::format("--wrt names '{}' twice", name));
      wanted_.push_back(*input);
    }
    return Unit{};
  }

  Outcome name_files(std::vector<RunOutput>& all) {
    std::set<std::string> paths;
    return each(arguments_.outputs, "--out", [&](const Assignment& given) -> Outcome {
      const auto output = find_output(given.name);
      const std::string name =
          output && !find_gradient(given.name) ? definition().outputs[*output].name : given.name;
      const auto place = std::find_if(all.begin(), all.end(), [&](const RunOutput& candidate) {
        return candidate.name == name;
      });
      if (place == all.end()) {
        std::vector<std::string_view> names;
        for (const RunOutput& candidate : all) names.push_back(candidate.name);
        return unknown(fmt::format("--out: the pass {} of '{}' has no output '{}'; it has {}",
                                   arguments_.pass, definition().name, given.name,
                                   fmt::join(names, ", ")));
      }
      if (given.value.empty()) return misuse(fmt::format("--out {}= names no file", given.name));
      std::error_code ignored;
      const auto path =
          std::filesystem::weakly_canonical(std::filesystem::absolute(given.value), ignored);
      if (!place->path.empty() || !paths.insert(path.string()).second)
        return misuse(fmt::format("--out {}={}: the output or the file is named twice", given.name,
                                  given.value));
      place->path = given.value;
      return Unit{};
    });
  }

  // Gradients of broadcast inputs are sums, which there are no kernels for yet: an error where one
  // is asked for by name, left out with a note where all that there are were wanted.
  Outcome drop_sums() {
    const bool named = !arguments_.wanted.empty() || !arguments_.outputs.empty();
    for (std::uint32_t input : wanted_) {
      const std::string& name = definition().inputs[input].name;
      const auto place =
          std::find_if(plan_.outputs.begin(), plan_.outputs.end(),
                       [&](const RunOutput& output) { return output.name == "d" + name; });
      if (!is_broadcast(input) || place == plan_.outputs.end()) continue;
      if (named) return gradient_is_sum(name);
      plan_.outputs.erase(place);
      plan_.notes +=
          fmt::format("sluice: note: d{} is left out: '{}' broadcasts, and its gradient, "
                      "a sum, is not supported yet\n",
                      name, name);
    }
    return Unit{};
  }

  // Kernel.

  Outcome make_spec() {
    KernelSpec& spec = plan_.spec;
    spec.program = plan_.function.definitions.program;
    spec.function = definition().name;
    spec.target = arguments_.target;
    for (std::size_t i = 0; i < sources_.size(); ++i)
      if (sources_[i]) add_input(definition().inputs[i].name, std::move(*sources_[i]));
    if (has_backward()) add_output_gradients();
    for (const RunOutput& output : plan_.outputs)
      spec.operands.push_back({output.dtype, {element_count(plan_.result)}, output.name});
    if (plan_.outputs.empty())
      return Error{Status::unsupported,
                   fmt::format("the pass {} of '{}' has nothing to compute here: gradients of "
                               "broadcast inputs are not supported yet",
                               arguments_.pass, definition().name)};
    return Unit{};
  }

  // The incoming gradients: those given; without any, ones for the first output. One that is not
  // there counts as zero.
  void add_output_gradients() {
    for (std::size_t i = 0; i < gradients_.size(); ++i) {
      const std::string name = "grad_" + definition().outputs[i].name;
      if (gradients_[i]) {
        add_input(name, std::move(*gradients_[i]));
      } else if (i == 0) {
        const Dtype dtype = output_dtype_of_gradient();
        Result<std::vector<std::byte>> one = parse_values("1", dtype);
        add_input(name, {Source(std::move(one).value(), dtype, {}), dtype, {}});
      }
    }
  }

  [[nodiscard]] Dtype output_dtype_of_gradient() const {
    return plan_.spec.operands.front().dtype == Dtype::f64 ? Dtype::f64 : Dtype::f32;
  }

  void add_input(const std::string& name, Given given) {
    const Broadcast map(given.source.shape(), plan_.result);
    std::vector<std::int64_t> shape;
    if (!map.single()) shape.push_back(element_count(plan_.result));
    plan_.spec.operands.push_back({given.dtype, std::move(shape), name});
    plan_.inputs.push_back({name, std::move(given.source), given.dtype});
  }

  const RunArguments& arguments_;
  RunPlan plan_;
  std::map<std::string, Dtype> dtypes_;
  std::vector<std::optional<Given>> sources_;    // one an input
  std::vector<std::optional<Given>> gradients_;  // one an output
  std::vector<std::uint32_t> wanted_;            // inputs
  bool standard_input_read_ = false;
};

}  // namespace

Result<RunPlan> plan_run(const RunArguments& arguments) {
  if (Outcome sound = check_options(arguments); !sound) return sound.error();
  Result<Function> function = find_function(arguments.function, arguments.library_files);
  if (!function) return function.error();
  return Planner(arguments, std::move(function).value()).run();
}

}  // namespace sluice::tools
