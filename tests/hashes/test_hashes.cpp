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

std::string interpreter_of(Family family) { return to_string(Target{.family = family}); }

Json read_file() {
  std::ifstream file(SLUICE_HASHES);
  return file ? Json::parse(file) : Json::object();
}

Json* find(Json& file, Family family, const std::string& kernel) {
  Json& entries = file[std::string(name(family))];
  return entries.contains(kernel) ? &entries[kernel] : nullptr;
}

void update(Runtime& runtime) {
  Json file = read_file();
  Json now = Json::object();
  for (const Family family : kFamilies)
    for (const hashes::Subject& subject : hashes::subjects()) {
      const std::string kernel = hashes::name_of(subject);
      const auto hash = hashes::hash_on(runtime, subject, interpreter_of(family));
      if (!hash) continue;
      Json* const before = find(file, family, kernel);
      Json& entry = now[std::string(name(family))][kernel] = {{"hash", *hash},
                                                              {"version", numerics::kVersion}};
      if (before == nullptr) continue;
      if ((*before)["hash"] == *hash)
        entry = *before;
      else if ((*before)["version"] == numerics::kVersion)
        FAIL_CHECK(kernel << ", " << name(family)
                          << ": its bits changed, and the numerics version is what it was");
    }
  std::ofstream(SLUICE_HASHES) << now.dump(1) << "\n";
}

// The interpreter's bits are the file's, and those of other targets are the interpreter's.
void check_family(Runtime& runtime, Family family, const std::vector<std::string>& targets) {
  Json file = read_file();
  std::size_t known = 0;
  for (const hashes::Subject& subject : hashes::subjects()) {
    const std::string kernel = hashes::name_of(subject);
    const auto oracle = hashes::hash_on(runtime, subject, interpreter_of(family));
    for (const std::string& target : targets) {
      INFO(kernel << " on " << target);
      CHECK(hashes::hash_on(runtime, subject, target) == oracle);
    }
    const Json* const entry = find(file, family, kernel);
    if (entry == nullptr) {
      if (oracle)
        std::printf("%s, %s has no hash in the file yet\n", kernel.c_str(),
                    std::string(name(family)).c_str());
      continue;
    }
    ++known;
    INFO(kernel << ", " << name(family));
    REQUIRE(oracle.has_value());
    CHECK(*oracle == (*entry)["hash"].get<std::string>());
    CHECK((*entry)["version"] <= numerics::kVersion);
  }
  std::printf("ran: hashes on %s\n", interpreter_of(family).c_str());
  for (const std::string& target : targets) std::printf("ran: hashes on %s\n", target.c_str());
  CHECK(known == file[std::string(name(family))].size());  // none of a kernel that is gone
}

TEST_CASE("bits of the library", "[hashes]") {
  Runtime runtime;
  if (std::getenv("SLUICE_UPDATE_HASHES") != nullptr) update(runtime);
  std::vector<std::string> targets;
  for (const Level level : {Level::x86_64_v3, Level::x86_64_v4}) {
    const Target target{level, 0};
    if (runs_on(target, host_target()))
      targets.push_back(to_string(target));
    else
      std::printf("skipped: hashes on %s, which this processor lacks\n", to_string(target).c_str());
  }
  if (host_target().features != 0) targets.push_back(to_string(host_target()));
  check_family(runtime, Family::fma, targets);
  check_family(runtime, Family::nofma, {});
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
