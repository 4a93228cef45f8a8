// Stamps a file of definitions.
#pragma once

#include <string>

#include <sluice/status.hpp>

#include "dsl/ast.hpp"

namespace sluice::tools {

// Adds the comment that `definition`, which the file holds, was checked (dsl/stamp.hpp). The file
// is replaced whole or stays as it is; one that has the stamp is not touched. Errors: `io_error`.
[[nodiscard]] Outcome stamp_file(const std::string& path, const dsl::FunctionDef& definition);

}  // namespace sluice::tools
