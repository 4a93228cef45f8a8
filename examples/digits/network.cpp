#include "network.hpp"

#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

namespace digits {
namespace {

constexpr Eigen::Index kHidden = 128;

// Cross-entropy of a sigmoid's output p = sigmoid(z) against a target, as textbooks have it. The
// compiler turns the logarithms of sigmoids into their stable forms before it differentiates.
constexpr const char* kLoss =
    "fn binary_cross_entropy(z, target) =\n"
    "  -(target * log(sigmoid(z)) + (1 - target) * log(1 - sigmoid(z)))\n";

template <typename T>
T value_of(sluice::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

void check(const sluice::Outcome& outcome) {
  if (!outcome.ok()) throw std::runtime_error(outcome.error().message);
}

sluice::TensorView view(const Matrix& matrix) {
  return {matrix.data(), sluice::Dtype::f32, {matrix.rows(), matrix.cols()}};
}
sluice::TensorView view(Matrix& matrix) {
  return {matrix.data(), sluice::Dtype::f32, {matrix.rows(), matrix.cols()}};
}

// Normal numbers from uniform ones (Box and Muller, 1958): std::normal_distribution differs between
// libraries.
Matrix random_matrix(Eigen::Index rows, Eigen::Index columns, std::mt19937& random) {
  constexpr double kPi = 3.141592653589793;
  const auto uniform = [&] { return (static_cast<double>(random()) + 0.5) / 4294967296.0; };
  const double scale = std::sqrt(2.0 / static_cast<double>(rows));  // He et al., 2015
  Matrix matrix(rows, columns);
  for (Eigen::Index i = 0; i < matrix.size(); ++i)
    matrix.data()[i] = static_cast<float>(scale * std::sqrt(-2 * std::log(uniform())) *
                                          std::cos(2 * kPi * uniform()));
  return matrix;
}

double root_mean_square(const Matrix& matrix) {
  return std::sqrt(static_cast<double>(matrix.squaredNorm()) / static_cast<double>(matrix.size()));
}

// Weights that follow their gradient by Adam.
class Weights {
 public:
  explicit Weights(Matrix start)
      : value(std::move(start)), mean_(Matrix::Zero(value.rows(), value.cols())),
        square_(Matrix::Zero(value.rows(), value.cols())) {}

  void step(const Matrix& gradient, float rate) {
    constexpr float kMeanDecay = 0.9F;
    constexpr float kSquareDecay = 0.999F;
    constexpr float kSmall = 1e-8F;
    mean_left_ *= kMeanDecay;
    square_left_ *= kSquareDecay;
    mean_ = kMeanDecay * mean_ + (1 - kMeanDecay) * gradient;
    square_ = kSquareDecay * square_ + (1 - kSquareDecay) * gradient.cwiseAbs2();
    const float correction = std::sqrt(1 - square_left_) / (1 - mean_left_);
    value.array() -= rate * correction * mean_.array() / (square_.array().sqrt() + kSmall);
  }

  Matrix value;

 private:
  Matrix mean_;
  Matrix square_;
  float mean_left_ = 1;
  float square_left_ = 1;
};

struct Layer {
  Weights weights;
  Weights bias;

  Layer(Eigen::Index inputs, Eigen::Index outputs, std::mt19937& random)
      : weights(random_matrix(inputs, outputs, random)), bias(Matrix::Zero(1, outputs)) {}

  [[nodiscard]] Matrix forward(const Matrix& x) const {
    return (x * weights.value).rowwise() + bias.value.row(0);
  }
  // Moves along the gradient dy of this layer's output for the input x; gives the gradient of the
  // weights.
  Matrix update(const Matrix& x, const Matrix& dy, float rate) {
    Matrix gradient = x.transpose() * dy;
    weights.step(gradient, rate);
    bias.step(dy.colwise().sum(), rate);
    return gradient;
  }
};

class Network {
 public:
  Network(sluice::Runtime& runtime, Activation& activation, const Training& training,
          const std::string& target)
      : activation_(activation), random_(64), first_(64, kHidden, random_),
        second_(kHidden, 10, random_), softmax_(training.output == Output::softmax),
        output_(value_of(runtime.compile({.function = softmax_ ? "softmax" : "sigmoid",
                                          .operands = {sluice::f32({1, 10}), sluice::f32({1, 10})},
                                          .target = target}))),
        loss_(softmax_ ? label_loss(runtime, training.loss, target)
                       : binary_loss(runtime, target)) {}

  // One step on a batch; the root mean square of the gradient of the first layer's weights.
  double step(const Matrix& images, const Matrix& targets, const int* labels, float rate) {
    const Matrix z1 = first_.forward(images);
    Matrix a1(z1.rows(), z1.cols());
    activation_.forward(z1, a1);
    const Matrix z2 = second_.forward(a1);

    // The mean over the batch of the loss, of a sigmoid's summed over the classes.
    const float seed = softmax_ ? 1.0F : 1.0F / static_cast<float>(images.rows());
    const sluice::TensorView gradient(&seed, sluice::Dtype::f32, {});
    Matrix dz2(z2.rows(), z2.cols());
    if (softmax_)
      check(loss_(view(z2), sluice::TensorView(labels, sluice::Dtype::i32, {images.rows()}),
                  gradient, view(dz2)));
    else
      check(loss_(view(z2), view(targets), gradient, view(dz2)));
    const Matrix da1 = dz2 * second_.weights.value.transpose();
    Matrix dz1(z1.rows(), z1.cols());
    activation_.backward(z1, da1, dz1);

    second_.update(a1, dz2, rate);
    return root_mean_square(first_.update(images, dz1, rate));
  }

  // The outputs, [count, 10].
  Matrix outputs(const Matrix& images) {
    const Matrix z1 = first_.forward(images);
    Matrix a1(z1.rows(), z1.cols());
    activation_.forward(z1, a1);
    const Matrix z2 = second_.forward(a1);
    Matrix y(z2.rows(), z2.cols());
    check(output_(view(z2), view(y)));
    return y;
  }

  // The share of hidden units through which no gradient passes on any of these images.
  double silent(const Matrix& images) {
    const Matrix z1 = first_.forward(images);
    const Matrix ones = Matrix::Ones(z1.rows(), z1.cols());
    Matrix slopes(z1.rows(), z1.cols());
    activation_.backward(z1, ones, slopes);
    const Matrix largest = slopes.cwiseAbs().colwise().maxCoeff();
    return static_cast<double>((largest.array() == 0.0F).count()) / static_cast<double>(kHidden);
  }

  const Matrix& first_weights() const { return first_.weights.value; }

 private:
  static sluice::Kernel binary_loss(sluice::Runtime& runtime, const std::string& target) {
    return value_of(runtime.compile(
        {.function = "binary_cross_entropy",
         .pass = sluice::backward,
         .operands = {sluice::f32({1}), sluice::f32({1}), sluice::f32({}), sluice::f32({1})},
         .gradients = {"z"},
         .target = target}));
  }
  // A row of logits is one image's; labels are checked to be classes.
  static sluice::Kernel label_loss(sluice::Runtime& runtime, const std::string& loss,
                                   const std::string& target) {
    return value_of(runtime.compile({.function = loss,
                                     .pass = sluice::backward,
                                     .operands = {sluice::f32({1, 10}, "x"),
                                                  {sluice::Dtype::i32, {1}, "target"},
                                                  sluice::f32({}, "grad_loss"),
                                                  sluice::f32({1, 10}, "dx")},
                                     .gradients = {"x"},
                                     .reduction = sluice::Reduction::mean,
                                     .check_indices = true,
                                     .target = target}));
  }

  Activation& activation_;
  std::mt19937 random_;
  Layer first_;
  Layer second_;
  bool softmax_;
  sluice::Kernel output_;
  sluice::Kernel loss_;
};

double accuracy(const Matrix& outputs, const std::vector<int>& labels) {
  int right = 0;
  for (Eigen::Index i = 0; i < outputs.rows(); ++i) {
    Eigen::Index best = 0;
    outputs.row(i).maxCoeff(&best);
    right += best == labels[static_cast<std::size_t>(i)] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

}  // namespace

Activation::Activation(sluice::Runtime& runtime, const std::string& name, const std::string& target)
    : forward_(value_of(runtime.compile({.function = name,
                                         .operands = {sluice::f32({1, 1}), sluice::f32({1, 1})},
                                         .target = target}))),
      backward_(value_of(runtime.compile(
          {.function = name,
           .pass = sluice::backward,
           .operands = {sluice::f32({1, 1}), sluice::f32({1, 1}), sluice::f32({1, 1})},
           .target = target}))) {}

void Activation::forward(const Matrix& z, Matrix& a) {
  const auto start = std::chrono::steady_clock::now();
  check(forward_(view(z), view(a)));
  time_ += std::chrono::steady_clock::now() - start;
}

void Activation::backward(const Matrix& z, const Matrix& da, Matrix& dz) {
  const auto start = std::chrono::steady_clock::now();
  check(backward_(view(z), view(da), view(dz)));
  time_ += std::chrono::steady_clock::now() - start;
}

Result train(sluice::Runtime& runtime, Activation& activation, const Data& data,
             const Training& training) {
  check(runtime.define(kLoss, "loss"));
  Network network(runtime, activation, training, activation.target());
  Result result;
  const Eigen::Index count = data.train.images.rows();
  int first_steps = 0;
  for (int epoch = 0; epoch < training.epochs; ++epoch) {
    for (Eigen::Index at = 0; at < count; at += training.batch) {
      const Eigen::Index rows = std::min<Eigen::Index>(training.batch, count - at);
      const double gradient = network.step(data.train.images.middleRows(at, rows),
                                           data.train.targets.middleRows(at, rows),
                                           data.train.labels.data() + at, training.rate);
      if (epoch != 0) continue;
      result.first_gradient += gradient;
      ++first_steps;
    }
  }
  result.first_gradient /= std::max(first_steps, 1);
  result.outputs = network.outputs(data.held_out.images);
  result.accuracy = accuracy(result.outputs, data.held_out.labels);
  result.silent = network.silent(data.train.images);
  result.weights = network.first_weights();
  return result;
}

double gradient_through(Activation& activation, const Data& data, int layers) {
  std::mt19937 random(10);
  std::vector<Matrix> weights;
  std::vector<Matrix> inputs;
  Matrix signal = data.train.images.topRows(256);
  for (int layer = 0; layer < layers; ++layer) {
    weights.push_back(random_matrix(signal.cols(), signal.cols(), random));
    inputs.emplace_back(signal * weights.back());
    activation.forward(inputs.back(), signal);
  }
  Matrix gradient = Matrix::Ones(signal.rows(), signal.cols());
  const double start = root_mean_square(gradient);
  for (std::size_t layer = weights.size(); layer-- > 0;) {
    Matrix dz(gradient.rows(), gradient.cols());
    activation.backward(inputs[layer], gradient, dz);
    gradient = dz * weights[layer].transpose();
  }
  return root_mean_square(gradient) / start;
}

}  // namespace digits
