// Any bytes as a text of the language: read without a crash, to a program or to errors, never both;
// and a program's text, printed, is read as the same program.
#include <string>
#include <string_view>

#include "dsl/print.hpp"
#include "dsl/program.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace sluice::fuzz {
namespace {

std::string printed(const dsl::Program& program) {
  std::string text;
  for (std::size_t i = program.first_own(); i < program.size(); ++i)
    text += print(program.function(static_cast<dsl::FunctionId>(i)), program);
  return text;
}

void check(std::string_view text) {
  const dsl::Analysis analysis = analyze(text, "fuzz.slu", &dsl::standard_library());
  const std::string errors = analysis.rendered(Severity::error);
  static_cast<void>(analysis.rendered(Severity::warning));
  require(analysis.program.has_value() == errors.empty(), "a program with errors, or none without",
          errors);
  if (!analysis.program) return;
  const dsl::Program& program = *analysis.program;
  const std::string once = printed(program);
  const dsl::Analysis again = analyze(once, "again.slu", &dsl::standard_library());
  require(again.program.has_value(), "a printed program is not read",
          once + again.rendered(Severity::error));
  require(again.program->size() == program.size(), "a printed program has other functions", once);
  require(printed(*again.program) == once, "printed again, a program has another text", once);
  for (std::size_t i = program.first_own(); i < program.size(); ++i) {
    const auto id = static_cast<dsl::FunctionId>(i);
    require(again.program->function(id).digest == program.function(id).digest,
            "a printed function means something else", once);
  }
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::fuzz::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
