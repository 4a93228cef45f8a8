#include "compiler/backend/x64/code.hpp"

namespace sluice::x64 {
namespace {

using namespace trait;

constexpr auto kTraits = std::to_array<Traits>({
#define VECTOR(name, form, traits, avx2_32, avx2_64, avx512_32, avx512_64)                         \
  {sources_of(Form::form), traits},
#define SPECIAL(name, sources, traits) {sources, traits},
#include "compiler/backend/x64/instructions.def"
});

constexpr auto kNames = std::to_array<const char*>({
#define VECTOR(name, form, traits, avx2_32, avx2_64, avx512_32, avx512_64) #name,
#define SPECIAL(name, sources, traits) #name,
#include "compiler/backend/x64/instructions.def"
});

}  // namespace

const Traits& traits(Opcode opcode) { return kTraits[static_cast<std::size_t>(opcode)]; }
const char* name(Opcode opcode) { return kNames[static_cast<std::size_t>(opcode)]; }

}  // namespace sluice::x64
