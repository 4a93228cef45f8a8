// What perf reads of code made at run time.
#pragma once

#include "compiler/object/code_object.hpp"

namespace sluice::object {

// A line of /tmp/perf-PID.map: address, size, name; as
// linux/tools/perf/Documentation/jit-interface.txt has it. The file is there for all who make code
// in the process, and stays when it ends.
void add_to_perf_map(const CodeObject& code, const void* entry);

// A record of jit-PID.dump, with the instructions; as
// linux/tools/perf/Documentation/jitdump-specification.txt has it.
void add_to_jitdump(const CodeObject& code, const void* entry);

}  // namespace sluice::object
