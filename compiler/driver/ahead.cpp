#include "compiler/driver/ahead.hpp"

#include <utility>

#include "compiler/driver/compile.hpp"

namespace sluice::driver {

using Program = object::AheadFunction::Program;

Result<Program> compile_ahead(const Request& request) {
  if (!request.row) {
    Result<Compiled> compiled = compile(request);
    if (!compiled.ok()) return compiled.error();
    return Program(std::move(compiled->program));
  }
  const auto rows_of = [&](bool one_block) {
    Request shaped = request;
    shaped.row = {.one_block = one_block};
    return compile_rows(shaped);
  };
  Result<CompiledRows> one_block = rows_of(true);
  if (!one_block.ok()) return one_block.error();
  Result<CompiledRows> blocks = rows_of(false);
  if (!blocks.ok()) return blocks.error();
  return Program(object::AheadRows{std::move(one_block->program), std::move(blocks->program)});
}

}  // namespace sluice::driver
