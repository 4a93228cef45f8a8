// digits [--epochs N] [--probabilities FILE.npy] [TEXT]: trains on handwritten digits with several
// activations, and with one given as text, and shows in numbers what tutorials tell in words:
// accuracy, vanishing gradients, silent units, and what compiling is worth; then with softmax and
// cross-entropy as they should be and as they often are, applied twice.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "data.hpp"
#include "network.hpp"

namespace {

constexpr int kDeep = 8;
constexpr std::string_view kOwnText = "fn own(x; s = 0.8944, b = -0.4472) = s * max(x, 0)^2 + b";

struct Options {
  int epochs = digits::Training{}.epochs;
  std::string text = std::string(kOwnText);
  std::string probabilities;  // where the softmax's outputs for the held-out images go
};

// What is wrong stands in one text, so that the compiler sees it.
constexpr std::string_view kTwice =
    "fn softmax_twice(x, target: index) -> (loss: row) {\n"
    "  let (loss, lse, correct, divisor) = cross_entropy(softmax(x), target)\n"
    "  loss\n"
    "}\n"
    "fn sigmoid_twice(x, target) = bce_with_logits(sigmoid(x), target)\n";

[[noreturn]] void usage() {
  std::fputs("usage: digits [--epochs N] [--probabilities FILE.npy] [\"fn name(x) = ...\"]\n",
             stderr);
  std::exit(2);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--epochs" && i + 1 < argc)
      options.epochs = std::atoi(argv[++i]);
    else if (argument == "--probabilities" && i + 1 < argc)
      options.probabilities = argv[++i];
    else if (argument.starts_with("-"))
      usage();
    else
      options.text = argument;
  }
  if (options.epochs <= 0) usage();
  return options;
}

double milliseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e6;
}

// Trains twice, with the best kernels and in the interpreter, and prints a row. False where the two
// disagree in a bit.
bool report(sluice::Runtime& runtime, const std::string& name, const digits::Data& data,
            const digits::Training& training) {
  digits::Activation compiled(runtime, name, "");
  digits::Activation interpreted(runtime, name, "interpreter");
  const digits::Result result = digits::train(runtime, compiled, data, training);
  const digits::Result again = digits::train(runtime, interpreted, data, training);
  const double fast = milliseconds(compiled.time());
  const double slow = milliseconds(interpreted.time());
  const bool same = result.weights == again.weights;
  std::printf("%-10s %8.2f %% %12.1f %12.1f %7.1f %14.2e %15.2e %9.1f %%%s\n", name.c_str(),
              100 * result.accuracy, fast, slow, slow / fast, result.first_gradient,
              digits::gradient_through(compiled, data, kDeep), 100 * result.silent,
              same ? "" : "  the interpreter's weights differ");
  return same;
}

// The name of the last function that a text defines.
std::string defined_name(const sluice::Runtime& runtime) {
  return runtime.program().functions().back().name;
}

// Softmax with cross-entropy, once and twice. The second learns too, from gradients that are
// smaller, and nothing fails: what is wrong is what the compiler says of the text.
void show_softmax(sluice::Runtime& runtime, const digits::Data& data, digits::Training training,
                  const std::string& file) {
  const auto mistakes = sluice::Program::parse(kTwice, "mistakes", runtime.program());
  if (!mistakes.ok() || !runtime.define(kTwice, "mistakes").ok())
    throw std::runtime_error("the texts of the mistakes are none");
  training.output = digits::Output::softmax;
  digits::Activation relu(runtime, "relu", "");
  std::printf("\nSoftmax in the place of Sigmoid, after relu:\n\n");
  for (const char* loss : {"cross_entropy", "softmax_twice"}) {
    training.loss = loss;
    const digits::Result result = digits::train(runtime, relu, data, training);
    std::printf("%-14s %8.2f %% %14.2e gradient at the first layer\n", loss, 100 * result.accuracy,
                result.first_gradient);
    if (training.loss == "cross_entropy" && !file.empty()) digits::save(result.outputs, file);
  }
  std::printf("\nWhat the compiler says of such texts:\n\n%s", mistakes->warnings().c_str());
  if (!file.empty())
    std::printf("\nAcross kernels: sluice check cross_entropy --probe --in x=%s\n", file.c_str());
}

int run(const Options& options) {
  sluice::Runtime runtime;
  if (const sluice::Outcome defined = runtime.define(options.text, "command line"); !defined.ok()) {
    std::fputs(defined.error().message.c_str(), stderr);
    return 2;
  }
  const std::string own = defined_name(runtime);
  const digits::Data data = digits::load(DIGITS_DATA);
  digits::Training training;
  training.epochs = options.epochs;
  std::printf("%ld handwritten digits to train on, %ld held out; Linear 64-128, activation, Linear "
              "128-10, Sigmoid\n",
              static_cast<long>(data.train.images.rows()),
              static_cast<long>(data.held_out.images.rows()));
  std::printf("%d epochs; kernels for %s; the last row is: %s\n\n", training.epochs,
              digits::Activation(runtime, "relu", "").target().c_str(), options.text.c_str());
  std::printf("%-10s %10s %12s %12s %7s %14s %15s %11s\n", "", "held-out", "activations",
              "activations", "", "gradient at", "gradient past", "units that");
  std::printf("%-10s %10s %12s %12s %7s %14s %12s %2d %11s\n", "activation", "accuracy", "JIT, ms",
              "interp., ms", "ratio", "first layer", "layers,", kDeep, "never fire");
  bool same = true;
  for (const std::string& name :
       std::vector<std::string>{"sigmoid", "tanh", "relu", "gelu", "silu", own})
    same = report(runtime, name, data, training) && same;
  std::printf("\nBoth runs of a row gave %s.\n",
              same ? "the same weights, bit for bit" : "different weights");
  show_softmax(runtime, data, training, options.probabilities);
  return same ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "digits: %s\n", error.what());
    return 2;
  }
}
