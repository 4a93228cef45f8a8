// As much of the CUDA driver's interface (libcuda, "CUDA Driver API") as a launch takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

// Of a row function: so many columns, and a workspace of so many bytes for each warp.
struct Rows {
  std::uint64_t columns = 0;
  std::size_t workspace = 0;
};

// The first GPU with a module of PTX, for the thread that opened it. Everything waits until it is
// done. What fails is said by error(), and then nothing else is to be called.
class Gpu {
 public:
  // Nothing where there is no driver, or no GPU.
  static std::optional<Gpu> open();

  bool load(const std::string& ptx);
  // kernel(input..., output, n) for buffers of n numbers each, copied to the GPU and back; of rows
  // with what such kernels take beside them.
  bool run(const std::string& kernel, std::span<const std::vector<float>> inputs,
           std::vector<float>& output, Rows rows = {});
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Driver;
  Gpu() = default;
  bool failed(int status, const char* what);

  std::shared_ptr<const Driver> driver_;
  void* module_ = nullptr;
  std::string error_;
};
