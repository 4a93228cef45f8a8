// A kernel's entry of the disk store, damaged in any way, or any bytes in its place: it is used
// only where it is what was stored; else it is counted, compiled anew, and whole again. The parts
// of an entry, which a right checksum lets through, are read from any bytes without a crash.
//
// The first choice says what the rest is: an entry's bytes, edits of the sound entry, or the bytes
// of a kernel's image or plan.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <sluice/runtime.hpp>

#include "compiler/backend/composed/row_kernel.hpp"
#include "runtime/disk_entry.hpp"
#include "runtime/kernel_image.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/unit/runtime/disk_cases.hpp"

namespace sluice::fuzz {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

Bytes read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_file(const fs::path& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

// A kernel in a folder of its own, and its entry as it was stored.
class Stored {
 public:
  explicit Stored(KernelSpec spec) : spec_(std::move(spec)) {
    Runtime runtime(on_disk(folder_));
    const auto kernel = runtime.compile(spec_);
    require(kernel.ok(), "no kernel");
    results_ = results_of(*kernel, spec_);
    const auto entries = folder_.entries();
    if (entries.size() == 1) path_ = entries[0], entry_ = read_file(path_);
  }
  // Whether this processor has a kernel that is kept.
  [[nodiscard]] bool kept() const { return !entry_.empty(); }
  [[nodiscard]] const Bytes& entry() const { return entry_; }
  [[nodiscard]] DiskEntry read() const { return read_entry(path_.filename().string(), entry_); }

  void check_with(const Bytes& bytes) const {
    const bool sound = bytes == entry_;
    const DiskEntry entry = read_entry(path_.filename().string(), bytes);
    require((entry.standing == Standing::sound) == sound, "a damaged entry is taken for sound");
    write_file(path_, bytes);
    Runtime runtime(on_disk(folder_));
    const auto kernel = runtime.compile(spec_);
    require(kernel.ok(), "no kernel where the entry is damaged");
    const Counters counters = runtime.counters();
    require(counters.disk_rejects == (sound ? 0u : 1u), "a damaged entry is not counted");
    require(counters.compiles == (sound ? 0u : 1u), "a damaged entry is not compiled anew");
    require(results_of(*kernel, spec_) == results_, "another result");
    require(read_file(path_) == entry_, "the entry is not whole again");
  }

 private:
  Folder folder_;
  KernelSpec spec_;
  std::vector<std::uint8_t> results_;
  fs::path path_;
  Bytes entry_;
};

Bytes edited(Bytes bytes, Choices& choices) {
  for (std::size_t edits = 0; edits < 8 && !choices.empty() && !bytes.empty(); ++edits) {
    const std::size_t at = choices.number<std::uint16_t>() % bytes.size();
    const auto value = choices.number<std::uint8_t>();
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    switch (choices.below(5)) {
      case 0: bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ 1u << value % 8); break;
      case 1: bytes[at] = value; break;
      case 2: bytes.resize(at); break;
      case 3: bytes.insert(from, value % 16 + 1u, value); break;
      default: bytes.erase(from); break;
    }
  }
  return bytes;
}

void check_image(std::span<const std::uint8_t> bytes) {
  KernelImage image;
  if (!from_bytes(bytes, image)) return;
  const Bytes again = to_bytes(image);
  KernelImage same;
  require(from_bytes(again, same) && to_bytes(same) == again, "an image has other bytes");
}

// Whose kernels do nothing: a plan is never run before its checksum is right.
void check_plan(std::span<const std::uint8_t> bytes) {
  const auto plan = composed::RowKernel::from_plan_bytes(
      bytes, {[](std::uint32_t number) -> decltype(composed::ElementKernel::run) {
                if (number > 3) return {};
                return [](void* const*, std::int64_t, const std::uint64_t*) {};
              },
              [](std::uint32_t number) -> decltype(composed::BlockKernel::run) {
                if (number > 3) return {};
                return [](const schedule::RowCall&) {};
              }});
  if (plan) require(!plan->plan_bytes().empty(), "a plan without bytes");
}

void check(Choices choices) {
  static const Stored elements({.function = "silu", .operands = {f32({33}), f32({33})}});
  static const Stored rows({.function = "softmax", .operands = {f32({3, 9000}), f32({3, 9000})}});
  if (!elements.kept() || !rows.kept()) return;  // nothing but the interpreter here
  const Stored& stored = choices.below(2) == 0 ? elements : rows;
  switch (choices.below(4)) {
    case 0: return stored.check_with({choices.rest().begin(), choices.rest().end()});
    case 1: return stored.check_with(edited(stored.entry(), choices));
    case 2: return check_image(edited(stored.read().payload, choices));
    default: {
      KernelImage image;
      require(from_bytes(stored.read().payload, image), "a sound entry holds no image");
      check_plan(edited(image.plan, choices));
      check_image(choices.rest());
      check_plan(choices.rest());
    }
  }
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::fuzz::check(sluice::fuzz::Choices({data, size}));
  return 0;
}
