#include "driver.hpp"

#include <algorithm>
#include <array>

#include <dlfcn.h>

namespace {

using Address = std::uint64_t;  // CUdeviceptr
constexpr unsigned kThreads = 256;
constexpr unsigned kWarp = 32;
constexpr unsigned kMostBlocks = 1024;  // threads take elements in turns, warps rows

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

// Names and signatures are those of cuda.h; handles are pointers.
struct Gpu::Driver {
  int (*init)(unsigned flags);
  int (*device)(int* device, int ordinal);
  int (*retain)(void** context, int device);
  int (*make_current)(void* context);
  int (*error_string)(int status, const char** text);
  int (*load)(void** module, const void* image);
  int (*function)(void** function, void* module, const char* name);
  int (*allocate)(Address* address, std::size_t bytes);
  int (*release)(Address address);
  int (*to_gpu)(Address to, const void* from, std::size_t bytes);
  int (*from_gpu)(void* to, Address from, std::size_t bytes);
  int (*launch)(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                unsigned block_y, unsigned block_z, unsigned shared_bytes, void* stream,
                void** arguments, void** extra);
  int (*wait)();

  bool find_all(void* library) {
    return find(library, "cuInit", init) && find(library, "cuDeviceGet", device) &&
           find(library, "cuDevicePrimaryCtxRetain", retain) &&
           find(library, "cuCtxSetCurrent", make_current) &&
           find(library, "cuGetErrorString", error_string) &&
           find(library, "cuModuleLoadData", load) &&
           find(library, "cuModuleGetFunction", function) &&
           find(library, "cuMemAlloc_v2", allocate) && find(library, "cuMemFree_v2", release) &&
           find(library, "cuMemcpyHtoD_v2", to_gpu) && find(library, "cuMemcpyDtoH_v2", from_gpu) &&
           find(library, "cuLaunchKernel", launch) && find(library, "cuCtxSynchronize", wait);
  }
};

std::optional<Gpu> Gpu::open() {
  void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  Driver driver{};
  if (library == nullptr || !driver.find_all(library)) return std::nullopt;
  int device = 0;
  void* context = nullptr;
  if (driver.init(0) != 0 || driver.device(&device, 0) != 0 ||
      driver.retain(&context, device) != 0 || driver.make_current(context) != 0)
    return std::nullopt;
  Gpu gpu;
  gpu.driver_ = std::make_shared<const Driver>(driver);
  return gpu;
}

bool Gpu::failed(int status, const char* what) {
  if (status == 0) return false;
  const char* text = "unknown error";
  driver_->error_string(status, &text);
  error_ = std::string(what) + ": " + text;
  return true;
}

bool Gpu::load(const std::string& ptx) {
  return !failed(driver_->load(&module_, ptx.c_str()), "loading the module");
}

bool Gpu::run(const std::string& kernel, std::span<const std::vector<float>> inputs,
              std::vector<float>& output, Rows rows) {
  void* function = nullptr;
  if (failed(driver_->function(&function, module_, kernel.c_str()), kernel.c_str())) return false;
  std::uint64_t count = output.size();
  const std::size_t bytes = count * sizeof(float);
  const bool of_rows = rows.columns != 0;
  if (of_rows) count /= rows.columns;
  const auto blocks = static_cast<unsigned>(
      std::min<std::uint64_t>((count + kThreads - 1) / kThreads, kMostBlocks));
  std::vector<Address> buffers(inputs.size() + 1);
  Address workspace = 0;
  std::vector<void*> arguments;
  bool good = true;
  for (std::size_t i = 0; i < buffers.size() && good; ++i) {
    good = !failed(driver_->allocate(&buffers[i], bytes), "memory of the GPU");
    if (good && i < inputs.size())
      good = !failed(driver_->to_gpu(buffers[i], inputs[i].data(), bytes), "copying to the GPU");
    arguments.push_back(&buffers[i]);
    if (of_rows) arguments.push_back(&rows.columns);  // from one row to the next
  }
  arguments.push_back(&count);
  if (of_rows) {
    arguments.insert(arguments.end(), {&rows.columns, &workspace});
    const std::size_t all = rows.workspace * blocks * (kThreads / kWarp);
    good = good && (all == 0 || !failed(driver_->allocate(&workspace, all), "memory of the GPU"));
  }
  good = good &&
         !failed(driver_->launch(function, blocks, 1, 1, kThreads, 1, 1, 0, nullptr,
                                 arguments.data(), nullptr),
                 "the launch") &&
         !failed(driver_->wait(), kernel.c_str()) &&
         !failed(driver_->from_gpu(output.data(), buffers.back(), bytes), "copying from the GPU");
  buffers.push_back(workspace);
  for (const Address buffer : buffers)
    if (buffer != 0) driver_->release(buffer);
  return good;
}
