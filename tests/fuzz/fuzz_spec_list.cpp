// Any bytes as a list of specs: read to specs or to an error that names its line, and what is read
// gets a kernel's key or an error.
#include <string_view>

#include <sluice/runtime.hpp>
#include <sluice/spec_list.hpp>

#include "tests/fuzz/fuzz.hpp"

namespace sluice::fuzz {
namespace {

void check(std::string_view text) {
  static const Runtime runtime;
  const auto specs = read_specs(text, "fuzz");
  if (!specs.ok()) {
    require(specs.error().status == Status::invalid_source, "another status",
            specs.error().message);
    require(specs.error().message.starts_with("fuzz:"), "no place", specs.error().message);
    return;
  }
  std::size_t line = 0;
  for (const ListedSpec& each : *specs) {
    require(each.line > line, "lines out of order");
    line = each.line;
    const auto key = runtime.key(each.spec);
    if (!key.ok())
      require(!key.error().message.empty(), "an error without a sentence");
    else
      require(!key->text().empty(), "a key without a text");
  }
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::fuzz::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
