#include "compiler/driver/llvm.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "support/build_digest.hpp"

namespace sluice::driver {
namespace {

using object::LlvmModule;

// The folder of the program or library that this code is in, with the slash.
std::string own_folder() {
  Dl_info info;
  static const char here = 0;
  if (dladdr(&here, &info) == 0 || info.dli_fname == nullptr) return {};
  const std::string file = info.dli_fname;
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? std::string() : file.substr(0, slash + 1);
}

void* open_module() {
  constexpr int kMode = RTLD_NOW | RTLD_LOCAL;
  if (const char* named = std::getenv("SLUICE_LLVM_MODULE")) return dlopen(named, kMode);
  const std::string folder = own_folder();
  if (!folder.empty())
    if (void* const beside = dlopen((folder + object::kLlvmModuleFile).c_str(), kMode))
      return beside;
  return dlopen(object::kLlvmModuleFile, kMode);
}

Result<const LlvmModule*> load() {
  void* const library = open_module();
  if (library == nullptr)
    return Error{Status::unavailable,
                 std::string("there is no LLVM back end: ") + object::kLlvmModuleFile +
                     " is built with SLUICE_LLVM=ON, and found by SLUICE_LLVM_MODULE or "
                     "beside the library"};
  void* const symbol = dlsym(library, object::kLlvmModuleSymbol);
  const LlvmModule* const module =
      symbol == nullptr ? nullptr : reinterpret_cast<object::LlvmModuleEntry>(symbol)();
  if (module == nullptr || module->build != build_digest())
    return Error{Status::unavailable,
                 std::string(object::kLlvmModuleFile) + " is of another build of Sluice"};
  return module;
}

}  // namespace

Result<const LlvmModule*> llvm() {
  static const Result<const LlvmModule*> loaded = load();
  return loaded;
}

}  // namespace sluice::driver
