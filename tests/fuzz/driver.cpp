// Runs a fuzz target without libFuzzer: over every file of the folders and files given, then over
// mutations of them.
//
//   sluice_fuzz_TARGET [--mutations N] [--seed S] [--keep FILE] PATH...
//
// The same arguments make the same inputs everywhere. An input that stops the process is written to
// FILE ("fuzz-failure" where none is named), which as PATH runs it again.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.hpp"

namespace {

namespace fs = std::filesystem;
using Input = std::vector<std::uint8_t>;

constexpr std::size_t kMaxInput = 1 << 16;

// What a signal's handler may read.
const Input* current = nullptr;
const char* keep = "fuzz-failure";

void keep_current() {
  if (current == nullptr) return;
  const int file = ::open(keep, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return;
  const ssize_t put = ::write(file, current->data(), current->size());
  ::close(file);
  constexpr char kSaid[] = "the input is kept in the file that --keep names (fuzz-failure)\n";
  if (put == static_cast<ssize_t>(current->size()))
    static_cast<void>(!::write(STDERR_FILENO, kSaid, sizeof kSaid - 1));
}

extern "C" void on_signal(int signal) {
  keep_current();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Input& input) {
  current = &input;
  // Memory of just its size, so that a read past its end is seen.
  const Input copy(input.begin(), input.end());
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
  current = nullptr;
}

Input read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  Input bytes{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) std::fprintf(stderr, "%s can't be read\n", path.c_str()), std::exit(2);
  return bytes;
}

// In the order of their names, so that a seed means the same on every file system.
std::vector<Input> read_all(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    for (const auto& each : fs::directory_iterator(path))
      if (each.is_regular_file()) files.push_back(each.path());
  }
  std::ranges::sort(files);
  std::vector<Input> inputs;
  for (const fs::path& file : files) inputs.push_back(read_file(file));
  return inputs;
}

class Mutator {
 public:
  Mutator(std::uint32_t seed, const std::vector<Input>& corpus) : random_(seed), corpus_(corpus) {}

  Input next() {
    Input input = any();
    for (std::size_t edits = 1 + below(6); edits-- > 0;) edit(input);
    if (input.size() > kMaxInput) input.resize(kMaxInput);
    return input;
  }

 private:
  // The engine's own numbers, which are the same everywhere.
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }
  std::uint8_t byte() { return static_cast<std::uint8_t>(below(256)); }
  const Input& any() { return corpus_[below(corpus_.size())]; }

  void edit(Input& input) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t length = std::min(input.size() - at, 1 + below(16));
    const auto from = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(6)) {
      case 0: input.erase(from, from + static_cast<std::ptrdiff_t>(length)); break;
      case 1: input.insert(from, byte()); break;
      case 2:
        if (length > 0) input[at] = byte();
        break;
      case 3:
        if (length > 0) input[at] = static_cast<std::uint8_t>(input[at] ^ 1u << below(8));
        break;
      case 4:
        input.insert(from, 1 + below(8), below(2) == 0 ? std::uint8_t{0} : std::uint8_t{255});
        break;
      default: {
        const Input& other = any();
        const std::size_t first = below(other.size() + 1);
        const std::size_t count = std::min(other.size() - first, 1 + below(40));
        const auto begin = other.begin() + static_cast<std::ptrdiff_t>(first);
        input.insert(from, begin, begin + static_cast<std::ptrdiff_t>(count));
      }
    }
  }

  std::mt19937 random_;
  const std::vector<Input>& corpus_;
};

int usage(const char* program) {
  std::fprintf(stderr, "usage: %s [--mutations N] [--seed S] [--keep FILE] PATH...\n", program);
  return 2;
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __sanitizer_set_death_callback(void (*callback)());
#endif

int main(int count, char** arguments) {
  unsigned long mutations = 0, seed = 1;
  std::vector<std::string> paths;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const bool option = argument == "--mutations" || argument == "--seed" || argument == "--keep";
    if (!option) {
      paths.push_back(argument);
    } else if (++i == count) {
      return usage(arguments[0]);
    } else if (argument == "--keep") {
      keep = arguments[i];
    } else {
      (argument == "--seed" ? seed : mutations) = std::strtoul(arguments[i], nullptr, 10);
    }
  }
  const std::vector<Input> corpus = read_all(paths);
  if (corpus.empty()) return usage(arguments[0]);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_set_death_callback(keep_current);
  std::signal(SIGABRT, on_signal);
#else
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
    std::signal(signal, on_signal);
#endif
  std::printf("%zu inputs and %lu mutations of them, seed %lu\n", corpus.size(), mutations, seed);
  std::fflush(stdout);
  for (const Input& input : corpus) run(input);
  Mutator mutator(static_cast<std::uint32_t>(seed), corpus);
  for (unsigned long i = 0; i < mutations; ++i) run(mutator.next());
  std::puts("nothing found");
  return 0;
}
