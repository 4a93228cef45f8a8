// Every library kernel has the bits that tests/hashes.json says, on every target of this machine.
//
// With the environment variable SLUICE_UPDATE_HASHES set the file is written anew from the
// interpreter: what changed carries the numerics version that stands
// (compiler/numerics/version.hpp), which must then be a new one.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "compiler/driver/llvm.hpp"
#include "compiler/numerics/version.hpp"
#include "hashes.hpp"
#include "support/target.hpp"

namespace {

using namespace sluice;
using Json = nlohmann::ordered_json;

// The family of targets with a fused multiply-add; all that there are belong to it.
constexpr const char* kFamily = "fma";

Json read_file() {
  std::ifstream file(SLUICE_HASHES);
  return file ? Json::parse(file) : Json::object();
}

Json* find(Json& file, const std::string& name) {
  Json& family = file[kFamily];
  return family.contains(name) ? &family[name] : nullptr;
}

void update(Runtime& runtime) {
  Json file = read_file();
  Json now = Json::object();
  for (const hashes::Subject& subject : hashes::subjects()) {
    const std::string name = hashes::name_of(subject);
    const auto hash = hashes::hash_on(runtime, subject, "interpreter");
    if (!hash) continue;
    Json* const before = find(file, name);
    Json& entry = now[kFamily][name] = {{"hash", *hash}, {"version", numerics::kVersion}};
    if (before == nullptr) continue;
    if ((*before)["hash"] == *hash)
      entry = *before;
    else if ((*before)["version"] == numerics::kVersion)
      FAIL_CHECK(name << ": its bits changed, and the numerics version is what it was");
  }
  std::ofstream(SLUICE_HASHES) << now.dump(1) << "\n";
}

TEST_CASE("bits of the library", "[hashes]") {
  Runtime runtime;
  if (std::getenv("SLUICE_UPDATE_HASHES") != nullptr) update(runtime);
  Json file = read_file();
  std::vector<std::string> targets{"interpreter"};
  for (const Level level : {Level::x86_64_v3, Level::x86_64_v4}) {
    const Target target{level, 0};
    if (runs_on(target, host_target()))
      targets.push_back(to_string(target));
    else
      std::printf("skipped: hashes on %s, which this processor lacks\n", to_string(target).c_str());
  }
  if (host_target().features != 0) targets.push_back(to_string(host_target()));
  std::size_t known = 0;
  for (const hashes::Subject& subject : hashes::subjects()) {
    const std::string name = hashes::name_of(subject);
    const auto oracle = hashes::hash_on(runtime, subject, "interpreter");
    for (const std::string& target : targets) {
      INFO(name << " on " << target);
      CHECK(hashes::hash_on(runtime, subject, target) == oracle);
    }
    const Json* const entry = find(file, name);
    if (entry == nullptr) {
      if (oracle) std::printf("%s has no hash in the file yet\n", name.c_str());
      continue;
    }
    ++known;
    INFO(name);
    REQUIRE(oracle.has_value());
    CHECK(*oracle == (*entry)["hash"].get<std::string>());
    CHECK((*entry)["version"] <= numerics::kVersion);
  }
  for (const std::string& target : targets) std::printf("ran: hashes on %s\n", target.c_str());
  CHECK(known == file[kFamily].size());  // none of a kernel that is gone
}

TEST_CASE("bits of the library by LLVM", "[llvm]") {
  const auto llvm = driver::llvm();
  if (!llvm.ok()) {
    std::printf("skipped: hashes by LLVM: %s\n", llvm.error().message.c_str());
    return;
  }
  Runtime runtime;
  for (const hashes::Subject& subject : hashes::subjects()) {
    INFO(hashes::name_of(subject));
    CHECK(hashes::hash_on(runtime, subject, "llvm") ==
          hashes::hash_on(runtime, subject, "interpreter"));
  }
  std::printf("ran: hashes by LLVM\n");
}

}  // namespace
