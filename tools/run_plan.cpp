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
      : arguments_(arguments), plan_{.function = std::move(function)},
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
  [[nodiscard]] bool reduces() const { return plan_.spec.reduction != Reduction::none; }
  [[nodiscard]] bool is_row(std::size_t input) const {
    return definition().inputs[input].extent() == dsl::Extent::row;
  }
  [[nodiscard]] bool is_split(std::size_t input) const {
    return operands_.split() && input == operands_.split()->place;
  }

  Outcome choose_pass() {
    const std::optional<Pass> pass = pass_from_name(arguments_.pass);
    if (!pass)
      return unknown(fmt::format("unknown pass '{}': known are forward, backward, forward_backward",
                                 arguments_.pass));
    plan_.spec.pass = *pass;
    if (arguments_.reduction == "sum") plan_.spec.reduction = Reduction::sum;
    if (arguments_.reduction == "mean") plan_.spec.reduction = Reduction::mean;
    if (arguments_.empty == "zero") plan_.spec.empty = Empty::zero;
    plan_.spec.check_indices = arguments_.check_indices;
    plan_.flat = !definition().row_wise && !reduces() && arguments_.splits.empty();
    if (arguments_.piece > 0) plan_.piece = arguments_.piece;
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

  // An operand with one value a row has x's shape without the axis. Rows and their kernels know
  // that; elsewhere the axis is put in.
  void place_row(Given& given, const Shape& x, std::size_t axis) const {
    if (element_count(given.shape) == 1 && given.shape.size() >= x.size())
      return given.source.reshape({});
    if (definition().row_wise || given.shape.size() + 1 != x.size()) return;
    Shape shape = given.shape;
    shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), 1);
    given.source.reshape(std::move(shape));
  }

  // What an input's elements broadcast to in the result's shape: a half's are half as many, a row's
  // have the axis as well.
  [[nodiscard]] Result<Shape> shape_in_result(std::size_t input, std::size_t axis_from_end) const {
    Shape shape = inputs()[input]->source.shape();
    if (definition().row_wise && is_row(input) && shape.size() > axis_from_end)
      shape.insert(shape.end() - static_cast<std::ptrdiff_t>(axis_from_end), 1);
    if (!is_split(input)) return shape;
    if (shape.size() <= axis_from_end ||
        *(shape.end() - 1 - static_cast<std::ptrdiff_t>(axis_from_end)) % 2 != 0)
      return misuse(fmt::format("--split: '{}' of shape {} has no two halves along the axis {}",
                                operands_.input_name(input), to_string(shape), arguments_.axis));
    *(shape.end() - 1 - static_cast<std::ptrdiff_t>(axis_from_end)) /= 2;
    return shape;
  }

  Outcome settle_shape() {
    const Given* x = leading();
    if (x == nullptr) return Error{Status::invalid_operands, "no input is given"};
    const auto rank = static_cast<std::int64_t>(x->shape.size());
    const std::int64_t dimensions = std::max<std::int64_t>(rank, 1);
    const bool counts = rank > 0 || !plan_.flat;
    if (counts && (arguments_.axis < -dimensions || arguments_.axis >= dimensions))
      return misuse(fmt::format("--axis {} is not among the {} dimensions of {}", arguments_.axis,
                                rank, to_string(x->shape)));
    const auto axis =
        static_cast<std::size_t>(arguments_.axis + (arguments_.axis < 0 ? dimensions : 0));
    axis_from_end_ = static_cast<std::size_t>(dimensions) - 1 - axis;
    plan_.result = {};
    for (std::size_t i = 0; i < inputs().size(); ++i) {
      if (!inputs()[i]) continue;
      Given& given = *inputs()[i];
      if (&given != x && is_row(i))
        place_row(given, x->shape, axis);
      else if (&given != x && rank > 0)
        place(given, x->shape, axis);
      const Result<Shape> own = shape_in_result(i, axis_from_end_);
      if (!own) return own.error();
      Result<Shape> shape = broadcast(plan_.result, *own);
      if (!shape)
        return Error{shape.error().status,
                     fmt::format("input '{}': {}", operands_.input_name(i), shape.error().message)};
      plan_.result = std::move(shape).value();
    }
    return check_gradients();
  }

  Outcome check_gradients() {
    for (std::size_t i = 0; i < operands_.gradients().size(); ++i) {
      if (!operands_.gradients()[i]) continue;
      Given& given = *operands_.gradients()[i];
      const Shape wanted = output_shape(static_cast<std::uint32_t>(i));
      // A number on the command line has one dimension.
      if (wanted.empty() && element_count(given.shape) == 1) given.source.reshape({});
      const Result<Shape> shape = broadcast(wanted, given.source.shape());
      if (!shape || *shape != wanted)
        return Error{Status::invalid_operands,
                     fmt::format("the gradient of '{}' has shape {}, and the output has {}",
                                 definition().outputs[i].name, to_string(given.shape),
                                 to_string(wanted))};
    }
    return Unit{};
  }

  // Outputs.

  [[nodiscard]] Dtype output_dtype(std::uint32_t index) const {
    const dsl::Output& output = definition().outputs[index];
    if (output.type == dsl::Type::boolean) return Dtype::boolean;
    if (output.type == dsl::Type::integer) return Dtype::i64;
    const Dtype of_input = leading()->dtype;
    const bool narrow = of_input == Dtype::f16 || of_input == Dtype::bf16;
    return operands_.declared(output.name)
        .value_or(narrow && is_row_output(index) ? Dtype::f32 : of_input);
  }

  [[nodiscard]] bool is_row_output(std::uint32_t index) const {
    return definition().row_wise && definition().outputs[index].extent != dsl::Extent::element;
  }
  [[nodiscard]] Shape output_shape(std::uint32_t index) const {
    if (index == 0 && reduces()) return {};
    Shape shape = plan_.result;
    if (is_row_output(index) && shape.size() > axis_from_end_)
      shape.erase(shape.end() - 1 - static_cast<std::ptrdiff_t>(axis_from_end_));
    return shape;
  }

  // One number goes with several elements of the result.
  [[nodiscard]] bool is_broadcast(std::uint32_t input) const {
    return !is_split(input) && element_count(inputs()[input]->shape) != element_count(plan_.result);
  }

  // The outputs of the pass, with files where --out names them. With --out alone what it names is
  // computed.
  Outcome choose_outputs() {
    if (Outcome wanted = read_wanted(); !wanted) return wanted;
    std::vector<RunOutput> all;
    if (plan_.spec.pass != Pass::backward)
      for (std::uint32_t i = 0; i < definition().outputs.size(); ++i)
        all.push_back({definition().outputs[i].name,
                       "",
                       output_dtype(i),
                       output_shape(i),
                       {},
                       output_shape(i)});
    for (std::uint32_t input : wanted_) {
      const std::string name = operands_.gradient_name(input);
      const Dtype of_input = inputs()[input]->dtype;
      const Dtype dtype =
          operands_.declared(name).value_or(is_quantised(of_input) ? Dtype::f32 : of_input);
      all.push_back({name, "", dtype, inputs()[input]->shape, {}, inputs()[input]->source.shape()});
    }
    for (const std::string& parameter : wanted_parameters_) {
      const std::string name = "d" + parameter;
      all.push_back({name, "", operands_.declared(name).value_or(operands_.widest()), {}, {}, {}});
    }
    if (Outcome named = name_files(all); !named) return named;
    const bool some = !arguments_.outputs.empty();
    for (RunOutput& output : all)
      if (!some || !output.path.empty()) plan_.outputs.push_back(std::move(output));
    // The gradient of what broadcasts is a sum.
    for (std::uint32_t input : wanted_)
      if (is_broadcast(input) && is_computed(operands_.gradient_name(input))) plan_.flat = false;
    return Unit{};
  }

  [[nodiscard]] bool is_computed(const std::string& name) const {
    return std::any_of(plan_.outputs.begin(), plan_.outputs.end(),
                       [&](const RunOutput& output) { return output.name == name; });
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
      if (!seen.insert(name).second) return misuse(fmt::format("--wrt names '{}' twice", name));
      plan_.spec.gradients.push_back(name);
      if (definition().find_parameter(name)) {
        wanted_parameters_.push_back(name);
        plan_.flat = false;
        continue;
      }
      const Result<std::uint32_t> input = operands_.find_input(name);
      if (!input) return input.error();
      if (!inputs()[*input] || definition().inputs[*input].type() != dsl::Type::number)
        return misuse(fmt::format("--wrt: the input '{}' has no gradient", name));
      wanted_.push_back(*input);
    }
    return Unit{};
  }

  Outcome name_files(std::vector<RunOutput>& all) {
    std::set<std::string> paths;
    return each(arguments_.outputs, "--out", [&](const Assignment& given) -> Outcome {
      const auto output = operands_.find_output(given.name);
      const std::string name = output && !operands_.is_gradient(given.name)
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

  // What gradients are added to.
  Outcome read_held() {
    if (arguments_.accumulated.empty()) return Unit{};
    plan_.spec.accumulate = true;
    Outcome read =
        each(arguments_.accumulated, "--accumulate", [&](const Assignment& given) -> Outcome {
          const auto place =
              std::find_if(plan_.outputs.begin(), plan_.outputs.end(),
                           [&](const RunOutput& output) { return output.name == given.name; });
          if (place == plan_.outputs.end() || !operands_.is_gradient(given.name))
            return unknown(
                fmt::format("--accumulate: there is no gradient '{}' to compute", given.name));
          if (place->held) return misuse(fmt::format("--accumulate names '{}' twice", given.name));
          Result<Given> held = operands_.read_operand(given.value, place->dtype, place->dtype);
          if (!held) return held.error();
          // A number on the command line has one dimension.
          const bool number = place->shape.empty() && held->shape == Shape{1};
          if (held->shape != place->shape && !number)
            return Error{Status::invalid_operands,
                         fmt::format("--accumulate: '{}' has shape {}, not {}", given.name,
                                     to_string(place->shape), to_string(held->shape))};
          place->held = std::move(held->source);
          return Unit{};
        });
    if (!read) return read;
    for (const RunOutput& output : plan_.outputs)
      if (operands_.is_gradient(output.name) && !output.held)
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
    if (!plan_.flat) choose_axis(spec);
    for (std::size_t i = 0; i < inputs().size(); ++i)
      if (inputs()[i]) add_input(operands_.input_name(i), std::move(*inputs()[i]));
    if (has_backward()) add_output_gradients();
    for (const RunOutput& output : plan_.outputs)
      spec.operands.push_back({output.dtype,
                               plan_.flat ? Shape{element_count(plan_.result)} : output.operand,
                               output.name, operands_.quantisation(output.name)});
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

  void choose_axis(KernelSpec& spec) const {
    if (operands_.split()) spec.split = operands_.split()->names;
    if (definition().row_wise || spec.split) spec.axis = -1 - static_cast<int>(axis_from_end_);
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
    std::vector<std::int64_t> shape;
    if (!plan_.flat)
      shape = given.source.shape();
    else if (!Broadcast(given.source.shape(), plan_.result).single())
      shape.push_back(element_count(plan_.result));
    plan_.spec.operands.push_back(
        {given.dtype, std::move(shape), name, operands_.quantisation(name)});
    plan_.inputs.push_back({name, std::move(given.source), given.dtype});
  }

  const RunArguments& arguments_;
  RunPlan plan_;
  RunOperands operands_;
  std::size_t axis_from_end_ = 0;
  std::vector<std::uint32_t> wanted_;  // the inputs whose gradients are asked for
  std::vector<std::string> wanted_parameters_;
};

}  // namespace

Result<RunPlan> plan_run(const RunArguments& arguments) {
  if (Outcome sound = check_options(arguments); !sound) return sound.error();
  Result<Function> function = find_function(arguments.function, arguments.library_files);
  if (!function) return function.error();
  return Planner(arguments, std::move(function).value()).run();
}

}  // namespace sluice::tools
