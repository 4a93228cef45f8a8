#include "tools/command.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

namespace sluice::tools {

int report(const Error& error) {
  // Diagnostics have their own form, with a line for each, and end with a newline.
  const bool rendered = error.message.ends_with('\n');
  const std::string text = rendered ? error.message : fmt::format("sluice: {}\n", error.message);
  std::fwrite(text.data(), 1, text.size(), stderr);
  return kBadUsage;
}

void warn(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

int print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return kDone;
  return report({Status::io_error,
                 fmt::format("standard output cannot be written: {}", std::strerror(errno))});
}

}  // namespace sluice::tools
