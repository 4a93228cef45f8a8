// A program for tools to look at: program WAY...
//   fault      calls a kernel on memory that it may not read
//   names      compiles kernels in two runtimes, and prints its own number and theirs
//   fork       the same in a child, after the parent compiled one
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/sluice.hpp>

namespace {

using namespace sluice;

const std::vector<OperandSpec> kRows{f32({4, 40}), f32({4, 40})};

Kernel compiled(Runtime& runtime, const char* function, std::vector<OperandSpec> operands) {
  auto kernel = runtime.compile({.function = function, .operands = std::move(operands)});
  if (!kernel.ok()) {
    std::puts(kernel.error().message.c_str());
    _exit(1);
  }
  if (kernel->rung() != Rung::x64) {
    std::puts("there is no machine code here");
    _exit(77);
  }
  return *kernel;
}

int fault() {
  Runtime runtime;
  const Kernel kernel = compiled(runtime, "gelu", {f32({64}), f32({64})});
  void* nothing = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* buffers[] = {nothing, nothing};
  kernel.run(buffers, 64);
  return 0;
}

int names() {
  Runtime first;
  Runtime second;
  const Kernel kernels[] = {compiled(first, "gelu", {f32({64}), f32({64})}),
                            compiled(second, "softmax", kRows),
                            compiled(first, "silu", {f32({64}), f32({64})})};
  std::printf("%d\n", static_cast<int>(getpid()));
  for (const Kernel& kernel : kernels)
    std::printf("%zx %s\n", reinterpret_cast<std::uintptr_t>(kernel.code().data()),
                std::string(kernel.function()).c_str());
  return 0;
}

int in_child() {
  Runtime parent;
  static_cast<void>(compiled(parent, "relu", {f32({64}), f32({64})}));
  const pid_t child = fork();
  if (child == 0) {
    const int result = names();
    std::fflush(stdout);
    _exit(result);
  }
  int state = 0;
  waitpid(child, &state, 0);
  return WIFEXITED(state) ? WEXITSTATUS(state) : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const char* way = count > 1 ? arguments[1] : "";
  if (std::strcmp(way, "fault") == 0) return fault();
  if (std::strcmp(way, "names") == 0) return names();
  if (std::strcmp(way, "fork") == 0) return in_child();
  return 2;
}
