#include "data.hpp"

#include <fstream>
#include <iterator>
#include <numeric>
#include <random>
#include <stdexcept>
#include <utility>

namespace digits {
namespace {

constexpr int kPixels = 64;
constexpr int kClasses = 10;
constexpr float kFullInk = 16;

// The elements of an NPY 1.0 file of bytes: a header of known length, then the data.
std::vector<std::uint8_t> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  constexpr std::size_t kPreamble = 10;
  if (text.size() < kPreamble || text.compare(0, 6, "\x93NUMPY") != 0)
    throw std::runtime_error(path + ": not an .npy file");
  const std::size_t header = static_cast<std::uint8_t>(text[8]) +
                             256U * static_cast<std::size_t>(static_cast<std::uint8_t>(text[9]));
  if (text.size() < kPreamble + header || text.find("|u1") == std::string::npos)
    throw std::runtime_error(path + ": not an .npy file of bytes");
  return {text.begin() + static_cast<std::ptrdiff_t>(kPreamble + header), text.end()};
}

// The same order on every machine: std::shuffle's is not specified.
std::vector<int> shuffled(int count) {
  std::vector<int> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937 random(1998);
  for (std::size_t i = order.size(); i-- > 1;) std::swap(order[i], order[random() % (i + 1)]);
  return order;
}

Part take(const std::vector<std::uint8_t>& images, const std::vector<std::uint8_t>& labels,
          const std::vector<int>& which) {
  const auto count = static_cast<Eigen::Index>(which.size());
  Part part{Matrix(count, kPixels), Matrix::Zero(count, kClasses), {}};
  for (Eigen::Index i = 0; i < count; ++i) {
    const auto image = static_cast<std::size_t>(which[static_cast<std::size_t>(i)]);
    for (int pixel = 0; pixel < kPixels; ++pixel)
      part.images(i, pixel) =
          static_cast<float>(images[image * kPixels + static_cast<std::size_t>(pixel)]) / kFullInk;
    part.labels.push_back(labels[image]);
    part.targets(i, labels[image]) = 1;
  }
  return part;
}

}  // namespace

Data load(const std::string& folder) {
  const std::vector<std::uint8_t> images = read_bytes(folder + "/digits_images.npy");
  const std::vector<std::uint8_t> labels = read_bytes(folder + "/digits_labels.npy");
  if (labels.empty() || images.size() != labels.size() * kPixels)
    throw std::runtime_error(folder + ": images and labels do not match");
  std::vector<int> train;
  std::vector<int> held_out;
  int position = 0;
  for (const int image : shuffled(static_cast<int>(labels.size())))
    (position++ % 5 == 0 ? held_out : train).push_back(image);
  return {take(images, labels, train), take(images, labels, held_out)};
}

void save(const Matrix& matrix, const std::string& path) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(matrix.rows()) + ", " + std::to_string(matrix.cols()) +
                       "), }";
  header.resize((header.size() + 11 + 63) / 64 * 64 - 11,
                ' ');  // the data begin at a multiple of 64
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  file.write("\x93NUMPY\x01\x00", 8);
  file.put(static_cast<char>(header.size() % 256)).put(static_cast<char>(header.size() / 256));
  file << header;
  file.write(
      reinterpret_cast<const char*>(matrix.data()),
      static_cast<std::streamsize>(matrix.size() * static_cast<Eigen::Index>(sizeof(float))));
  if (!file.flush()) throw std::runtime_error(path + ": cannot be written");
}

}  // namespace digits
