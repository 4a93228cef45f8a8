// Tools outside of the process's own code that can be told of machine code made at run time.
#pragma once

namespace sluice {

// Symbols are named as in sluice:gelu.forward.f32.v4[n].
struct CodeTools {
  bool gdb = false;       // its JIT interface: names, and backtraces through kernels
  bool perf_map = false;  // names for perf, in /tmp/perf-PID.map
  bool jitdump = false;  // names and instructions for perf inject --jit and VTune, in jit-PID.dump,
                         // which lies where the environment's JITDUMPDIR says, else in /tmp
};

}  // namespace sluice
