#include "tools/check/stamp_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <sluice/version.hpp>

#include "dsl/program.hpp"
#include "dsl/stamp.hpp"
#include "tools/functions.hpp"

namespace sluice::tools {

Outcome stamp_file(const std::string& path, const dsl::FunctionDef& definition) {
  namespace fs = std::filesystem;
  if (path == "-") return Unit{};
  const Result<std::string> text = read_text(path, dsl::Limits{}.file_bytes);
  if (!text) return text.error();
  if (dsl::has_stamp(*text, definition, kVersion)) return Unit{};
  const std::string stamped = dsl::with_stamp(*text, definition, kVersion);
  const auto failed = [&](const char* why) {
    return Error{
        Status::io_error,
        fmt::format("{}: the check passed, but the file cannot be stamped: {}", path, why)};
  };
  std::error_code code;
  const fs::path target = fs::canonical(path, code);  // through links
  if (code) return failed(code.message().c_str());
  const std::string part = target.string() + ".part";
  std::FILE* file = std::fopen(part.c_str(), "wb");
  if (file == nullptr) return failed(std::strerror(errno));
  const bool written = std::fwrite(stamped.data(), 1, stamped.size(), file) == stamped.size();
  if (std::fclose(file) != 0 || !written) {
    fs::remove(part, code);
    return failed("not all of it was written");
  }
  fs::permissions(part, fs::status(target, code).permissions(), code);
  fs::rename(part, target, code);
  if (!code) return Unit{};
  const std::string why = code.message();
  fs::remove(part, code);
  return failed(why.c_str());
}

}  // namespace sluice::tools
