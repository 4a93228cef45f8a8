// Code objects to code that runs.
#include "compiler/object/load_code.hpp"

#include <utility>

#include "compiler/object/perf.hpp"

namespace sluice::object {

void LoadedCode::tell(const CodeObject& code, CodeTools tools) {
  if (tools.gdb) gdb_.emplace(elf_image(code, entry()));
  if (tools.perf_map) add_to_perf_map(code, entry());
  if (tools.jitdump) add_to_jitdump(code, entry());
}

Result<CodeHandle> CodeLoader::load(const CodeObject& code) const {
  auto memory = arenas_->map(code);
  if (!memory.ok()) return memory.error();
  auto loaded = std::make_shared<LoadedCode>(std::move(memory).value(), code.bytes.size());
  loaded->tell(code, tools_);
  return CodeHandle(std::move(loaded));
}

}  // namespace sluice::object
