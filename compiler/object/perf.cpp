// Files for perf: the map of names, and the dump of code, which perf inject makes into objects.
#include "compiler/object/perf.hpp"

#include <array>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compiler/object/bytes.hpp"
#include "compiler/object/process_file.hpp"

namespace sluice::object {
namespace {

constexpr mode_t kOwnersAlone = 0600;

void put_hex(Bytes& out, std::uint64_t value) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  put_text(out, std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

// Others who make code in this process may write it too, so nothing there is taken away.
int open_map(pid_t process) {
  const std::string path = "/tmp/perf-" + std::to_string(process) + ".map";
  return open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, kOwnersAlone);
}

// perf record -k mono has this clock.
std::uint64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return static_cast<std::uint64_t>(time.tv_sec) * kSecond +
         static_cast<std::uint64_t>(time.tv_nsec);
}

Bytes dump_header(pid_t process) {
  constexpr std::uint32_t kMagic = 0x4a695444;  // "JiTD"
  constexpr std::uint32_t kVersion = 1;
  constexpr std::uint32_t kSize = 40;
  constexpr std::uint32_t kMachine = 62;  // EM_X86_64
  Bytes header;
  for (const std::uint32_t word : {kMagic, kVersion, kSize, kMachine, 0u}) put(header, word);
  put(header, static_cast<std::uint32_t>(process));
  put(header, now());
  put(header, std::uint64_t{0});  // flags
  return header;
}

// perf knows of the file by a mapping of it that may be executed.
int open_dump(pid_t process) {
  const char* folder = std::getenv("JITDUMPDIR");
  const std::string path = std::string(folder == nullptr ? "/tmp" : folder) + "/jit-" +
                           std::to_string(process) + ".dump";
  unlink(path.c_str());  // of an earlier process of this number
  const int file =
      open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, kOwnersAlone);
  if (file < 0) return file;
  const Bytes header = dump_header(process);
  static_cast<void>(!write(file, header.data(), header.size()));
  static_cast<void>(mmap(nullptr, header.size(), PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0));
  return file;
}

constinit ProcessFile map_file(open_map);
constinit ProcessFile dump_file(open_dump);
constinit std::atomic<std::uint64_t> dumped{0};

}  // namespace

void add_to_perf_map(const CodeObject& code, const void* entry) {
  Bytes line;
  put_hex(line, reinterpret_cast<std::uintptr_t>(entry));
  put_text(line, " ");
  put_hex(line, code.code_size);
  put_text(line, " " + code.symbol() + "\n");
  map_file.append(line);
}

void add_to_jitdump(const CodeObject& code, const void* entry) {
  constexpr std::uint32_t kLoad = 0;
  constexpr std::size_t kFixed = 56;  // bytes before the name
  const std::string name = code.symbol();
  const auto address = std::uint64_t{reinterpret_cast<std::uintptr_t>(entry)};
  Bytes record;
  record.reserve(kFixed + name.size() + 1 + code.code_size);
  put(record, kLoad);
  put(record, static_cast<std::uint32_t>(kFixed + name.size() + 1 + code.code_size));
  put(record, now());
  put(record, static_cast<std::uint32_t>(getpid()));
  put(record, static_cast<std::uint32_t>(syscall(SYS_gettid)));
  put(record, address);
  put(record, address);
  put(record, std::uint64_t{code.code_size});
  put(record, dumped.fetch_add(1, std::memory_order_relaxed));
  put_text(record, name);
  put(record, std::uint8_t{0});
  record.insert(record.end(), code.bytes.begin(),
                code.bytes.begin() + static_cast<std::ptrdiff_t>(code.code_size));
  dump_file.append(record);
}

}  // namespace sluice::object
