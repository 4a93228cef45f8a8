// Which build of the library this is, for what it leaves on disk and for modules that it loads.
#pragma once

#include <string_view>

namespace sluice {

// Hexadecimal digits of a digest of all sources that a kernel's code depends on; written by the
// build (cmake/build_digest.cmake).
[[nodiscard]] std::string_view build_digest();

}  // namespace sluice
