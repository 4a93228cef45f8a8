#include "compiler/driver/tabulate.hpp"

#include <numeric>

#include "compiler/backend/interpreter/interpreter.hpp"

namespace sluice::driver {

Result<schedule::ByteMap> tabulate(const schedule::ElementProgram& program) {
  const auto interpreter = interpreter::Interpreter::prepare(program);
  if (!interpreter.ok()) return interpreter.error();
  schedule::ByteMap map{program.name, {}, program.stream_from};
  std::array<std::uint8_t, schedule::ByteMap::kEntries> elements;
  std::iota(elements.begin(), elements.end(), std::uint8_t{0});
  void* const buffers[] = {elements.data(), map.table.data()};
  interpreter->run(buffers, elements.size(), nullptr);
  return map;
}

}  // namespace sluice::driver
