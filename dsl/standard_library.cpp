// The standard library as a Program: all files of dsl/library, each on top of those before it.
#include <cstdio>
#include <cstdlib>

#include "dsl/library_sources.hpp"
#include "dsl/program.hpp"

namespace sluice::dsl {
namespace {

Program parse_library() {
  Program program;
  ParseOptions options;
  options.library = true;
  for (const LibrarySource& source : library_sources()) {
    Result<ParsedProgram> parsed = parse(source.text, source.path, &program, options);
    if (!parsed) {
      // Our own mistake, found by the first test that runs: no user's input leads here.
      std::fputs(parsed.error().message.c_str(), stderr);
      std::abort();
    }
    program = std::move(parsed)->program;
  }
  return program;
}

}  // namespace

const Program& standard_library() {
  static const Program library = parse_library();
  return library;
}

}  // namespace sluice::dsl
