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
  void operator()(std::string_view, const std::vector<driver::Parameter>& params) {
    words.push_back(params.size());
    for (const driver::Parameter& param : params) {
      words.push_back(param.baked ? 1 : 0);
      words.push_back(std::bit_cast<std::uint64_t>(param.value));
    }
  }
  void operator()(std::string_view, const Target& target) {
    words.push_back(static_cast<std::uint64_t>(target.level) << 32 | target.features);
  }
  void operator()(std::string_view, RungSet rungs) { words.push_back(rungs.bits); }
  void operator()(std::string_view, numerics::Grade grade) {
    words.push_back(static_cast<std::uint64_t>(grade));
  }
  void operator()(std::string_view, std::uint32_t version) { words.push_back(version); }
};

struct Describe {
  const dsl::FunctionDef& function;
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
  void operator()(std::string_view field_name, const std::vector<driver::Operand>& operands) {
    std::string list;
    for (const driver::Operand& operand : operands) {
      if (!list.empty()) list += ',';
      list.append(operand_name(function, operand)).append(":").append(name(operand.dtype));
      if (is_quantised(operand.dtype)) {
        list.append("*").append(to_text(operand.quantisation.scale));
        list.append("@").append(std::to_string(operand.quantisation.zero_point));
      }
      if (operand.extent == ir::Extent::scalar) list += "[1]";
    }
    field(field_name, "(" + list + ")");
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
    for (const Rung rung : {Rung::x64, Rung::interpreter}) {
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
  spec.words.reserve(10 + spec.operands.size() + 2 * spec.params.size());
  visit_key(spec, Encode{spec.words});
  spec.hash = spec.words.size();
  for (const std::uint64_t word : spec.words) spec.hash = mix(spec.hash, word);
}

std::string key_text(const ResolvedSpec& spec) {
  Describe describe{spec.definition_text()};
  visit_key(spec, describe);
  return std::move(describe.text);
}

}  // namespace sluice
