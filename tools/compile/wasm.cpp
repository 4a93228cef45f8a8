#include "tools/compile/wasm.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sluice/version.hpp>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/numerics/version.hpp"

namespace sluice::tools {
namespace {

namespace fs = std::filesystem;

// A folder of our own, gone with this.
class Scratch {
 public:
  [[nodiscard]] static Result<Scratch> make() {
    std::error_code error;
    std::string name = (fs::temp_directory_path(error) / "sluice-XXXXXX").string();
    if (error || mkdtemp(name.data()) == nullptr)
      return Error{Status::io_error, fmt::format("{}: cannot be made", name)};
    return Scratch(std::move(name));
  }
  Scratch(Scratch&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::string path(const char* name) const { return folder_ + "/" + name; }
  [[nodiscard]] bool write(const char* name, const std::string& bytes) const {
    std::ofstream file(path(name), std::ios::binary);
    file << bytes;
    return static_cast<bool>(file.flush());
  }
  [[nodiscard]] std::string read(const char* name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

 private:
  explicit Scratch(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
};

// The exit status of a program that is looked for on the path, what it says going to a file;
// nothing where there is none.
std::optional<int> run(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int failed =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return std::nullopt;
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return std::nullopt;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string_view array_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32: return "Float32Array";
    case Dtype::f64: return "Float64Array";
    case Dtype::f16:
    case Dtype::bf16: return "Uint16Array";
    case Dtype::i8: return "Int8Array";
    case Dtype::u8:
    case Dtype::boolean: return "Uint8Array";
    case Dtype::i32: return "Int32Array";
    case Dtype::i64: return "BigInt64Array";
  }
  return "";
}

// ["x", "source", Float32Array], and whether it has columns.
std::string argument_text(const AheadArgument& argument) {
  using Kind = AheadArgument::Kind;
  if (argument.kind == Kind::parameter) return fmt::format("[\"{}\"]", argument.name);
  return fmt::format("[\"{}\", \"{}\", {}{}]", argument.name,
                     argument.kind == Kind::source ? "source" : "result", array_of(argument.dtype),
                     argument.has_columns ? ", true" : "");
}

}  // namespace

Result<std::string> wasm_module(const AheadLibrary& library, const std::string& archive) {
  const Result<Scratch> scratch = Scratch::make();
  if (!scratch.ok()) return scratch.error();
  // The functions' names go into a file: there may be more of them than a command line takes.
  std::string options = fmt::format("--export={}_available\n", library.prefix);
  for (const AheadEntry& entry : library.entries)
    options +=
        fmt::format("--export={0}\n{1}", entry.code.symbol,
                    entry.of_rows ? fmt::format("--export={}_workspace\n", entry.code.symbol) : "");
  if (!scratch->write("library.a", archive) || !scratch->write("options", options))
    return Error{Status::io_error, "a temporary file cannot be written"};
  const std::string log = scratch->path("log");
  for (const char* const linker : {"wasm-ld-19", "wasm-ld"}) {
    const std::optional<int> status =
        run({linker, "--no-entry", "--stack-first", "--strip-all", "--export=__heap_base",
             "@" + scratch->path("options"), "--whole-archive", scratch->path("library.a"), "-o",
             scratch->path("module.wasm")},
            log);
    if (!status || *status == 127) continue;
    if (*status != 0)
      return Error{Status::io_error, fmt::format("{}: {}", linker, scratch->read("log"))};
    return scratch->read("module.wasm");
  }
  return Error{Status::unavailable,
               fmt::format("{}.wasm needs a linker: install LLVM's lld (Debian: lld-19), of which "
                           "wasm-ld is a part",
                           library.name)};
}

std::string script_text(const AheadLibrary& library) {
  std::string text = fmt::format(
      R"(// Made by sluice {}: the functions of {}.h, of typed arrays of one length (f16 and bf16: bit
// patterns), with parameters as numbers. Results go into the arrays given for them. Functions of
// rows take the number of columns last: arrays hold row after row, or a source one row for all, and
// what is one element a row has as many as there are rows.
//
//   const {{ {}, exports }} = await instantiate(bytesOfTheWasmFile);
//
// `exports` are the module's own: its functions take addresses in `exports.memory`, which is free
// from `exports.__heap_base` on, and save the copies that are made here, which go there as well.
export const numerics = {}, family = "{}";

const functions = {{
)",
      kVersion, library.name, library.entries.front().code.symbol, numerics::kVersion,
      name(Family::nofma));
  for (const AheadEntry& entry : library.entries) {
    std::vector<std::string> arguments;
    for (const AheadArgument& argument : entry.arguments)
      arguments.push_back(argument_text(argument));
    text += fmt::format("  {}: [{}],\n", entry.code.symbol, fmt::join(arguments, ", "));
  }
  return text + R"(};

function call(exports, symbol, given) {
  const wanted = functions[symbol];
  const workspace = exports[`${symbol}_workspace`];
  const names = wanted.map(([name]) => name).concat(workspace ? ["columns"] : []);
  if (given.length !== names.length) throw new TypeError(`${symbol} takes ${names.join(", ")}`);
  const columns = workspace ? given[given.length - 1] : 1;
  const longest = wanted.map((one, i) => (one[3] ? given[i].length : 0));
  const n = workspace ? Math.floor(Math.max(...longest) / columns) || 0 : given[0].length;
  let end = Math.ceil(exports.__heap_base.value / 16) * 16;
  const take = (bytes) => {
    const place = end;
    end += Math.ceil(bytes / 16) * 16;
    return place;
  };
  const places = wanted.map(([name, kind, array, hasColumns], i) => {
    if (kind === undefined) return [Number(given[i])];
    const elements = hasColumns ? n * columns : n;
    const shared = hasColumns && kind === "source" && given[i].length === columns;
    if (!(given[i] instanceof array) || (given[i].length !== elements && !shared))
      throw new TypeError(`${symbol}: ${name} is a ${array.name} of ${elements} elements`);
    const place = take(given[i].byteLength);
    return hasColumns ? [place, shared ? 0 : columns] : [place];
  });
  const last = workspace ? [n, columns, take(workspace(columns))] : [n];
  const missing = end - exports.memory.buffer.byteLength;
  if (missing > 0) exports.memory.grow(Math.ceil(missing / 65536));
  const held = (i) => new wanted[i][2](exports.memory.buffer, places[i][0], given[i].length);
  wanted.forEach(([, kind], i) => kind === "source" && held(i).set(given[i]));
  exports[symbol](...places.flat(), ...last);
  wanted.forEach(([, kind], i) => kind === "result" && given[i].set(held(i)));
}

export async function instantiate(source) {
  const made = await WebAssembly.instantiate(source, {});
  const { exports } = made.instance ?? made;
  const callable = { exports };
  for (const symbol of Object.keys(functions))
    callable[symbol] = (...given) => call(exports, symbol, given);
  return callable;
}
)";
}

}  // namespace sluice::tools
