#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>

#include "tests/unit/runtime/disk_cases.hpp"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<char>;

std::vector<Kernel> compile_all(Runtime& runtime, const std::vector<KernelSpec>& specs) {
  std::vector<Kernel> kernels;
  for (const KernelSpec& spec : specs) {
    auto kernel = runtime.compile(spec);
    if (!kernel.ok()) FAIL(spec.function + ": " + kernel.error().message);
    kernels.push_back(std::move(kernel).value());
  }
  return kernels;
}

std::vector<std::vector<std::uint8_t>> all_results(const std::vector<Kernel>& kernels,
                                                   const std::vector<KernelSpec>& specs) {
  std::vector<std::vector<std::uint8_t>> results;
  for (std::size_t i = 0; i < specs.size(); ++i)
    results.push_back(results_of(kernels[i], specs[i]));
  return results;
}

bool machine_code() { return Runtime().compile(kernels_of_every_kind()[0])->rung() == Rung::x64; }

// Runs `body` in a process of its own; whether it returned true there.
template <typename Body>
int in_child(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  return child;
}
bool succeeded(int child) {
  int status = -1;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_CASE("a kernel from disk is the one that was compiled", "[runtime]") {
  if (!machine_code()) return;
  const Folder folder;
  const auto specs = kernels_of_every_kind();
  Runtime cold(on_disk(folder));
  const auto compiled = compile_all(cold, specs);
  CHECK(cold.disk_problem().empty());
  const Counters first = cold.counters();
  CHECK(first.compiles + first.hits == specs.size());
  CHECK(first.disk_misses == folder.entries().size());
  CHECK(first.disk_bytes == folder.bytes());

  Runtime warm(on_disk(folder));
  const auto loaded = compile_all(warm, specs);
  CHECK(warm.counters().compiles == 0);
  CHECK(warm.counters().compile_nanoseconds == 0);
  // Kernels that help two others are looked up by both.
  CHECK(warm.counters().disk_hits == first.disk_misses + first.disk_hits);
  CHECK(warm.counters().disk_misses + warm.counters().disk_rejects == 0);
  CHECK(warm.counters().disk_bytes == 0);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const Kernel &a = compiled[i], &b = loaded[i];
    INFO(a.key_text());
    CHECK(b.rung() == Rung::x64);
    CHECK(std::ranges::equal(a.code(), b.code()));
    CHECK(a.code_bytes() == b.code_bytes());
    CHECK(a.bytes() == b.bytes());
    CHECK(a.key_text() == b.key_text());
    CHECK(a.target() == b.target());
    CHECK(a.rung_reason() == b.rung_reason());
    CHECK(a.promise().forward_ulp == b.promise().forward_ulp);
    CHECK(a.text("schedule").value() == b.text("schedule").value());
    CHECK(a.workspace_bytes(300) == b.workspace_bytes(300));
    const auto results = results_of(a, specs[i]);
    CHECK_FALSE(results.empty());
    CHECK(results == results_of(b, specs[i]));
  }
  const auto softmax = static_cast<std::size_t>(
      std::ranges::find(specs, "softmax", &KernelSpec::function) - specs.begin());
  const auto in_pieces = StateKernel::make(compiled[softmax]);
  const std::uint64_t before = warm.counters().disk_hits;
  CHECK(StateKernel::make(loaded[softmax])->code_bytes() == in_pieces->code_bytes());
  CHECK(warm.counters().disk_hits == before + 1);
}

Bytes read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_file(const fs::path& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Damages one entry, or two; how many.
std::uint64_t damage(std::vector<fs::path> entries, std::mt19937& random) {
  std::shuffle(entries.begin(), entries.end(), random);
  const fs::path& path = entries[0];
  Bytes bytes = read_file(path);
  const std::size_t at = random() % bytes.size();
  const auto any = [&] { return static_cast<char>(random()); };
  switch (random() % 8) {
    case 0:
    case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8)); break;
    case 2: bytes.resize(at); break;
    case 3: bytes.insert(bytes.end(), random() % 100 + 1, any()); break;
    case 4: std::generate(bytes.begin(), bytes.end(), any); break;
    case 5: bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), any()); break;
    case 6: bytes = read_file(entries[1]); break;  // a sound entry under another one's name
    default:
      fs::rename(path, path.string() + "-");
      fs::rename(entries[1], path);
      fs::rename(path.string() + "-", entries[1]);
      return 2;
  }
  write_file(path, bytes);
  return 1;
}

void corrupt(int times) {
  if (!machine_code()) return;
  const Folder folder;
  std::vector<KernelSpec> specs;
  for (const KernelSpec& each : kernels_of_every_kind())
    if (specs.size() < 8 || each.axis == 0) specs.push_back(each);
  const auto expected = [&] {
    Runtime runtime(on_disk(folder));
    return all_results(compile_all(runtime, specs), specs);
  }();
  const auto entries = folder.entries();
  std::mt19937 random(20240607);
  for (int i = 0; i < times; ++i) {
    INFO("corruption " << i);
    const std::uint64_t damaged = damage(entries, random);
    Runtime runtime(on_disk(folder));
    const auto results = all_results(compile_all(runtime, specs), specs);
    REQUIRE(runtime.counters().disk_rejects == damaged);
    REQUIRE(runtime.counters().compiles == damaged);
    REQUIRE(runtime.counters().disk_hits == entries.size() - damaged);
    REQUIRE(results == expected);
    if (i % 16 != 0) continue;
    Runtime again(on_disk(folder));
    compile_all(again, specs);
    REQUIRE(again.counters().disk_hits == entries.size());
  }
}

TEST_CASE("damaged entries are never run, and rebuilt", "[runtime]") { corrupt(100); }
TEST_CASE("a thousand damaged entries are never run, and rebuilt", "[runtime][slow]") {
  corrupt(1000);
}

TEST_CASE("what stands in an entry's place and is none is not used", "[runtime]") {
  if (!machine_code()) return;
  const Folder folder;
  const KernelSpec spec{.function = "silu", .operands = {f32({4}), f32({4})}};
  REQUIRE(Runtime(on_disk(folder)).compile(spec).ok());
  const fs::path entry = folder.entries().at(0);
  const Bytes bytes = read_file(entry);
  const fs::path elsewhere = fs::path(folder.path()) / "elsewhere";
  write_file(elsewhere, bytes);
  fs::remove(entry);
  SECTION("a link") { fs::create_symlink(elsewhere, entry); }
  SECTION("a folder") { fs::create_directory(entry); }
  SECTION("a pipe") { REQUIRE(::mkfifo(entry.c_str(), S_IRUSR | S_IWUSR) == 0); }
  SECTION("nothing") { write_file(entry, {}); }
  std::vector<std::string> lines;
  RuntimeOptions options = on_disk(folder);
  options.log = [&lines](LogLevel level, std::string_view message) {
    if (level == LogLevel::warning) lines.emplace_back(message);
    throw std::runtime_error("what a log throws is dropped");
  };
  Runtime runtime(options);
  REQUIRE(runtime.compile(spec).ok());
  CHECK(runtime.counters().disk_rejects == 1);
  CHECK(runtime.counters().compiles == 1);
  REQUIRE(!lines.empty());
  CHECK_THAT(lines[0], Catch::Matchers::Contains(entry.filename().string()));
}

TEST_CASE("the disk store keeps its bound, and what was used last", "[runtime]") {
  if (!machine_code()) return;
  const Folder folder;
  RuntimeOptions options = on_disk(folder);
  options.disk_bytes = 150'000;
  const auto specs = kernels_of_every_kind();
  const auto favourite = [&] {
    Runtime runtime(options);
    REQUIRE(runtime.compile(specs[0]).ok());
    return runtime.counters().disk_hits == 1;
  };
  favourite();
  const fs::path others = fs::path(folder.path()) / "another's.txt";
  write_file(others, Bytes(100'000));
  for (const KernelSpec& spec : specs) {
    Runtime runtime(options);
    REQUIRE(runtime.compile(spec).ok());
    REQUIRE(folder.bytes() <= options.disk_bytes);
    ::usleep(5000);  // files' times are coarse
    REQUIRE(favourite());
  }
  // Room is made by whole entries, of which the largest take a third of the bound.
  CHECK(folder.bytes() > options.disk_bytes / 3);
  CHECK(fs::exists(others));
  options.disk_bytes = 1;
  Runtime tiny(options);
  REQUIRE(tiny.compile(specs[1]).ok());
  CHECK(tiny.counters().disk_bytes == 0);
}

TEST_CASE("many processes share a disk store", "[runtime]") {
  if (!machine_code()) return;
  const Folder folder;
  RuntimeOptions options = on_disk(folder);
  options.disk_bytes = 200'000;
  const auto specs = kernels_of_every_kind();
  Runtime without;
  const auto expected = all_results(compile_all(without, specs), specs);
  std::vector<int> children;
  for (std::size_t process = 0; process < 8; ++process)
    children.push_back(in_child([&] {
      bool same = true;
      for (std::size_t round = 0; round < 2; ++round) {
        Runtime runtime(options);
        for (std::size_t i = 0; i < specs.size(); ++i) {
          const std::size_t at = (i * 7 + process * 11 + round) % specs.size();
          const auto kernel = runtime.compile(specs[at]);
          same = same && kernel.ok() && results_of(*kernel, specs[at]) == expected[at];
        }
        same = same && runtime.counters().disk_rejects == 0;
      }
      return same;
    }));
  for (const int child : children) CHECK(succeeded(child));
  CHECK(folder.bytes() <= options.disk_bytes);
  // Room is made by whole entries, of which the largest take a third of the bound.
  CHECK(folder.bytes() > options.disk_bytes / 3);
}

TEST_CASE("a folder that can't be used or written is done without", "[runtime]") {
  const Folder folder;
  RuntimeOptions options = on_disk(folder);
  const KernelSpec spec{.function = "silu", .operands = {f32({4}), f32({4})}};
  const auto works = [&](const RuntimeOptions& given) {
    Runtime runtime(given);
    const auto kernel = runtime.compile(spec);
    return kernel.ok() && !results_of(*kernel, spec).empty() && runtime.counters().disk_bytes == 0;
  };
  SECTION("others may enter it") {
    REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
    CHECK_THAT(Runtime(options).disk_problem(), Catch::Contains("0700"));
    CHECK(works(options));
  }
  SECTION("it is no folder") {
    options.disk_folder = folder.path() + "/file";
    write_file(*options.disk_folder, {});
    CHECK_THAT(Runtime(options).disk_problem(), Catch::Contains("can't be used"));
    CHECK(works(options));
  }
  SECTION("it is removed meanwhile") {
    options.disk_folder = folder.path() + "/a/b";
    Runtime runtime(options);
    CHECK(runtime.disk_problem().empty());
    fs::remove_all(folder.path() + "/a");
    CHECK(runtime.compile(spec).ok());
    CHECK(runtime.counters().disk_bytes == 0);
  }
  SECTION("the disk is full") {
    CHECK(succeeded(in_child([&] {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit none{20, 20};  // enough for the lock
      return ::setrlimit(RLIMIT_FSIZE, &none) == 0 && works(options);
    })));
    CHECK(folder.entries().empty());
  }
  SECTION("it is read-only") {
    if (machine_code()) {
      REQUIRE(Runtime(options).compile(spec).ok());
    }
    const bool root = ::geteuid() == 0;
    constexpr unsigned kNobody = 65534;
    for (const auto& each : fs::directory_iterator(folder.path()))
      if (root) REQUIRE(::chown(each.path().c_str(), kNobody, kNobody) == 0);
    if (root) REQUIRE(::chown(folder.path().c_str(), kNobody, kNobody) == 0);
    REQUIRE(::chmod(folder.path().c_str(), 0500) == 0);
    CHECK(succeeded(in_child([&] {
      if (root && ::setuid(kNobody) != 0) return false;
      const KernelSpec other{.function = "gelu", .operands = {f32({4}), f32({4})}};
      Runtime runtime(options);
      return runtime.compile(other).ok() && works(options);
    })));
    CHECK(folder.entries().size() == (machine_code() ? 1 : 0));
    REQUIRE(::chmod(folder.path().c_str(), 0700) == 0);
  }
}

TEST_CASE("the environment names the disk store where the options don't", "[runtime]") {
  if (!machine_code()) return;
  const Folder folder;
  const KernelSpec spec{.function = "silu", .operands = {f32({4}), f32({4})}};
  ::setenv("SLUICE_CACHE", folder.path().c_str(), 1);
  Runtime by_environment;
  RuntimeOptions none;
  none.disk_folder = "";
  Runtime without(none);
  ::unsetenv("SLUICE_CACHE");
  REQUIRE(without.compile(spec).ok());
  CHECK(folder.entries().empty());
  REQUIRE(by_environment.compile(spec).ok());
  CHECK(folder.entries().size() == 1);
  // What runs in the interpreter is not kept.
  RuntimeOptions slow = on_disk(folder);
  slow.target = "interpreter";
  REQUIRE(Runtime(slow).compile(spec).ok());
  CHECK(folder.entries().size() == 1);
}

}  // namespace
}  // namespace sluice
