#include <catch2/catch.hpp>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/object/executable_memory.hpp"

namespace sluice::object {
namespace {

using Method = ExecutableMemory::Method;

// Permissions of the mapping that an address lies in, as /proc/self/maps has them; "" outside all.
std::string permissions(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::string mode;
    std::istringstream fields(line);
    fields >> std::hex >> begin >> dash >> end >> mode;
    if (wanted >= begin && wanted < end) return mode.substr(0, 3);
  }
  return "";
}

std::size_t mappings() {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) ++count;
  return count;
}

bool any_writable_and_executable() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find(" rwx") != std::string::npos) return true;
  return false;
}

// Exit code of a child process that runs `body`.
template <typename Body>
int in_child(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int state = 0;
  waitpid(child, &state, 0);
  return WIFEXITED(state) ? WEXITSTATUS(state) : 128;
}

std::vector<std::uint8_t> some_bytes(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + 3);
  return bytes;
}

CodeObject some_code(std::size_t size) {
  CodeObject code;
  code.bytes = some_bytes(size);
  return code;
}

}  // namespace

TEST_CASE("code pages are executable and not writable, between pages of no access", "[object]") {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  for (const Method method : {Method::automatic, Method::protect, Method::memory_file}) {
    for (const std::size_t size : {std::size_t{1}, page, page + 1, 5 * page}) {
      const std::vector<std::uint8_t> bytes = some_bytes(size);
      const Result<ExecutableMemory> memory = ExecutableMemory::map(bytes, method);
      REQUIRE(memory.ok());
      const auto* code = static_cast<const std::uint8_t*>(memory->entry());
      CHECK(std::memcmp(code, bytes.data(), size) == 0);
      CHECK(reinterpret_cast<std::uintptr_t>(code) % page == 0);
      CHECK(memory->mapped_bytes() == (size + page - 1) / page * page);
      CHECK(permissions(code) == "r-x");
      CHECK(permissions(code + memory->mapped_bytes() - 1) == "r-x");
      CHECK(permissions(code - 1) == "---");
      CHECK(permissions(code + memory->mapped_bytes()) == "---");
      CHECK(!any_writable_and_executable());
    }
  }
}

TEST_CASE("mappings end with their owner and move with it", "[object]") {
  const void* code = nullptr;
  {
    Result<ExecutableMemory> first = ExecutableMemory::map(some_bytes(100));
    REQUIRE(first.ok());
    code = first->entry();
    ExecutableMemory second = *std::move(first);
    CHECK(second.entry() == code);
    CHECK(permissions(code) == "r-x");
  }
  CHECK(permissions(code) != "r-x");
}

TEST_CASE("kernels share arenas, page by page", "[object]") {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  constexpr std::size_t kKernels = 1000;
  const auto arenas = std::make_shared<CodeArenas>();
  for (const Method method : {Method::protect, Method::memory_file}) {
    std::vector<ExecutableMemory> kernels;
    const std::size_t before = mappings();
    for (std::size_t i = 0; i < kKernels; ++i) {
      auto memory = arenas->map(some_code(1 + i % 3 * page), method);
      REQUIRE(memory.ok());
      kernels.push_back(*std::move(memory));
    }
    for (std::size_t i = 0; i < kKernels; ++i) {
      const std::vector<std::uint8_t> bytes = some_bytes(1 + i % 3 * page);
      REQUIRE(std::memcmp(kernels[i].entry(), bytes.data(), bytes.size()) == 0);
    }
    CHECK(!any_writable_and_executable());
    // Two pages each in arenas of 64 between guard pages; a sanitizer has mappings of its own.
    if (method == Method::protect) CHECK(mappings() - before < kKernels / 4);
    // Some go: nothing is left of them, and others stay.
    const void* gone = kernels[500].entry();
    const void* stays = kernels[501].entry();
    {
      const ExecutableMemory last = std::move(kernels[500]);
      CHECK(permissions(gone) == "r-x");
    }
    CHECK(permissions(gone) == "---");
    CHECK(permissions(stays) == "r-x");
    // What is free serves again.
    kernels.clear();
    CHECK(permissions(stays) == "---");
    const std::size_t empty = mappings();
    for (std::size_t i = 0; i < kKernels; ++i) {
      auto memory = arenas->map(some_code(page), method);
      REQUIRE(memory.ok());
    }
    CHECK(mappings() == empty);
  }
}

TEST_CASE("arenas live as long as their kernels; much code has a mapping of its own", "[object]") {
  auto arenas = std::make_shared<CodeArenas>();
  auto small = arenas->map(some_code(10));
  auto large = arenas->map(some_code(1 << 20));
  REQUIRE((small.ok() && large.ok()));
  const auto* code = static_cast<const std::uint8_t*>(large->entry());
  CHECK(permissions(code - 1) == "---");
  CHECK(permissions(code + large->mapped_bytes()) == "---");
  arenas.reset();
  CHECK(permissions(small->entry()) == "r-x");
}

TEST_CASE("arenas serve threads at once", "[object]") {
  const auto arenas = std::make_shared<CodeArenas>();
  std::atomic<std::size_t> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::vector<std::optional<ExecutableMemory>> held(40);
      for (std::size_t i = 0; i < 400; ++i) {
        CodeObject code;
        code.bytes.assign(1 + (i * 7 + t) % 9000, static_cast<std::uint8_t>(t + i));
        auto memory = arenas->map(code);
        if (!memory.ok() || std::memcmp(memory->entry(), code.bytes.data(), code.bytes.size()) != 0)
          ++wrong;
        auto& place = held[i * 31 % held.size()];
        place.reset();
        if (memory.ok()) place.emplace(*std::move(memory));
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("an empty program has a page too", "[object]") {
  const Result<ExecutableMemory> memory = ExecutableMemory::map({});
  REQUIRE(memory.ok());
  CHECK(permissions(memory->entry()) == "r-x");
}

TEST_CASE("where pages may not become executable, a memory file serves", "[object]") {
  // PR_SET_MDWE with PR_MDWE_REFUSE_EXEC_GAIN, of Linux 6.3.
  constexpr int kSetMdwe = 65;
  constexpr int kUnsupported = 77;
  const int result = in_child([] {
    if (prctl(kSetMdwe, 1UL, 0UL, 0UL, 0UL) != 0) return kUnsupported;
    const std::vector<std::uint8_t> bytes = some_bytes(10000);
    const auto refused = ExecutableMemory::map(bytes, Method::protect);
    if (refused.ok() || refused.error().status != Status::denied) return 1;
    const auto memory = ExecutableMemory::map(bytes);
    if (!memory.ok()) return 2;
    return std::memcmp(memory->entry(), bytes.data(), bytes.size()) == 0 ? 0 : 3;
  });
  if (result == kUnsupported)
    std::cout << "skipped: denied mprotect: this kernel lacks PR_SET_MDWE\n";
  else
    CHECK(result == 0);
}

TEST_CASE("no address space is an error that says so", "[object]") {
  const int result = in_child([] {
    const rlimit none{4096, 4096};
    if (setrlimit(RLIMIT_AS, &none) != 0) return 1;
    const auto memory = ExecutableMemory::map({});
    if (memory.ok()) return 2;
    return memory.error().status == Status::out_of_memory ? 0 : 3;
  });
  CHECK(result == 0);
}

}  // namespace sluice::object
