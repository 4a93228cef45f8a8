// Rendering of diagnostics: places, carets, and lines that are hard to show.
#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <vector>

#include "support/diagnostic.hpp"

namespace sluice {
namespace {

std::string shown(const std::string& text, SourcePlace place, const std::string& hint = "") {
  Diagnostic diagnostic;
  diagnostic.place = place;
  diagnostic.message = "wrong";
  diagnostic.hint = hint;
  return render(diagnostic, SourceFile("a.slu", text));
}

TEST_CASE("a diagnostic has place, sentence, line, caret and hint", "[support]") {
  CHECK(shown("one\ntwo three\n", {0, 8, 5}, "four") == "a.slu:2:5: error: wrong\n"
                                                        "  two three\n"
                                                        "      ^~~~~\n"
                                                        "  hint: four\n");
}

TEST_CASE("a warning says so", "[support]") {
  Diagnostic diagnostic;
  diagnostic.severity = Severity::warning;
  diagnostic.message = "odd";
  CHECK(render(diagnostic, SourceFile("a.slu", "x")) == "a.slu:1:1: warning: odd\n  x\n  ^\n");
}

TEST_CASE("positions count lines and characters from 1", "[support]") {
  const SourceFile file("a.slu", "ab\n\xC3\xA9x\r\n\nlast");
  CHECK(file.position(0).line == 1);
  CHECK(file.position(2).column == 3);
  CHECK(file.position(5).line == 2);
  CHECK(file.position(5).column == 2);
  CHECK(file.position(8).line == 3);
  CHECK(file.position(9).line == 4);
  CHECK(file.position(1000).line == 4);
  CHECK(file.position(1000).column == 5);
  CHECK(file.line(2) == "\xC3\xA9x");
  CHECK(file.line(3).empty());
  CHECK(file.line(4) == "last");
}

TEST_CASE("a caret stands under the character, after tabs, accents and bad bytes", "[support]") {
  CHECK(shown("\tx", {0, 1, 1}) == "a.slu:1:2: error: wrong\n   x\n   ^\n");
  CHECK(shown("\xC3\xA9 = x", {0, 5, 1}) == "a.slu:1:5: error: wrong\n  \xC3\xA9 = x\n      ^\n");
  CHECK(shown("\xFF\x01 x", {0, 3, 1}) == "a.slu:1:4: error: wrong\n  ?? x\n     ^\n");
}

TEST_CASE("the end of a line, of a file, and an empty text can be pointed at", "[support]") {
  CHECK(shown("ab\ncd", {0, 2, 1}) == "a.slu:1:3: error: wrong\n  ab\n    ^\n");
  CHECK(shown("ab\r\ncd", {0, 3, 1}) == "a.slu:1:4: error: wrong\n  ab\n    ^\n");
  CHECK(shown("ab", {0, 2, 1}) == "a.slu:1:3: error: wrong\n  ab\n    ^\n");
  CHECK(shown("", {0, 0, 0}) == "a.slu:1:1: error: wrong\n  \n  ^\n");
}

TEST_CASE("what goes over several lines is marked on the first", "[support]") {
  CHECK(shown("abc\ndef", {0, 1, 5}) == "a.slu:1:2: error: wrong\n  abc\n   ^~\n");
}

TEST_CASE("of a long line the part around the caret is shown", "[support]") {
  const std::string out =
      shown(std::string(5000, 'a') + "B" + std::string(5000, 'c'), {0, 5000, 1});
  CHECK(out.size() < 600);
  CHECK(out.find("aaB") != std::string::npos);
  const std::size_t line = out.find('\n') + 1;
  const std::size_t caret = out.find('\n', line) + 1;
  CHECK(out[line + (out.find('^') - caret)] == 'B');
}

TEST_CASE("many diagnostics come in the order of the text", "[support]") {
  const SourceFile first("a.slu", "a b");
  const SourceFile second("b.slu", "c");
  std::vector<Diagnostic> diagnostics(3);
  diagnostics[0].place = {1, 0, 1};
  diagnostics[1].place = {0, 2, 1};
  diagnostics[2].place = {0, 0, 1};
  const std::array<const SourceFile*, 2> files = {&first, &second};
  const std::string out = render(diagnostics, files);
  CHECK(out.find("a.slu:1:1") < out.find("a.slu:1:3"));
  CHECK(out.find("a.slu:1:3") < out.find("b.slu:1:1"));
}

}  // namespace
}  // namespace sluice
