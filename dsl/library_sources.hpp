// The standard library's text: every file of dsl/library, put into the program by the build.
#pragma once

#include <span>
#include <string_view>

namespace sluice::dsl {

struct LibrarySource {
  std::string_view path;  // as diagnostics name it: "library/smooth.slu"
  std::string_view text;
};

// All library files in the order of their names.
[[nodiscard]] std::span<const LibrarySource> library_sources();

}  // namespace sluice::dsl
