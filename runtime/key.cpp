#include "runtime/key.hpp"

#include <bit>
#include <string_view>

#include "support/hash.hpp"

namespace sluice {
namespace {

// Lists carry their length, so that no two keys have the same words.
struct Encode {
  std::vector<std::uint64_t>& words;

  void operator()(std::string_view, const dsl::Digest& digest) {
    words.push_back(digest.high);
    words.push_back(digest.low);
  }
  void operator()(std::string_view, Pass pass) {
    words.push_back(static_cast<std::uint64_t>(pass));
  }
  void operator()(std::string_view, bool flag) { words.push_back(flag ? 1 : 0); }
  void operator()(std::string_view, const std::vector<driver::Operand>& operands) {
    words.push_back(operands.size());
    for (const driver::Operand& operand : operands) {
      words.push_back(std::uint64_t{operand.index} << 32 |
                      static_cast<std::uint64_t>(operand.role) << 16 |
                      static_cast<std::uint64_t>(operand.dtype) << 8 |
                      static_cast<std::uint64_t>(operand.extent));
      if (!is_quantised(operand.dtype)) continue;
      words.push_back(std::bit_cast<std::uint64_t>(operand.quantisation.scale));
      words.push_back(static_cast<std::uint64_t>(std::int64_t{operand.quantisation.zero_point}));
    }
  }
  void operator()(std::string_view, const std::optional<driver::RowShape>& row) {
    words.push_back(row ? 4 | (row->streamed ? 8u : 0u) | (row->across ? 2u : 0u) |
                              (row->one_block ? 1u : 0u)
                        : 0u);
    words.push_back(row ? static_cast<std::uint64_t>(row->columns) : 0u);
  }
  void operator()(std::string_view, const std::optional<std::uint32_t>& axis) {
    words.push_back(axis ? std::uint64_t{*axis} + 1 : 0);
  }
  void operator()(std::string_view, Reduction reduction) {
    words.push_back(static_cast<std::uint64_t>(reduction));
  }
  void operator()(std::string_view, Empty empty) {
    words.push_back(static_cast<std::uint64_t>(empty));
  }
  void operator()(std::string_view, const std::string& text) {
    words.push_back(text.size());
    for (const char c : text) words.push_back(static_cast<unsigned char>(c));
  }
  // Those that are the kernel's operands as they stand have been said.
  void operator()(std::string_view, const std::vector<Argument>& arguments) {
    const std::size_t at = words.size();
    words.push_back(0);
    for (const Argument& argument : arguments) {
      if (argument.way == Way::direct && !argument.single) continue;
      ++words[at];
      words.push_back(std::uint64_t{argument.operand} << 32 | std::uint64_t{argument.second} << 16 |
                      static_cast<std::uint64_t>(argument.way) << 9 |
                      (argument.single ? 1u : 0u) << 8 |
                      static_cast<std::uint64_t>(argument.dtype));
    }
  }
  void operator()(std::string_view, const std::vector<driver::Parameter>& params) {
    words.push_back(params.size());
    for (const driver::Parameter& param : params) {
      words.push_back(param.baked ? 1 : 0);
      words.push_back(std::bit_cast<std::uint64_t>(param.value));
    }
  }
  void operator()(std::string_view, const Target& target) {
    words.push_back(static_cast<std::uint64_t>(target.family) << 40 |
                    static_cast<std::uint64_t>(target.level) << 32 | target.features);
  }
  void operator()(std::string_view, RungSet rungs) { words.push_back(rungs.bits); }
  void operator()(std::string_view, numerics::Grade grade) {
    words.push_back(static_cast<std::uint64_t>(grade));
  }
  void operator()(std::string_view, std::uint32_t version) { words.push_back(version); }
};

struct Describe {
  const dsl::FunctionDef& function;
  const std::vector<driver::Operand>& operands;
  std::string text = {};

  void field(std::string_view field_name, std::string_view value) {
    if (!text.empty()) text += ' ';
    text.append(field_name).append("=").append(value);
  }
  static std::string hexadecimal(std::uint64_t value) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string digits(16, '0');
    for (std::size_t i = 16; i-- > 0; value >>= 4) digits[i] = kDigits[value & 15u];
    return digits;
  }

  void operator()(std::string_view field_name, const dsl::Digest& digest) {
    field(field_name, hexadecimal(digest.high) + hexadecimal(digest.low));
  }
  void operator()(std::string_view field_name, Pass pass) { field(field_name, name(pass)); }
  void operator()(std::string_view field_name, bool flag) {
    if (flag) field(field_name, "yes");
  }
  void operator()(std::string_view field_name, const std::vector<driver::Operand>&) {
    std::string list;
    for (const driver::Operand& operand : operands) {
      if (!list.empty()) list += ',';
      list.append(operand_name(function, operand)).append(":").append(name(operand.dtype));
      if (is_quantised(operand.dtype)) {
        list.append("*").append(to_text(operand.quantisation.scale));
        list.append("@").append(std::to_string(operand.quantisation.zero_point));
      }
      if (operand.extent == ir::Extent::scalar) list += "[1]";
      if (operand.extent == ir::Extent::row) list += "[rows]";
    }
    field(field_name, "(" + list + ")");
  }
  void operator()(std::string_view field_name, const std::optional<driver::RowShape>& row) {
    if (!row) return;
    const std::string length = row->columns != 0 ? std::to_string(row->columns)
                               : row->one_block  ? "one_block"
                                                 : "blocks";
    field(field_name,
          (row->across ? "across," : "along,") + length + (row->streamed ? ",streamed" : ""));
  }
  // As the language counts from the end.
  void operator()(std::string_view field_name, const std::optional<std::uint32_t>& axis) {
    if (axis) field(field_name, "-" + std::to_string(*axis + 1));
  }
  void operator()(std::string_view field_name, Reduction reduction) {
    switch (reduction) {
      case Reduction::none: return;
      case Reduction::sum: return field(field_name, "sum");
      case Reduction::mean: return field(field_name, "mean");
    }
  }
  void operator()(std::string_view field_name, Empty empty) {
    if (empty == Empty::zero) field(field_name, "zero");
  }
  void operator()(std::string_view field_name, const std::string& word) {
    if (!word.empty()) field(field_name, word);
  }
  void operator()(std::string_view field_name, const std::vector<Argument>& arguments) {
    std::string list;
    for (const Argument& argument : arguments) {
      if (argument.way == Way::direct && !argument.single) continue;
      if (!list.empty()) list += ',';
      list.append(operand_name(function, operands[argument.operand])).append(":");
      switch (argument.way) {
        case Way::direct: list += "single"; break;
        case Way::halves: list += "halves"; break;
        case Way::summed: list += "summed"; break;
        case Way::divided: list += "divided"; break;
      }
      list.append(":").append(name(argument.dtype));
    }
    if (!list.empty()) field(field_name, "(" + list + ")");
  }
  void operator()(std::string_view field_name, const std::vector<driver::Parameter>& params) {
    std::string list;
    for (std::size_t i = 0; i < params.size(); ++i) {
      if (!list.empty()) list += ',';
      list.append(function.parameters[i].name).append("=");
      list += params[i].baked ? to_text(params[i].value) : "passed";
    }
    field(field_name, "(" + list + ")");
  }
  void operator()(std::string_view field_name, const Target& target) {
    field(field_name, to_string(target));
  }
  void operator()(std::string_view field_name, RungSet rungs) {
    std::string list;
    for (const Rung rung : kRungs) {
      if (!rungs.has(rung)) continue;
      if (!list.empty()) list += '+';
      list += name(rung);
    }
    field(field_name, list);
  }
  void operator()(std::string_view field_name, numerics::Grade grade) {
    field(field_name, numerics::info(grade).name);
  }
  void operator()(std::string_view field_name, std::uint32_t version) {
    field(field_name, std::to_string(version));
  }
};

}  // namespace

void seal(ResolvedSpec& spec) {
  spec.words.clear();
  // What most specs take; with a quantisation, a split or arguments in other ways it is more.
  spec.words.reserve(24 + spec.operands.size() + 2 * spec.params.size());
  visit_key(spec, Encode{spec.words});
  spec.hash = mix(spec.words);
}

std::string key_text(const ResolvedSpec& spec) {
  Describe describe{spec.definition_text(), spec.operands};
  visit_key(spec, describe);
  return std::move(describe.text);
}

}  // namespace sluice
