// Kernels on disk, lists of specs in files, files for tools: the disk may fail, the kernels don't.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <unistd.h>

#include "cases.hpp"

namespace faults {
namespace {

constexpr std::int64_t kFlat[] = {64};
constexpr std::int64_t kRows[] = {3, 64};

// Without operator new: the test's own memory is not to be refused.
using Path = std::array<char, 256>;
Path path_in_folder(const char* name) {
  Path path{};
  std::snprintf(path.data(), path.size(), "%s/%s", folder(), name);
  return path;
}

sluice_status with_store(const Path& path, std::uint64_t bytes, Bits& bits) {
  sluice_runtime_options options = sluice_runtime_options_default();
  options.disk_folder = path.data();
  options.disk_bytes = bytes;
  Runtime runtime;
  SLUICE_TRY(sluice_runtime_create(&options, runtime.place()));
  SLUICE_TRY(compile_and_call(runtime, {"gelu", SLUICE_BACKWARD, kFlat}, bits));
  return compile_and_call(runtime, {"softmax", SLUICE_FORWARD, kRows}, bits);
}

sluice_status empty_store(Bits& bits) { return with_store(path_in_folder("fresh/store"), 0, bits); }

// Filled by the first attempt, which nothing refuses.
sluice_status filled_store(Bits& bits) { return with_store(path_in_folder("filled"), 0, bits); }

// Room for one of the two kernels.
sluice_status full_store(Bits& bits) { return with_store(path_in_folder("full"), 6000, bits); }

sluice_status prewarm_file(Bits& bits) {
  Runtime runtime;
  SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
  SLUICE_TRY(sluice_runtime_prewarm_file(runtime, path_in_folder("list").data()));
  return compile_and_call(runtime, {"gelu", SLUICE_FORWARD, kFlat}, bits);
}

sluice_status tools(Bits& bits) {
  sluice_runtime_options options = sluice_runtime_options_default();
  options.code_tools = SLUICE_TOOL_GDB | SLUICE_TOOL_PERF_MAP | SLUICE_TOOL_JITDUMP;
  Runtime runtime;
  SLUICE_TRY(sluice_runtime_create(&options, runtime.place()));
  SLUICE_TRY(compile_and_call(runtime, {"gelu", SLUICE_FORWARD, kFlat}, bits));
  // Nothing is left that the next kernel would wait for.
  return compile_and_call(runtime, {"tanh", SLUICE_FORWARD, kFlat}, bits);
}

}  // namespace

const char* folder() {
  static const Path made = [] {
    Path path{};
    std::snprintf(path.data(), path.size(), "%s/sluice-XXXXXX",
                  std::filesystem::temp_directory_path().c_str());
    if (::mkdtemp(path.data()) == nullptr) std::abort();
    ::setenv("JITDUMPDIR", path.data(), 1);
    return path;
  }();
  return made.data();
}

void before_attempt() { std::filesystem::remove_all(path_in_folder("fresh").data()); }
void remove_folder() { std::filesystem::remove_all(folder()); }

std::span<const Case> disk_cases() {
  std::FILE* const list = std::fopen(path_in_folder("list").data(), "w");
  if (list != nullptr) {
    std::fputs("gelu f32[64] f32[64]\nsoftmax f32[3,64] f32[3,64]\n", list);
    std::fclose(list);
  }
  static constexpr Case kCases[] = {
      {"an empty disk store", empty_store},
      {"a filled disk store", filled_store},
      {"a full disk store", full_store},
      {"a list of specs", prewarm_file, false, true, SLUICE_IO_ERROR},
      {"tools for code", tools, true},
  };
  return kCases;
}

}  // namespace faults
