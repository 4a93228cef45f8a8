// Runtimes that compile what a file lists.
#include <sluice/runtime.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <sluice/spec_list.hpp>

namespace sluice {
namespace {

constexpr std::size_t kMostBytes = std::size_t{16} << 20;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Result<std::string> read_file(const std::string& path) {
  const auto failure = [&](const char* what) {
    return Error{Status::io_error, path + ": " + what + ": " + std::strerror(errno)};
  };
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (!file) return failure("can't be opened");
  std::string text;
  char piece[1 << 14];
  std::size_t got = 0;
  while (text.size() <= kMostBytes && (got = std::fread(piece, 1, sizeof piece, file.get())) > 0)
    text.append(piece, got);
  if (std::ferror(file.get()) != 0) return failure("can't be read");
  if (text.size() > kMostBytes)
    return Error{Status::limit_exceeded,
                 path + ": a list of specs has at most " + std::to_string(kMostBytes) + " bytes"};
  return text;
}

}  // namespace

Outcome Runtime::prewarm_file(const std::string& path) {
  const auto text = read_file(path);
  if (!text.ok()) return text.error();
  const auto specs = read_specs(*text, path);
  if (!specs.ok()) return specs.error();
  Outcome first = Unit{};
  for (const ListedSpec& each : *specs) {
    const auto kernel = compile(each.spec);
    if (!kernel.ok() && first.ok())
      first = Error{kernel.error().status,
                    path + ":" + std::to_string(each.line) + ": " + kernel.error().message};
  }
  return first;
}

}  // namespace sluice
