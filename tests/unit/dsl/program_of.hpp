// For tests of the language: texts parsed on top of the standard library.
#pragma once

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "dsl/program.hpp"

namespace sluice::dsl::test {

// The program of a text that must be sound.
inline Program program_of(std::string_view text, const Program& base = standard_library()) {
  Analysis analysis = analyze(text, "test.slu", &base);
  INFO(analysis.rendered(Severity::error));
  REQUIRE(analysis.program.has_value());
  return *std::move(analysis.program);
}

// The last definition of a program.
inline const FunctionDef& last(const Program& program) {
  return program.function(FunctionId{static_cast<std::uint32_t>(program.size() - 1)});
}

// All errors of a text, rendered; empty where it is sound.
inline std::string errors_of(std::string_view text, const ParseOptions& options = {}) {
  return analyze(text, "test.slu", &standard_library(), options).rendered(Severity::error);
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace sluice::dsl::test
