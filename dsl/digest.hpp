// The digest of a definition: what a kernel's key holds instead of its name.
//
// FNV-1a with 128 bits (draft-eastlake-fnv) over the canonical text of the definition with its
// attributes and without its documentation, followed by the digests of all it calls, in the order
// of the calls. Equal digests mean the same program, on every machine.
#pragma once

#include <string_view>

#include "dsl/ast.hpp"
#include "dsl/program.hpp"

namespace sluice::dsl {

// Of a checked definition; what it calls is in `program` and has its digest already.
[[nodiscard]] Digest digest_of(const FunctionDef& function, const Program& program);

[[nodiscard]] Digest digest_of(std::string_view text);

}  // namespace sluice::dsl
