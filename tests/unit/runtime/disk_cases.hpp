// What the tests of the disk store share: a folder of their own, and kernels of every kind.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

#include <sluice/sluice.hpp>

namespace sluice {

// Gone with what is in it when the test is over.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  // Of entries, in no order.
  [[nodiscard]] std::vector<std::filesystem::path> entries() const {
    std::vector<std::filesystem::path> all;
    for (const auto& each : std::filesystem::directory_iterator(path_))
      if (each.path().filename().string().size() == 32) all.push_back(each.path());
    return all;
  }
  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& each : entries()) sum += std::filesystem::file_size(each);
    return sum;
  }

 private:
  std::string path_;
};

inline RuntimeOptions on_disk(const Folder& folder) {
  RuntimeOptions options;
  options.disk_folder = folder.path();
  return options;
}

// Elementwise and rows, whole, in blocks and across; a mean and a check among them.
inline std::vector<KernelSpec> kernels_of_every_kind() {
  std::vector<KernelSpec> specs;
  for (const char* name : {"gelu", "silu", "erf", "mish"}) {
    for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::bf16}) {
      const OperandSpec x{dtype, {33}};
      specs.push_back({.function = name, .operands = {x, x}});
      specs.push_back({.function = name, .pass = Pass::backward, .operands = {x, x, x}});
    }
  }
  for (const char* name : {"softmax", "log_softmax", "sparsemax"}) {
    for (const std::int64_t columns : {7, 300, 9000}) {
      const OperandSpec along = f32({3, columns}), across = f32({columns, 3});
      specs.push_back({.function = name, .operands = {along, along}, .axis = -1});
      specs.push_back(
          {.function = name, .pass = Pass::backward, .operands = {along, along, along}});
      specs.push_back({.function = name, .operands = {across, across}, .axis = 0});
    }
  }
  KernelSpec loss{.function = "cross_entropy",
                  .operands = {f32({5, 40}, "x"), {Dtype::i64, {5}, "target"}, f32({}, "loss")},
                  .reduction = Reduction::mean};
  specs.push_back(loss);
  loss.check_indices = true;
  specs.push_back(loss);
  return specs;
}

// What a kernel gives for small numbers, of all its operands one after the other.
inline std::vector<std::uint8_t> results_of(const Kernel& kernel, const KernelSpec& spec) {
  std::vector<std::vector<std::uint8_t>> memory;
  std::vector<TensorView> views;
  for (const OperandSpec& operand : spec.operands) {
    std::size_t size = size_of(operand.dtype);
    for (const std::int64_t extent : operand.shape) size *= static_cast<std::size_t>(extent);
    std::vector<std::uint8_t>& bytes = memory.emplace_back(size);
    const bool index = operand.dtype == Dtype::i64;
    for (std::size_t i = 0; i < size; ++i)
      bytes[i] = static_cast<std::uint8_t>(!index ? i * 37 % 64 : i % 8 == 0 ? i / 8 : 0);
    views.emplace_back(static_cast<void*>(bytes.data()), operand.dtype, operand.shape);
  }
  std::vector<std::uint8_t> all;
  if (const Outcome called = kernel.call(views); !called.ok()) return all;
  for (const auto& each : memory) all.insert(all.end(), each.begin(), each.end());
  return all;
}

}  // namespace sluice
