// Walks the stack from every instruction of kernels: one step at a time, by the processor's trap
// flag, and at each the unwinder must find the caller, its frame and the registers that it keeps.
// An exception thrown out of a signal's handler passes through a kernel too.
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <ucontext.h>
#include <unwind.h>

#include <sluice/sluice.h>
#include <sluice/sluice.hpp>

namespace {

using namespace sluice;

// Of the calling frame, as the System V ABI has it: rbx, rbp, r12 to r15, by DWARF's numbers.
constexpr std::array<int, 6> kKept{3, 6, 12, 13, 14, 15};
constexpr std::array<int, 6> kKeptInContext{REG_RBX, REG_RBP, REG_R12, REG_R13, REG_R14, REG_R15};

struct Caller {
  std::uintptr_t place = 0;  // where it goes on
  std::uintptr_t stack = 0;  // its stack pointer then
  std::array<std::uintptr_t, kKept.size()> kept{};
  friend bool operator==(const Caller&, const Caller&) = default;
};

// What the handlers know of the kernel at hand, and count.
struct Walk {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool inside = false;
  Caller caller;
  std::size_t steps = 0;
  std::size_t lost = 0;
  std::uintptr_t first_lost = 0;
};
Walk walk;

struct Found {
  bool in_kernel = false;
  bool done = false;
  Caller caller;
};

// The frame that the kernel's is followed by.
_Unwind_Reason_Code look(_Unwind_Context* context, void* state) {
  auto& found = *static_cast<Found*>(state);
  const std::uintptr_t place = _Unwind_GetIP(context);
  if (found.in_kernel) {
    found.caller.place = place;
    found.caller.stack = _Unwind_GetCFA(context);  // which libgcc calls the stack pointer
    for (std::size_t i = 0; i < kKept.size(); ++i)
      found.caller.kept[i] = _Unwind_GetGR(context, kKept[i]);
    found.done = true;
    return _URC_NORMAL_STOP;
  }
  found.in_kernel = place >= walk.begin && place < walk.end;
  return _URC_NO_REASON;
}

void step(int, siginfo_t*, void* opaque) {
  const auto& registers = static_cast<const ucontext_t*>(opaque)->uc_mcontext.gregs;
  const auto at = [&](int which) { return static_cast<std::uintptr_t>(registers[which]); };
  if (at(REG_RIP) < walk.begin || at(REG_RIP) >= walk.end) {
    walk.inside = false;
    return;
  }
  if (!walk.inside) {
    // At the entry all is known: the return address is on top of the stack.
    walk.inside = true;
    walk.caller.place = *reinterpret_cast<const std::uintptr_t*>(at(REG_RSP));
    walk.caller.stack = at(REG_RSP) + 8;
    for (std::size_t i = 0; i < kKept.size(); ++i) walk.caller.kept[i] = at(kKeptInContext[i]);
  }
  ++walk.steps;
  Found found;
  _Unwind_Backtrace(look, &found);
  if (found.done && found.caller == walk.caller) return;
  if (walk.lost++ == 0) walk.first_lost = at(REG_RIP) - walk.begin;
}

void handle(int signal, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(signal, &action, nullptr);
}

void trap(bool on) {
  if (on)
    asm volatile("pushf\n\torq $0x100, (%%rsp)\n\tpopf" ::: "memory", "cc");
  else
    asm volatile("pushf\n\tandq $~0x100, (%%rsp)\n\tpopf" ::: "memory", "cc");
}

int failed = 0;

void check(bool holds, const std::string& what) {
  if (holds) return;
  ++failed;
  std::printf("%s\n", what.c_str());
}

struct Case {
  const char* function;
  std::vector<std::int64_t> shape;
  Dtype dtype = Dtype::f32;
  std::int64_t axis = -1;
};

OperandSpec operand(const Case& wanted) {
  OperandSpec spec = f32(wanted.shape);
  spec.dtype = wanted.dtype;
  if (wanted.dtype == Dtype::i8) spec.quantisation = {0.05, 0};
  return spec;
}

void step_through(Runtime& runtime, const Case& wanted, const std::string& target) {
  KernelSpec spec{.function = wanted.function, .operands = {operand(wanted), operand(wanted)}};
  spec.axis = static_cast<int>(wanted.axis);
  spec.target = target;
  const auto kernel = runtime.compile(spec);
  const std::string what = std::string(wanted.function) + " on " + target;
  if (!kernel.ok() && kernel.error().status == Status::unavailable) {
    std::printf("skipped: code_tools.unwind: %s: %s\n", what.c_str(),
                kernel.error().message.c_str());
    return;
  }
  if (!kernel.ok() || kernel->rung() == Rung::interpreter || kernel->code().empty()) {
    check(false, what + " is no machine code");
    return;
  }
  std::int64_t elements = 1;
  for (const std::int64_t length : wanted.shape) elements *= length;
  alignas(64) static std::array<std::byte, 1 << 16> x{};
  alignas(64) static std::array<std::byte, 1 << 16> y{};
  const TensorView views[] = {{x.data(), wanted.dtype, wanted.shape},
                              {y.data(), wanted.dtype, wanted.shape}};
  check(kernel->call(views).ok(), what + " fails");
  walk = Walk{};
  walk.begin = reinterpret_cast<std::uintptr_t>(kernel->code().data());
  walk.end = walk.begin + kernel->code().size();
  trap(true);
  const Outcome called = kernel->call(views);
  trap(false);
  check(called.ok() && walk.steps > 10, what + " was not stepped through");
  check(walk.lost == 0, what + ": " + std::to_string(walk.lost) + " of " +
                            std::to_string(walk.steps) + " steps are lost, the first at byte " +
                            std::to_string(walk.first_lost));
  std::printf("ran: %s: %zu steps, %zu bytes\n", what.c_str(), walk.steps, kernel->code().size());
}

struct Thrown {};

void throw_out(int, siginfo_t*, void*) { throw Thrown{}; }

void check_exception(Runtime& runtime) {
  const auto kernel = runtime.compile({.function = "gelu", .operands = {f32({64}), f32({64})}});
  void* nothing = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* buffers[] = {nothing, nothing};
  handle(SIGSEGV, throw_out);
  bool caught = false;
  try {
    kernel->run(buffers, 64);
  } catch (const Thrown&) {
    caught = true;
  }
  check(caught, "an exception does not pass through");
}

}  // namespace

int main() {
  if (sluice_rung_available(SLUICE_RUNG_X64) == 0) {
    std::puts("skipped: code_tools.unwind: there is no machine code here");
    return 77;
  }
  Runtime runtime;
  handle(SIGTRAP, step);
  // Code of several pages, and of more than an arena has for one kernel.
  const char* several = "sin(x) * cos(x) * tan(x) * erf(x) * cbrt(x) * asinh(x) * exp(x)";
  std::string many = "0";
  for (int i = 1; i <= 12; ++i) {
    many += " + ";
    for (const char* c = several; *c != 0; ++c)
      many += *c == 'x' && c[1] == ')' ? "x + " + std::to_string(i) : std::string(1, *c);
  }
  const std::string text =
      std::string("fn several(x) = ") + several + "\nfn many(x) = " + many + "\n";
  if (const Outcome defined = runtime.define(text); !defined.ok())
    check(false, defined.error().message);
  const Case cases[] = {
      {"several", {21}},
      {"many", {21}},
      {"gelu", {77}},
      {"relu", {5}},
      {"silu", {40}, Dtype::f64},
      {"sigmoid", {100}, Dtype::i8},
      {"softmax", {3, 40}},
      {"softmax", {3, 3000}},
      {"layer_norm", {2, 70}, Dtype::f64},
      {"softmax", {2, 5000}},
      {"softmax", {30, 7}, Dtype::f32, 0},
  };
  for (const Case& wanted : cases)
    for (const char* target : {"x86-64-v3", "x86-64-v4"}) step_through(runtime, wanted, target);
  for (const Case& wanted : cases)
    if (wanted.shape.size() == 1 && wanted.dtype != Dtype::i8)
      step_through(runtime, wanted, "llvm");
  check_exception(runtime);
  if (failed == 0) std::puts("unwind: all checks hold");
  return failed == 0 ? 0 : 1;
}
