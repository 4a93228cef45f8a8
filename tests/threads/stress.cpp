// Eight threads that define, compile, look up, call, evict and destroy at random, for so many
// seconds: sluice_stress [seconds [seed]]. Worth most under ThreadSanitizer, for ten minutes.
//
// Runtimes are in a few slots that all threads see. A thread takes a share in one, uses it, and now
// and then puts a fresh one in its place; the old one goes when its last user is done, while
// kernels of it live on in other threads' hands.
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <sluice/sluice.hpp>

namespace {

using sluice::f32;
using sluice::Kernel;
using sluice::KernelSpec;
using sluice::Runtime;
using sluice::TensorView;

constexpr int kThreads = 8;
constexpr std::size_t kSlots = 3;
constexpr int kSpecs = 60;

std::string store;

// One that evicts all the time, one with a disk store, one in the interpreter.
std::shared_ptr<Runtime> fresh(std::size_t slot) {
  sluice::RuntimeOptions options;
  options.cache_bytes = slot == 2 ? 60'000 : 100'000;
  options.disk_folder = slot == 1 ? store : "";
  options.disk_bytes = 40'000;
  if (slot == 2) options.target = "interpreter";
  return std::make_shared<Runtime>(options);
}

class Slots {
 public:
  std::shared_ptr<Runtime> share(std::size_t slot) {
    const std::lock_guard lock(lock_);
    return runtimes_[slot];
  }
  void replace(std::size_t slot) {
    std::shared_ptr<Runtime> next = fresh(slot);  // what was there goes after the lock
    const std::lock_guard lock(lock_);
    runtimes_[slot].swap(next);
  }

 private:
  std::mutex lock_;
  std::array<std::shared_ptr<Runtime>, kSlots> runtimes_{fresh(0), fresh(1), fresh(2)};
};

// Elementwise ones, told apart by a parameter, and rows, by their length.
KernelSpec spec_of(int number) {
  if (number % 2 == 0)
    return {.function = "leaky_relu",
            .operands = {f32({4}), f32({4})},
            .parameters = {{"negative_slope", static_cast<double>(number + 1)}}};
  return {.function = "softmax", .operands = {f32({2, number}), f32({2, number})}};
}

bool works(const Kernel& kernel, int number) {
  std::array<float, 2 * kSpecs> x{}, y{};
  x.fill(-2);
  const bool rows = number % 2 != 0;
  const std::vector<std::int64_t> shape =
      rows ? std::vector<std::int64_t>{2, number} : std::vector<std::int64_t>{4};
  const TensorView views[] = {{static_cast<const void*>(x.data()), sluice::Dtype::f32, shape},
                              {static_cast<void*>(y.data()), sluice::Dtype::f32, shape}};
  const float expected =
      rows ? 1.0f / static_cast<float>(number) : -2.0f * static_cast<float>(number + 1);
  if (!kernel.call(views).ok()) return false;
  const float first = y[0] / expected,
              last = y[rows ? 2 * static_cast<std::size_t>(number) - 1 : 3] / expected;
  return std::abs(first - 1) < 1e-6f && first == last;
}

class Worker {
 public:
  Worker(Slots& slots, int number, unsigned seed)
      : slots_(slots), name_("mine" + std::to_string(number)),
        random_(seed + static_cast<unsigned>(number)) {}

  // One thing at random; false where it went wrong.
  bool step() {
    const std::size_t slot = random_() % kSlots;
    const std::shared_ptr<Runtime> runtime = slots_.share(slot);
    const int number = 1 + static_cast<int>(random_() % (kSpecs - 1));
    switch (random_() % 64) {
      case 0: slots_.replace(slot); return true;
      case 1: runtime->clear(); return true;
      case 2:
      case 3: return define(*runtime);
      case 4: held_.reset(); return runtime->counters().bytes <= 100'000;
      case 5: return runtime->program().functions().size() > 100;
      default: break;
    }
    return random_() % 2 == 0 ? look_up(*runtime, number) : compile(*runtime, number);
  }

 private:
  // Nobody else defines this name.
  bool define(Runtime& runtime) {
    const int by = static_cast<int>(random_() % 100);
    const std::string text = "fn " + name_ + "(x) = x * " + std::to_string(by);
    if (!runtime.define(text).ok()) return false;
    const auto kernel = runtime.compile({.function = name_, .operands = {f32({1}), f32({1})}});
    float x = 3, y = -1;
    void* const buffers[] = {&x, &y};
    if (!kernel.ok()) return false;
    kernel->run(buffers, 1);
    return y == 3.0f * static_cast<float>(by);
  }

  bool look_up(Runtime& runtime, int number) {
    const auto key = runtime.key(spec_of(number));
    if (!key.ok()) return false;
    const auto guard = runtime.guard();
    const Kernel* const found = runtime.get(*key, guard);
    return found == nullptr || works(*found, number);
  }

  bool compile(Runtime& runtime, int number) {
    const auto kernel = runtime.compile(spec_of(number));
    if (!kernel.ok() || !works(*kernel, number)) return false;
    if (held_ && !works(*held_, held_number_)) return false;
    held_ = *kernel;
    held_number_ = number;
    return true;
  }

  Slots& slots_;
  const std::string name_;
  std::mt19937 random_;
  std::optional<Kernel> held_;  // often of a runtime that is gone
  int held_number_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  const int seconds = count > 1 ? std::atoi(arguments[1]) : 5;
  const unsigned seed = count > 2 ? static_cast<unsigned>(std::atoi(arguments[2])) : 1;
  store = (std::filesystem::temp_directory_path() / "sluice-XXXXXX").string();
  if (::mkdtemp(store.data()) == nullptr) return 1;
  std::atomic<long> steps{0}, wrong{0};
  {
    Slots slots;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    std::vector<std::thread> threads;
    for (int number = 0; number < kThreads; ++number)
      threads.emplace_back([&, number] {
        Worker worker(slots, number, seed);
        for (; std::chrono::steady_clock::now() < end; ++steps)
          if (!worker.step()) ++wrong;
      });
    for (std::thread& thread : threads) thread.join();
  }
  std::filesystem::remove_all(store);
  std::printf("stress: %ld steps in %d seconds, %ld wrong\n", steps.load(), seconds, wrong.load());
  return wrong == 0 ? 0 : 1;
}
