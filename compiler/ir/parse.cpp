#include <bit>
#include <charconv>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "compiler/ir/text.hpp"
#include "compiler/ir/verify.hpp"

namespace sluice::ir {
namespace {

using Words = std::vector<std::string_view>;

Words split(std::string_view line) {
  line = line.substr(0, line.find('#'));
  Words words;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t\r"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

template <typename T>
std::optional<T> read(std::string_view word, int base_or_none = 0) {
  T value{};
  std::from_chars_result result{};
  if constexpr (std::is_floating_point_v<T>) {
    if (word == "nan") return std::numeric_limits<T>::quiet_NaN();
    result = std::from_chars(word.data(), word.data() + word.size(), value);
  } else {
    result = std::from_chars(word.data(), word.data() + word.size(), value, base_or_none);
  }
  if (result.ec != std::errc{} || result.ptr != word.data() + word.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> read_hex(std::string_view word) {
  if (!word.starts_with("0x")) return std::nullopt;
  return read<std::uint64_t>(word.substr(2), 16);
}

template <typename List>
std::optional<std::uint64_t> index_of(const List& list, std::string_view wanted) {
  for (std::size_t i = 0; i < list.size(); ++i)
    if (list[i].name == wanted) return i;
  return std::nullopt;
}

class Parser {
 public:
  Result<Graph> run(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      const Words words = split(text.substr(0, end));
      if (!words.empty() && !statement(words))
        return Error{Status::invalid_source,
                     "IR text, line " + std::to_string(line_) + ": " + problem_};
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (!graph_) return Error{Status::invalid_source, "IR text: no 'graph' line"};
    return std::move(*graph_);
  }

 private:
  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool statement(const Words& words) {
    if (words[0] == "graph") return header(words);
    if (!graph_) return fail("expected 'graph f32' or 'graph f64'");
    if (words[0] == "input") return input(words);
    if (words[0] == "param") return param(words);
    if (words[0] == "table") return table(words);
    if (words[0] == "output") return output(words);
    return value(words);
  }

  bool header(const Words& words) {
    const std::optional<Elem> elem = words.size() == 2 ? elem_from_name(words[1]) : std::nullopt;
    if (!elem || !is_number(*elem)) return fail("expected 'graph f32' or 'graph f64'");
    graph_.emplace(*elem);
    return true;
  }

  bool input(const Words& words) {
    const std::optional<Extent> extent =
        words.size() == 3 || words.size() == 4 ? extent_from_name(words[2]) : std::nullopt;
    const std::optional<Elem> elem =
        words.size() == 4 ? elem_from_name(words[3]) : std::optional(graph_->compute());
    if (!extent || !elem || !words[1].ends_with(':'))
      return fail("expected 'input NAME: EXTENT [ELEM]'");
    inputs_.push_back(
        graph_->add_input(std::string(words[1].substr(0, words[1].size() - 1)), {*elem, *extent}));
    return true;
  }

  bool param(const Words& words) {
    const std::optional<double> value = words.size() == 5 ? read<double>(words[3]) : std::nullopt;
    if (!value || words[2] != "=" || (words[4] != "baked" && words[4] != "passed"))
      return fail("expected 'param NAME = VALUE baked' or 'passed'");
    params_.push_back(graph_->add_param(std::string(words[1]), *value, words[4] == "baked"));
    return true;
  }

  bool table(const Words& words) {
    Table entries{std::string(words.size() > 1 ? words[1] : ""), {}};
    for (std::size_t i = 2; i < words.size(); ++i) {
      const std::optional<std::uint64_t> entry = read_hex(words[i]);
      if (!entry) return fail("expected hexadecimal entries");
      entries.entries.push_back(*entry);
    }
    if (entries.entries.empty()) return fail("expected 'table NAME ENTRIES'");
    graph_->add_table(std::move(entries));
    return true;
  }

  bool output(const Words& words) {
    const std::optional<ValueId> id =
        words.size() == 4 && words[2] == "=" ? operand(words[3]) : std::nullopt;
    if (!id) return fail("expected 'output NAME = %VALUE'");
    graph_->add_output(std::string(words[1]), *id);
    return true;
  }

  std::optional<ValueId> operand(std::string_view word) const {
    const std::optional<std::size_t> number =
        word.starts_with('%') ? read<std::size_t>(word.substr(1), 10) : std::nullopt;
    if (!number || *number >= values_.size()) return std::nullopt;
    return values_[*number];
  }

  // %N: ELEM EXTENT = OP ...
  bool value(const Words& words) {
    if (words.size() < 5 || words[0] != "%" + std::to_string(values_.size()) + ":" ||
        words[3] != "=")
      return fail("expected '%" + std::to_string(values_.size()) + ": ELEM EXTENT = OP ...'");
    const std::optional<Elem> elem = elem_from_name(words[1]);
    const std::optional<Extent> extent = extent_from_name(words[2]);
    const std::optional<Op> op = op_from_name(words[4]);
    if (!elem || !extent) return fail("unknown type");
    if (!op) return fail("unknown op '" + std::string(words[4]) + "'");
    const std::optional<ValueId> id =
        info(*op).op_class == OpClass::leaf ? leaf(*op, *elem, words) : node(*op, words);
    if (!id) return fail("bad operands of '" + std::string(words[4]) + "'");
    if ((*graph_)[*id].type != Type{*elem, *extent})
      return fail("its type is not what the op gives");
    values_.push_back(*id);
    return true;
  }

  std::optional<ValueId> leaf(Op op, Elem elem, const Words& words) {
    if (words.size() == 5 && op != Op::constant && op != Op::input && op != Op::param)
      return graph_->add_position(op);
    if (words.size() != 6) return std::nullopt;
    if (op == Op::constant) return constant(elem, words[5]);
    const bool is_input = op == Op::input;
    const std::optional<std::uint64_t> index =
        is_input ? index_of(graph_->inputs(), words[5]) : index_of(graph_->params(), words[5]);
    if (!index) return std::nullopt;
    return is_input ? inputs_[*index] : params_[*index];
  }

  std::optional<ValueId> constant(Elem elem, std::string_view word) {
    std::optional<std::uint64_t> bits;
    if (elem == Elem::f32) {
      if (const auto number = read<float>(word)) bits = std::bit_cast<std::uint32_t>(*number);
    } else if (elem == Elem::f64) {
      if (const auto number = read<double>(word)) bits = std::bit_cast<std::uint64_t>(*number);
    } else if (elem == Elem::boolean) {
      if (word == "true" || word == "false") bits = word == "true" ? 1 : 0;
    } else {
      bits = read_hex(word);
    }
    if (!bits) return std::nullopt;
    return graph_->constant_bits(elem, *bits);
  }

  std::optional<ValueId> node(Op op, const Words& words) {
    std::size_t first = 5;
    std::uint64_t payload = 0;
    if (op == Op::lookup) {
      const std::optional<std::uint64_t> which =
          words.size() > first ? index_of(graph_->tables(), words[first]) : std::nullopt;
      if (!which) return std::nullopt;
      payload = *which;
      ++first;
    }
    if (words.size() != first + static_cast<std::size_t>(info(op).arity)) return std::nullopt;
    std::vector<ValueId> operands;
    for (std::size_t i = first; i < words.size(); ++i) {
      const std::optional<ValueId> id = operand(words[i]);
      if (!id) return std::nullopt;
      operands.push_back(*id);
    }
    return graph_->add(op, operands, payload);
  }

  std::optional<Graph> graph_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> params_;
  std::vector<ValueId> values_;
  std::string problem_;
  int line_ = 0;
};

}  // namespace

Result<Graph> parse(std::string_view text) {
  Result<Graph> graph = Parser{}.run(text);
  if (!graph.ok()) return graph;
  const std::vector<std::string> problems = verify(graph.value(), Stage::primitives);
  if (!problems.empty()) return Error{Status::invalid_source, "IR text: " + problems.front()};
  return graph;
}

}  // namespace sluice::ir
