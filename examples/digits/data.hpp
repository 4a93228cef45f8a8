// The handwritten digits as matrices, split into a training and a held-out part.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <Eigen/Core>

namespace digits {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Part {
  Matrix images;            // [count, 64], ink from 0 to 1
  Matrix targets;           // [count, 10], one-hot
  std::vector<int> labels;  // [count], 0 to 9
};

struct Data {
  Part train;
  Part held_out;  // every fifth image of a fixed shuffle
};

// Reads digits_images.npy and digits_labels.npy from a folder. Throws std::runtime_error for a file
// that is missing or is not what it should be.
[[nodiscard]] Data load(const std::string& folder);

// Writes a matrix as an .npy file. Throws std::runtime_error where that fails.
void save(const Matrix& matrix, const std::string& path);

}  // namespace digits
