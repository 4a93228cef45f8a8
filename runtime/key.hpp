// The key of a kernel: everything that changes its code, from one list of fields.
//
// visit_key is the list. A key's words, and by them its hash and equality, and its text are visits
// of it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "compiler/numerics/version.hpp"
#include "runtime/resolved_spec.hpp"

namespace sluice {

template <typename Visitor>
void visit_key(const ResolvedSpec& spec, Visitor&& visit) {
  visit("definition", spec.definition);
  visit("pass", spec.pass);
  visit("accumulate", spec.accumulate);
  visit("operands", spec.operands);
  visit("row", spec.row);
  visit("axis", spec.axis);
  visit("reduction", spec.reduction);
  visit("empty", spec.empty);
  visit("split", spec.split);
  visit("arguments", spec.arguments);
  visit("parameters", spec.params);
  visit("target", spec.target);
  visit("rungs", spec.allowed);
  visit("accuracy", spec.grade);
  visit("check_indices", spec.check_indices);
  visit("numerics", numerics::kVersion);
}

// Fills in the words and their hash.
void seal(ResolvedSpec& spec);

// "definition=… pass=forward operands=[…] …"
[[nodiscard]] std::string key_text(const ResolvedSpec& spec);

}  // namespace sluice
