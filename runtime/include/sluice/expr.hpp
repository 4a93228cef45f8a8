// The C++ expression front end: functions of Sluice written as C++ expressions.
//
//   constexpr auto quick = [](auto x) { return x * sigmoid(1.702 * x); };
//   runtime.define(sluice::define_text("quick", quick));
//
// A lambda is called once with values that record what is done to them; out comes the text of a
// definition in Sluice's language, so the tree, its checks and its messages are those of the text.
// Numbers print with all their digits. What is used more than once becomes a `let`.
//
// Header only, and on its own: nothing of the library is needed to compile or link it.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sluice::expression {

class Node;
using NodePtr = std::shared_ptr<Node>;

// How tightly the text of a node binds; the language's precedences.
enum class Binding : std::uint8_t {
  choice,   // if
  either,   // or
  both,     // and
  inverse,  // not
  compare,
  sum,
  product,
  sign,
  power,
  primary
};

// An operation of a recorded expression. Its text is the parts with the operands between them:
// parts {"", " + ", ""} and two operands make `a + b`.
class Node {
 public:
  Binding binding = Binding::primary;
  std::vector<std::string> parts{""};
  std::vector<NodePtr> operands;
  std::vector<Binding> least;  // of each operand: what binds less takes parentheses
  std::string parameter;       // the name of a parameter
  std::string parameter_text;  // how the parameter stands in the header: "beta = 1"

  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  Node(Node&&) = delete;
  Node& operator=(Node&&) = delete;

  // A chain of operations may be long; it is taken down without recursion, and without memory.
  ~Node() {
    NodePtr open;
    hand_over(open);
    while (open) {
      const NodePtr node = std::exchange(open, std::move(open->next_));
      node->hand_over(open);
    }
  }

 private:
  // Puts the operands that nobody else has at the front of a list.
  void hand_over(NodePtr& open) {
    for (NodePtr& operand : operands) {
      NodePtr own = std::move(operand);
      if (own.use_count() != 1) continue;
      own->next_ = std::move(open);
      open = std::move(own);
    }
    operands.clear();
  }

  NodePtr next_;  // in such a list
};

// The text of a number in the language: an integer as it is, any other with a point or exponent,
// both so that they read back to the same number.
[[nodiscard]] inline std::string number_text(double value, bool integer) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0.0 ? "inf" : "-inf";
  std::array<char, 400> buffer{};
  char* const last = buffer.data() + buffer.size();
  const auto result = integer ? std::to_chars(buffer.data(), last, value, std::chars_format::fixed)
                              : std::to_chars(buffer.data(), last, value);
  std::string text(buffer.data(), result.ptr);
  const bool plain = text.find_first_not_of("-0123456789") == std::string::npos;
  return !integer && plain ? text + ".0" : text;
}

[[nodiscard]] inline NodePtr make_leaf(std::string text) {
  auto node = std::make_shared<Node>();
  if (text.starts_with('-')) node->binding = Binding::sign;
  node->parts[0] = std::move(text);
  return node;
}

[[nodiscard]] inline NodePtr make_binary(std::string_view sign, Binding binding, NodePtr a,
                                         NodePtr b) {
  auto node = std::make_shared<Node>();
  const auto tighter = static_cast<Binding>(static_cast<int>(binding) + 1);
  // Comparisons and powers do not group to the left; a power's exponent may have a sign.
  const bool left = binding != Binding::compare && binding != Binding::power;
  node->binding = binding;
  node->parts = {"", std::string(sign), ""};
  node->operands = {std::move(a), std::move(b)};
  node->least = {left ? binding : tighter, binding == Binding::power ? Binding::sign : tighter};
  return node;
}

[[nodiscard]] inline NodePtr make_prefix(std::string_view sign, Binding binding, NodePtr a) {
  auto node = std::make_shared<Node>();
  node->binding = binding;
  node->parts = {std::string(sign), ""};
  node->operands = {std::move(a)};
  node->least = {binding};
  return node;
}

// A bool: what comparisons make, and masks.
class Test {
 public:
  template <std::same_as<bool> T>
  Test(T value) : node_(make_leaf(value ? "true" : "false")) {}  // NOLINT: a bool is a test
  explicit Test(NodePtr node) : node_(std::move(node)) {}

  [[nodiscard]] const NodePtr& node() const { return node_; }

  friend Test operator&&(const Test& a, const Test& b) {
    return Test(make_binary(" and ", Binding::both, a.node_, b.node_));
  }
  friend Test operator||(const Test& a, const Test& b) {
    return Test(make_binary(" or ", Binding::either, a.node_, b.node_));
  }
  friend Test operator!(const Test& a) {
    return Test(make_prefix("not ", Binding::inverse, a.node_));
  }

 private:
  NodePtr node_;
};

// A number, or an int where the language has one.
class Value {
 public:
  template <typename T>
  requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>)
      Value(T value)  // NOLINT: a number is a value
      : node_(make_leaf(number_text(static_cast<double>(value), std::is_integral_v<T>))) {}
  explicit Value(NodePtr node) : node_(std::move(node)) {}

  [[nodiscard]] const NodePtr& node() const { return node_; }

  friend Value operator+(const Value& a, const Value& b) {
    return Value(make_binary(" + ", Binding::sum, a.node_, b.node_));
  }
  friend Value operator-(const Value& a, const Value& b) {
    return Value(make_binary(" - ", Binding::sum, a.node_, b.node_));
  }
  friend Value operator*(const Value& a, const Value& b) {
    return Value(make_binary(" * ", Binding::product, a.node_, b.node_));
  }
  friend Value operator/(const Value& a, const Value& b) {
    return Value(make_binary(" / ", Binding::product, a.node_, b.node_));
  }
  friend Value operator-(const Value& a) { return Value(make_prefix("-", Binding::sign, a.node_)); }
  friend Value operator+(const Value& a) { return a; }
  friend Test operator<(const Value& a, const Value& b) { return compare(" < ", a, b); }
  friend Test operator<=(const Value& a, const Value& b) { return compare(" <= ", a, b); }
  friend Test operator>(const Value& a, const Value& b) { return compare(" > ", a, b); }
  friend Test operator>=(const Value& a, const Value& b) { return compare(" >= ", a, b); }
  friend Test operator==(const Value& a, const Value& b) { return compare(" == ", a, b); }
  friend Test operator!=(const Value& a, const Value& b) { return compare(" != ", a, b); }

 private:
  static Test compare(std::string_view sign, const Value& a, const Value& b) {
    return Test(make_binary(sign, Binding::compare, a.node_, b.node_));
  }
  NodePtr node_;
};

// Collects the parts of a call.
class CallBuilder {
 public:
  explicit CallBuilder(std::string_view name) { node_->parts[0] = std::string(name) + "("; }

  void add(const NodePtr& operand) { push(node_->operands.empty() ? "" : ", ", operand); }
  void add_named(const std::string& name, const NodePtr& operand) {
    push((named_ ? ", " : "; ") + name + " = ", operand);
    named_ = true;
  }
  [[nodiscard]] NodePtr take() {
    node_->parts.back() += ")";
    return std::move(node_);
  }

 private:
  void push(const std::string& separator, const NodePtr& operand) {
    node_->parts.back() += separator;
    node_->parts.emplace_back();
    node_->operands.push_back(operand);
    node_->least.push_back(Binding::choice);
  }
  std::shared_ptr<Node> node_ = std::make_shared<Node>();
  bool named_ = false;
};

// A parameter in a call: call("swish", x, named("beta", 2)).
struct Named {
  std::string name;
  NodePtr value;
};
[[nodiscard]] inline Named named(std::string name, const Value& value) {
  return {std::move(name), value.node()};
}

inline void add_argument(CallBuilder& call, const Value& value) { call.add(value.node()); }
inline void add_argument(CallBuilder& call, const Test& test) { call.add(test.node()); }
inline void add_argument(CallBuilder& call, const Named& argument) {
  call.add_named(argument.name, argument.value);
}

// Any function of the library, or defined before, by its name; named arguments stand last.
template <typename... Arguments>
[[nodiscard]] Value call(std::string_view name, const Arguments&... arguments) {
  CallBuilder builder(name);
  (add_argument(builder, arguments), ...);
  return Value(builder.take());
}

// The same of a function whose result is a bool.
template <typename... Arguments>
[[nodiscard]] Test call_test(std::string_view name, const Arguments&... arguments) {
  return Test(call(name, arguments...).node());
}

// A parameter of the function that is being defined, with its default. The same name is the same
// parameter.
[[nodiscard]] inline Value param(const std::string& name, double default_value) {
  auto node = std::make_shared<Node>();
  node->parts[0] = node->parameter = name;
  node->parameter_text = name + " = " + number_text(default_value, false);
  return Value(std::move(node));
}
[[nodiscard]] inline Value int_param(const std::string& name, std::int64_t default_value) {
  auto node = std::make_shared<Node>();
  node->parts[0] = node->parameter = name;
  node->parameter_text = name + ": int = " + std::to_string(default_value);
  return Value(std::move(node));
}

[[nodiscard]] inline NodePtr make_choice(const NodePtr& test, const NodePtr& taken,
                                         const NodePtr& other) {
  auto node = std::make_shared<Node>();
  node->binding = Binding::choice;
  node->parts = {"if ", " then ", " else ", ""};
  node->operands = {test, taken, other};
  node->least = {Binding::choice, Binding::choice, Binding::choice};
  return node;
}
[[nodiscard]] inline Value if_then_else(const Test& test, const Value& taken, const Value& other) {
  return Value(make_choice(test.node(), taken.node(), other.node()));
}
[[nodiscard]] inline Test if_then_else(const Test& test, const Test& taken, const Test& other) {
  return Test(make_choice(test.node(), taken.node(), other.node()));
}

// `^` of the language: products for integer literals up to 16, sqrt for 0.5, else pow.
[[nodiscard]] inline Value pow(const Value& base, const Value& exponent) {
  return Value(make_binary("^", Binding::power, base.node(), exponent.node()));
}

// The built-ins, found by their argument's type. A test compares these lists with the language's.
#define SLUICE_EXPRESSION_UNARY(apply)                                                             \
  apply(abs) apply(sign) apply(floor) apply(ceil) apply(round) apply(trunc) apply(reciprocal)      \
      apply(sqrt) apply(rsqrt) apply(cbrt) apply(exp) apply(exp2) apply(expm1) apply(log)          \
          apply(log2) apply(log10) apply(log1p) apply(sin) apply(cos) apply(tan) apply(asin)       \
              apply(acos) apply(atan) apply(sinh) apply(cosh) apply(tanh) apply(asinh)             \
                  apply(acosh) apply(atanh) apply(erf) apply(erfc) apply(sigmoid)                  \
                      apply(log_sigmoid) apply(log1p_exp) apply(normal_cdf) apply(normal_pdf)      \
                          apply(row_sum) apply(row_mean) apply(row_max) apply(row_min)             \
                              apply(row_prod) apply(row_logsumexp) apply(row_softmax)              \
                                  apply(row_argmax) apply(row_simplex_threshold) apply(detach)
#define SLUICE_EXPRESSION_BINARY(apply)                                                            \
  apply(min) apply(max) apply(at) apply(row_softmax) apply(derivative)
#define SLUICE_EXPRESSION_TERNARY(apply) apply(fma) apply(clamp)
#define SLUICE_EXPRESSION_TESTS(apply) apply(isnan) apply(isinf) apply(isfinite)
#define SLUICE_EXPRESSION_REDUCED_TESTS(apply) apply(row_any) apply(row_all)
#define SLUICE_EXPRESSION_POSITIONS(apply) apply(col) apply(row) apply(width)

#define SLUICE_DEFINE(name)                                                                        \
  [[nodiscard]] inline Value name(const Value& x) { return call(#name, x); }
SLUICE_EXPRESSION_UNARY(SLUICE_DEFINE)
#undef SLUICE_DEFINE
#define SLUICE_DEFINE(name)                                                                        \
  [[nodiscard]] inline Value name(const Value& a, const Value& b) { return call(#name, a, b); }
SLUICE_EXPRESSION_BINARY(SLUICE_DEFINE)
#undef SLUICE_DEFINE
#define SLUICE_DEFINE(name)                                                                        \
  [[nodiscard]] inline Value name(const Value& a, const Value& b, const Value& c) {                \
    return call(#name, a, b, c);                                                                   \
  }
SLUICE_EXPRESSION_TERNARY(SLUICE_DEFINE)
#undef SLUICE_DEFINE
#define SLUICE_DEFINE(name)                                                                        \
  [[nodiscard]] inline Test name(const Value& x) { return call_test(#name, x); }
SLUICE_EXPRESSION_TESTS(SLUICE_DEFINE)
#undef SLUICE_DEFINE
#define SLUICE_DEFINE(name)                                                                        \
  [[nodiscard]] inline Test name(const Test& test) { return call_test(#name, test); }
SLUICE_EXPRESSION_REDUCED_TESTS(SLUICE_DEFINE)
#undef SLUICE_DEFINE
#define SLUICE_DEFINE(name)                                                                        \
  [[nodiscard]] inline Value name() { return call(#name); }
SLUICE_EXPRESSION_POSITIONS(SLUICE_DEFINE)
#undef SLUICE_DEFINE

// Inputs of a kind other than element, for define_text.
struct ElementInput {
  std::string name;
};
struct RowInput {
  std::string name;
};
struct IndexInput {
  std::string name;
};
struct MaskInput {
  std::string name;
};

[[nodiscard]] inline Value value_of(const ElementInput& i) { return Value(make_leaf(i.name)); }
[[nodiscard]] inline Value value_of(const RowInput& i) { return Value(make_leaf(i.name)); }
[[nodiscard]] inline Value value_of(const IndexInput& i) { return Value(make_leaf(i.name)); }
[[nodiscard]] inline Test value_of(const MaskInput& i) { return Test(make_leaf(i.name)); }
[[nodiscard]] inline std::string header_of(const ElementInput& i) { return i.name; }
[[nodiscard]] inline std::string header_of(const RowInput& i) { return i.name + ": row"; }
[[nodiscard]] inline std::string header_of(const IndexInput& i) { return i.name + ": index"; }
[[nodiscard]] inline std::string header_of(const MaskInput& i) { return i.name + ": mask"; }

template <typename T>
[[nodiscard]] auto input_of(T&& input) {
  if constexpr (std::is_convertible_v<T, std::string>) {
    return ElementInput{std::forward<T>(input)};
  } else {
    return std::forward<T>(input);
  }
}

// Writes a recorded expression as a definition, without recursion.
class Writer {
 public:
  Writer(std::string name, std::vector<std::string> inputs)
      : name_(std::move(name)), inputs_(std::move(inputs)) {}

  [[nodiscard]] std::string definition(const NodePtr& result) {
    collect(result.get());
    for (const Node* node : order_) write(node, node == result.get());
    const std::string value = std::move(written_[result.get()].text);
    return "fn " + name_ + header() +
           (lets_.empty() ? " = " + value + "\n" : " {\n" + lets_ + "  " + value + "\n}\n");
  }

 private:
  // Deeper expressions are cut by lets, so that no limit of the language on depth is met.
  static constexpr std::size_t kDeepest = 128;

  struct Written {
    std::size_t uses = 0;
    std::size_t depth = 0;
    bool done = false;
    Binding binding = Binding::primary;
    std::string text;
  };

  // All nodes, operands before what uses them, in the order of the text.
  void collect(const Node* result) {
    std::vector<std::pair<const Node*, std::size_t>> open{{result, 0}};
    while (!open.empty()) {
      auto& [node, next] = open.back();
      if (next == 0 && !node->parameter.empty()) add_parameter(*node);
      if (next == node->operands.size()) {
        order_.push_back(node);
        open.pop_back();
        continue;
      }
      const Node* operand = node->operands[next++].get();
      if (++written_[operand].uses == 1) open.emplace_back(operand, 0);
    }
  }

  void add_parameter(const Node& node) {
    for (const std::string& known : parameters_) {
      if (known == node.parameter_text) return;
    }
    parameters_.push_back(node.parameter_text);
    parameter_names_.push_back(node.parameter);
  }

  void write(const Node* node, bool is_result) {
    Written& out = written_[node];
    out.binding = node->binding;
    out.text = node->parts[0];
    for (std::size_t i = 0; i < node->operands.size(); ++i) {
      const Written& operand = written_[node->operands[i].get()];
      const bool wrapped = operand.binding < node->least[i];
      out.text += (wrapped ? "(" : "") + operand.text + (wrapped ? ")" : "") + node->parts[i + 1];
      out.depth = out.depth > operand.depth ? out.depth : operand.depth + 1;
    }
    const bool shared = out.uses > 1 || out.depth >= kDeepest;
    if (is_result || node->operands.empty() || !shared) return;
    const std::string let = new_name();
    lets_ += "  let " + let + " = " + out.text + "\n";
    out.text = let;
    out.binding = Binding::primary;
    out.depth = 0;
  }

  // t1, t2, ..., without those that an input or a parameter has.
  [[nodiscard]] std::string new_name() {
    while (true) {
      std::string name = "t" + std::to_string(++last_name_);
      bool taken = false;
      for (const std::string& input : inputs_) {
        taken = taken || input == name || input.starts_with(name + ":");
      }
      for (const std::string& parameter : parameter_names_) taken = taken || parameter == name;
      if (!taken) return name;
    }
  }

  [[nodiscard]] std::string header() const {
    std::string out = "(";
    for (std::size_t i = 0; i < inputs_.size(); ++i) out += (i > 0 ? ", " : "") + inputs_[i];
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      out += (i > 0 ? ", " : "; ") + parameters_[i];
    }
    return out + ")";
  }

  std::string name_;
  std::vector<std::string> inputs_;
  std::vector<std::string> parameters_;
  std::vector<std::string> parameter_names_;
  std::vector<const Node*> order_;
  std::map<const Node*, Written> written_;
  std::string lets_;
  std::size_t last_name_ = 0;
};

template <typename F, typename... Inputs>
[[nodiscard]] std::string define_with(std::string_view name, F&& function,
                                      const Inputs&... inputs) {
  using Result = std::invoke_result_t<F, decltype(value_of(inputs))...>;
  NodePtr result;
  if constexpr (std::is_same_v<std::decay_t<Result>, Test>) {
    result = std::forward<F>(function)(value_of(inputs)...).node();
  } else {
    result = Value(std::forward<F>(function)(value_of(inputs)...)).node();
  }
  return Writer(std::string(name), {header_of(inputs)...}).definition(result);
}

// Calls `function` with as many of x, y, z, u, v, w as it takes.
template <std::size_t count, typename F, typename... Given>
[[nodiscard]] std::string define_by_arity(std::string_view name, F&& function,
                                          const Given&... given) {
  constexpr std::array kNames = {"x", "y", "z", "u", "v", "w"};
  static_assert(count <= kNames.size(),
                "a function without names for its inputs takes one to six values");
  const ElementInput next{kNames[count - 1]};
  if constexpr (std::is_invocable_v<F, decltype(value_of(given))..., Value>) {
    return define_with(name, std::forward<F>(function), given..., next);
  } else {
    return define_by_arity<count + 1>(name, std::forward<F>(function), given..., next);
  }
}

// The text of the definition of `name` as what `function` computes of its inputs. An input is a
// name (an element), or row_input("t"), index_input("i"), mask_input("m"); without names they are
// x, y, z, u, v, w, as many as the function takes.
template <typename F, typename... Inputs>
[[nodiscard]] std::string define_text(std::string_view name, F&& function, Inputs&&... inputs) {
  if constexpr (sizeof...(inputs) == 0) {
    return define_by_arity<1>(name, std::forward<F>(function));
  } else {
    return define_with(name, std::forward<F>(function), input_of(std::forward<Inputs>(inputs))...);
  }
}

}  // namespace sluice::expression

namespace sluice {

using expression::call;
using expression::call_test;
using expression::define_text;
using expression::if_then_else;
using expression::int_param;
using expression::named;
using expression::param;

[[nodiscard]] inline expression::RowInput row_input(std::string name) { return {std::move(name)}; }
[[nodiscard]] inline expression::IndexInput index_input(std::string name) {
  return {std::move(name)};
}
[[nodiscard]] inline expression::MaskInput mask_input(std::string name) {
  return {std::move(name)};
}

}  // namespace sluice
