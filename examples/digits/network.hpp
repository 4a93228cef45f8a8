// A network 64-128-10: Linear, activation, Linear, and Sigmoid with binary cross-entropy on one-hot
// targets or softmax with cross-entropy on labels. Everything that is not a matrix product runs in
// kernels of Sluice.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include <sluice/sluice.hpp>

#include "data.hpp"

namespace digits {

// The kernels of one activation on one rung, and the time spent in them.
class Activation {
 public:
  // `target` as in KernelSpec: empty for the best of this processor, or "interpreter". Throws
  // std::runtime_error with the library's message where there is no such kernel.
  Activation(sluice::Runtime& runtime, const std::string& name, const std::string& target);

  // a = f(z)
  void forward(const Matrix& z, Matrix& a);
  // dz = da * f'(z)
  void backward(const Matrix& z, const Matrix& da, Matrix& dz);

  [[nodiscard]] std::chrono::nanoseconds time() const { return time_; }
  [[nodiscard]] std::string target() const { return forward_.target(); }

 private:
  sluice::Kernel forward_;
  sluice::Kernel backward_;
  std::chrono::nanoseconds time_{0};
};

// What comes after the last Linear: the function whose outputs are the network's, and the loss that
// it is trained with, of the numbers before that function. The texts that define them are in
// network.cpp.
enum class Output { sigmoid, softmax };

struct Training {
  int epochs = 40;
  int batch = 64;
  float rate = 2e-3F;  // Adam's step (Kingma and Ba, 2015), with its usual decays
  Output output = Output::sigmoid;
  // Of softmax: the loss of a row of logits and its label.
  std::string loss = "cross_entropy";
};

struct Result {
  double accuracy = 0;        // share of held-out images whose largest output is the label's
  double first_gradient = 0;  // root mean square of the loss's gradient at the first layer's
                              // weights, over the first epoch
  double silent = 0;          // share of hidden units whose derivative is 0 on every training image
  Matrix weights;             // of the first layer, to compare runs
  Matrix outputs;             // for the held-out images
};

// Trains from a fixed start. The loss is written as its textbook formula; its kernel is made from
// that text.
[[nodiscard]] Result train(sluice::Runtime& runtime, Activation& activation, const Data& data,
                           const Training& training);

// Root mean square of the gradient at the input of a stack of `layers` such layers as wide as the
// image, over that at its output, before any training: what the activation lets through.
[[nodiscard]] double gradient_through(Activation& activation, const Data& data, int layers);

}  // namespace digits
