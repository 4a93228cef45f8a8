#include "tools/run_plan.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "tools/run_operands.hpp"
#include "tools/values.hpp"

namespace sluice::tools {
namespace {

class Planner {
 public:
  Planner(const RunArguments& arguments, Function function)
      : arguments_(arguments), plan_{std::move(function), {}, {}, {}, {}, {}},
        operands_(arguments, plan_.function.definition()) {}

  Result<RunPlan> run() && {
    for (const auto step : {&Planner::choose_pass, &Planner::read_operands, &Planner::settle_shape,
                            &Planner::choose_outputs, &Planner::read_held, &Planner::make_spec})
      if (Outcome done = (this->*step)(); !done) return done.error();
    return std::move(plan_);
  }

 private:
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
    if (plan_.spec.saved == Saved::outputs &&
        (definition().inputs.size() != 1 || definition().outputs.size() != 1))
      return misuse(fmt::format("--saved outputs: the derivative of '{}' can't be written in its "
                                "output alone, for it has several inputs or outputs",
                                definition().name));
    if (!has_backward() && !arguments_.gradients.empty())
      return misuse("--grad has no meaning in the pass forward");
    if (!has_backward() && !arguments_.accumulated.empty())
      return misuse("--accumulate has no meaning in the pass forward");
    if (!has_backward() && !arguments_.wanted.empty())
      return misuse("--wrt has no meaning in the pass forward");
    return Unit{};
  }

  Outcome read_operands() {
    if (Outcome read = operands_.read(); !read) return read;
    plan_.spec.parameters = operands_.parameters();
    return Unit{};
  }

  using Operands = std::vector<std::optional<Given>>;
  [[nodiscard]] Operands& inputs() { return operands_.inputs(); }
  [[nodiscard]] const Operands& inputs() const { return operands_.inputs(); }

  // The first input that varies along the tensor: what --axis counts in.
  [[nodiscard]] const Given* leading() const {
    for (std::size_t i = 0; i < inputs().size(); ++i)
      if (inputs()[i] && definition().inputs[i].kind == dsl::Kind::element) return &*inputs()[i];
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
    for (std::size_t i = 0; i < inputs().size(); ++i) {
      if (!inputs()[i]) continue;
      if (&*inputs()[i] != x && rank > 0) place(*inputs()[i], x->shape, axis);
      Result<Shape> shape = broadcast(plan_.result, inputs()[i]->source.shape());
      if (!shape)
        return Error{
            shape.error().status,
            fmt::format("input '{}': {}", definition().inputs[i].name, shape.error().message)};
      plan_.result = std::move(shape).value();
    }
    for (std::size_t i = 0; i < operands_.gradients().size(); ++i) {
      if (!operands_.gradients()[i]) continue;
      const Result<Shape> shape = broadcast(plan_.result, operands_.gradients()[i]->shape);
      if (!shape || *shape != plan_.result)
        return Error{Status::invalid_operands,
                     fmt::format("the gradient of '{}' has shape {}, and the output has {}",
                                 definition().outputs[i].name,
                                 to_string(operands_.gradients()[i]->shape),
                                 to_string(plan_.result))};
    }
    return Unit{};
  }

  // Outputs.

  [[nodiscard]] Dtype output_dtype(std::uint32_t index) const {
    const dsl::Output& output = definition().outputs[index];
    if (output.type == dsl::Type::boolean) return Dtype::boolean;
    if (output.type == dsl::Type::integer) return Dtype::i64;
    return operands_.declared(output.name).value_or(leading()->dtype);
  }

  // One number goes with several elements of the result.
  [[nodiscard]] bool is_broadcast(std::uint32_t input) const {
    return element_count(inputs()[input]->shape) != element_count(plan_.result);
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
      const Dtype of_input = inputs()[input]->dtype;
      const Dtype dtype =
          operands_.declared(name).value_or(is_quantised(of_input) ? Dtype::f32 : of_input);
      all.push_back({name, "", dtype, inputs()[input]->shape});
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
      for (std::uint32_t i = 0; i < inputs().size(); ++i)
        if (inputs()[i] && definition().inputs[i].type() == dsl::Type::number) wanted_.push_back(i);
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
      const Result<std::uint32_t> input = operands_.find_input(name);
      if (!input) return input.error();
      if (!inputs()[*input] || definition().inputs[*input].type() != dsl::Type::number)
        return misuse(fmt::format("--wrt: the input '{}' has no gradient", name));
      if (!seen.insert(name).second) return misuse(fmt::format("--wrt names '{}' twice", name));
      wanted_.push_back(*input);
    }
    return Unit{};
  }

  Outcome name_files(std::vector<RunOutput>& all) {
    std::set<std::string> paths;
    return each(arguments_.outputs, "--out", [&](const Assignment& given) -> Outcome {
      const auto output = operands_.find_output(given.name);
      const std::string name = output && !operands_.find_gradient(given.name)
                                   ? definition().outputs[*output].name
                                   : given.name;
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

  // What gradients are added to.
  Outcome read_held() {
    if (arguments_.accumulated.empty()) return Unit{};
    plan_.spec.accumulate = true;
    Outcome read =
        each(arguments_.accumulated, "--accumulate", [&](const Assignment& given) -> Outcome {
          const auto place =
              std::find_if(plan_.outputs.begin(), plan_.outputs.end(),
                           [&](const RunOutput& output) { return output.name == given.name; });
          if (place == plan_.outputs.end() || !operands_.find_gradient(given.name))
            return unknown(
                fmt::format("--accumulate: there is no gradient '{}' to compute", given.name));
          if (place->held) return misuse(fmt::format("--accumulate names '{}' twice", given.name));
          Result<Given> held = operands_.read_operand(given.value, place->dtype, place->dtype);
          if (!held) return held.error();
          if (held->shape != place->shape)
            return Error{Status::invalid_operands,
                         fmt::format("--accumulate: '{}' has shape {}, not {}", given.name,
                                     to_string(place->shape), to_string(held->shape))};
          place->held = std::move(held->source);
          return Unit{};
        });
    if (!read) return read;
    for (const RunOutput& output : plan_.outputs)
      if (operands_.find_gradient(output.name) && !output.held)
        return misuse(fmt::format("--accumulate: what '{}' is added to is missing", output.name));
    return Unit{};
  }

  // Kernel.

  Outcome make_spec() {
    KernelSpec& spec = plan_.spec;
    spec.program = plan_.function.definitions.program;
    spec.function = definition().name;
    spec.target = arguments_.target;
    const Result<double> accuracy = parse_accuracy(arguments_.accuracy);
    if (!accuracy) return accuracy.error();
    spec.accuracy = *accuracy;
    for (std::size_t i = 0; i < inputs().size(); ++i)
      if (inputs()[i]) add_input(operands_.input_name(i), std::move(*inputs()[i]));
    if (has_backward()) add_output_gradients();
    for (const RunOutput& output : plan_.outputs)
      spec.operands.push_back({output.dtype,
                               {element_count(plan_.result)},
                               output.name,
                               operands_.quantisation(output.name)});
    for (const OperandSpec& operand : spec.operands)
      if (is_quantised(operand.dtype) && !operand.quantisation)
        return misuse(fmt::format("'{0}' is of type {1}: say what its integers stand for with "
                                  "--quant {0}=SCALE,ZERO, or give it another type with --dtype",
                                  operand.name, name(operand.dtype)));
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
    for (std::size_t i = 0; i < operands_.gradients().size(); ++i) {
      const std::string name = "grad_" + definition().outputs[i].name;
      if (operands_.gradients()[i]) {
        add_input(name, std::move(*operands_.gradients()[i]));
      } else if (i == 0) {
        const Dtype dtype = output_dtype_of_gradient();
        Result<std::vector<std::byte>> one = parse_values("1", dtype);
        add_input(name, {Source(std::move(one).value(), dtype, {}), dtype, {}});
      }
    }
  }

  [[nodiscard]] Dtype output_dtype_of_gradient() const {
    const Dtype dtype = plan_.spec.operands.front().dtype;
    return is_floating(dtype) ? dtype : Dtype::f32;
  }

  void add_input(const std::string& name, Given given) {
    const Broadcast map(given.source.shape(), plan_.result);
    std::vector<std::int64_t> shape;
    if (!map.single()) shape.push_back(element_count(plan_.result));
    plan_.spec.operands.push_back(
        {given.dtype, std::move(shape), name, operands_.quantisation(name)});
    plan_.inputs.push_back({name, std::move(given.source), given.dtype});
  }

  const RunArguments& arguments_;
  RunPlan plan_;
  RunOperands operands_;
  std::vector<std::uint32_t> wanted_;  // the inputs whose gradients are asked for
};

}  // namespace

Result<RunPlan> plan_run(const RunArguments& arguments) {
  if (Outcome sound = check_options(arguments); !sound) return sound.error();
  Result<Function> function = find_function(arguments.function, arguments.library_files);
  if (!function) return function.error();
  return Planner(arguments, std::move(function).value()).run();
}

}  // namespace sluice::tools
