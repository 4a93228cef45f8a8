// The operands that the words of `sluice run` give: names resolved, element types settled, files
// opened.
//
// In: the arguments and the function they speak of. Out: for each input and each output's gradient
// where its elements come from, and the parameters' values; or the first error.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/spec.hpp>
#include <sluice/status.hpp>

#include "dsl/ast.hpp"
#include "tools/operand.hpp"
#include "tools/run_arguments.hpp"

namespace sluice::tools {

struct Given {
  Source source;
  Dtype dtype;  // the kernel's
  Shape shape;  // the operand's own; the source's may be another that lies along --axis
};

// What --split says: the inputs that are the halves of one operand. It takes the place of the first
// of them in the function's order.
struct GivenSplit {
  Split names;
  std::uint32_t place;  // among the function's inputs
  std::uint32_t other;
};

class RunOperands {
 public:
  // Both must outlive this.
  RunOperands(const RunArguments& arguments, const dsl::FunctionDef& definition)
      : arguments_(arguments), definition_(definition), inputs_(definition.inputs.size()),
        gradients_(definition.outputs.size()) {}

  [[nodiscard]] Outcome read();

  // One each of the function's inputs, and one each of its outputs.
  [[nodiscard]] std::vector<std::optional<Given>>& inputs() { return inputs_; }
  [[nodiscard]] const std::vector<std::optional<Given>>& inputs() const { return inputs_; }
  [[nodiscard]] std::vector<std::optional<Given>>& gradients() { return gradients_; }
  [[nodiscard]] const std::vector<ParameterValue>& parameters() const { return parameters_; }

  // What --dtype says of an operand, by the kernel's name for it: "x", "y", "dx".
  [[nodiscard]] std::optional<Dtype> declared(const std::string& name) const;
  // What --quant says of it.
  [[nodiscard]] std::optional<Quantisation> quantisation(const std::string& name) const;

  [[nodiscard]] const std::optional<GivenSplit>& split() const { return split_; }
  [[nodiscard]] Result<std::uint32_t> find_input(const std::string& name) const;
  // The kernel's name for input `index`; with --saved outputs the output stands in its place, with
  // --split the operand that has two halves.
  [[nodiscard]] const std::string& input_name(std::size_t index) const {
    if (split_ && index == split_->place) return split_->names.name;
    return reads_output() ? definition_.outputs[0].name : definition_.inputs[index].name;
  }
  // The name of an input's gradient.
  [[nodiscard]] std::string gradient_name(std::size_t index) const {
    return "d" +
           (split_ && index == split_->place ? input_name(index) : definition_.inputs[index].name);
  }
  // An output by its name; `y` is always the first.
  [[nodiscard]] std::optional<std::uint32_t> find_output(std::string_view name) const;
  // Elements from a file, as text or from standard input: of the type wanted, or the file's, or
  // that of values.
  Result<Given> read_operand(const std::string& text, std::optional<Dtype> wanted, Dtype of_values);
  // f64 where an input is, else f32: the type that is computed in.
  [[nodiscard]] Dtype widest() const;
  // The number input that a name such as "dx" is the gradient of.
  [[nodiscard]] std::optional<std::uint32_t> find_gradient(std::string_view name) const;
  // Whether it is the gradient of an input or of a parameter.
  [[nodiscard]] bool is_gradient(std::string_view name) const;

 private:
  [[nodiscard]] bool reads_output() const { return arguments_.saved == "outputs"; }
  [[nodiscard]] Result<std::string> operand_named(std::string_view option,
                                                  const std::string& name) const;
  // By its name on the command line, if there is one.
  [[nodiscard]] std::optional<std::uint32_t> known_input(std::string_view name) const;
  Outcome read_split();
  Outcome read_dtypes();
  Outcome read_quantisations();
  Outcome read_inputs();
  Outcome read_parameters();
  Outcome read_gradients();
  Result<Given> read_file(const std::string& path, std::optional<Dtype> wanted);
  Outcome bind_input(const std::string& given_name, const std::string& text);
  Outcome bind_scalar(std::uint32_t index, const std::string& text);
  Outcome add_parameter(const std::string& name, double value);
  [[nodiscard]] Error unknown_parameter(const std::string& name) const;

  const RunArguments& arguments_;
  const dsl::FunctionDef& definition_;
  std::map<std::string, Dtype> dtypes_;
  std::map<std::string, Quantisation> quantisations_;
  std::optional<GivenSplit> split_;
  std::vector<std::optional<Given>> inputs_;
  std::vector<std::optional<Given>> gradients_;
  std::vector<ParameterValue> parameters_;
  bool standard_input_read_ = false;
};

}  // namespace sluice::tools
