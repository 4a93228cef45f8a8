// The hashes' functions in C: writes the inputs and a program that calls the library's kernels made
// ahead of time, and compares what such a program left with tests/hashes.json.
//
//   sluice_cross_cases write FOLDER [WITHOUT]
//     writes inputs, program.c and for run_cases.mjs the same as calls.json, and to standard output
//     the functions' names
//   sluice_cross_cases check OUTPUTS FAMILY [WITHOUT]
//     exit code 1 where bits differ from the family's
//
// WITHOUT: a function that is left out.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "dsl/program.hpp"
#include "tests/hashes/hashes.hpp"

namespace {

using namespace sluice;
using hashes::Subject;

struct Case {
  Subject subject;
  std::size_t inputs;
  std::size_t outputs;
};

std::vector<Case> cases(const std::string& without) {
  std::vector<Case> all;
  const dsl::Program& library = dsl::standard_library();
  for (const Subject& subject : hashes::subjects()) {
    if (subject.operands == 0 || subject.function == without) continue;  // of rows: 0
    const dsl::FunctionDef& function = library.function(*library.find(subject.function));
    const bool backward = subject.pass == Pass::backward;
    const std::size_t outputs = backward ? function.inputs.size() : function.outputs.size();
    all.push_back({subject, subject.operands - outputs, outputs});
  }
  return all;
}

std::string input_file(Dtype dtype, std::size_t operand) {
  return fmt::format("{}.{}", name(dtype), operand);
}

std::string symbol(const Subject& subject) {
  return fmt::format("cases_{}{}_{}", subject.function,
                     subject.pass == Pass::backward ? "_backward" : "", name(subject.dtype));
}

std::string call_of(const Case& each) {
  std::string text = fmt::format("  {}(", symbol(each.subject));
  for (std::size_t i = 0; i < each.inputs; ++i)
    text += fmt::format("input(\"{}\"), ", input_file(each.subject.dtype, i));
  for (std::size_t i = 0; i < each.outputs; ++i) text += fmt::format("output[{}], ", i);
  text += fmt::format("{});\n", hashes::elements());
  for (std::size_t i = 0; i < each.outputs; ++i)
    text += fmt::format("  put(output[{}], {});\n", i,
                        hashes::elements() * size_of(each.subject.dtype));
  return text;
}

int write(const std::string& folder, const std::string& without) {
  std::set<std::string> functions;
  std::string calls;
  nlohmann::ordered_json list;
  std::size_t most_outputs = 0;
  for (const Case& each : cases(without)) {
    functions.insert(each.subject.function);
    calls += call_of(each);
    auto& call = list.emplace_back();
    call = {{"symbol", symbol(each.subject)}, {"dtype", name(each.subject.dtype)}};
    call["inputs"] = each.inputs;
    call["outputs"] = each.outputs;
    most_outputs = std::max(most_outputs, each.outputs);
    for (std::size_t i = 0; i < each.inputs; ++i)
      std::ofstream(folder + "/" + input_file(each.subject.dtype, i), std::ios::binary)
          << hashes::input_bytes(each.subject.dtype, i);
  }
  std::ofstream(folder + "/calls.json")
      << nlohmann::ordered_json{{"elements", hashes::elements()}, {"calls", list}};
  std::ofstream(folder + "/program.c") << fmt::format(
      R"(#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cases.h>

enum {{ kBytes = {0} }};
static double output[{1}][kBytes / sizeof(double)];

static void* input(const char* name) {{
  static struct {{ char name[16]; double bytes[kBytes / sizeof(double)]; }} files[64];
  int i = 0;
  while (files[i].name[0] != 0 && strcmp(files[i].name, name) != 0) ++i;
  if (files[i].name[0] == 0) {{
    FILE* file = fopen(name, "rb");
    if (file == NULL || fread(files[i].bytes, 1, kBytes, file) == 0) exit(2);
    fclose(file);
    strcpy(files[i].name, name);
  }}
  return files[i].bytes;
}}

static void put(const void* bytes, size_t count) {{
  if (fwrite(bytes, 1, count, stdout) != count) exit(2);
}}

#pragma GCC diagnostic ignored "-Wincompatible-pointer-types"
int main(void) {{
  if (!cases_available()) return 3;
{2}  return 0;
}}
)",
      hashes::elements() * sizeof(double), most_outputs, calls);
  for (const std::string& function : functions) std::cout << function << "\n";
  return 0;
}

int check(const std::string& path, const std::string& family, const std::string& without) {
  std::ifstream known_file(SLUICE_HASHES);
  auto known = nlohmann::json::parse(known_file);
  std::ifstream file(path, std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::size_t at = 0;
  std::size_t wrong = 0;
  std::size_t compared = 0;
  for (const Case& each : cases(without)) {
    const std::size_t bytes = each.outputs * hashes::elements() * size_of(each.subject.dtype);
    if (at + bytes > all.size()) {
      std::cout << "the outputs end before " << name_of(each.subject) << "\n";
      return 1;
    }
    const std::string hash = hashes::hash_of_outputs(each.subject.dtype, all.substr(at, bytes));
    at += bytes;
    const auto expected = known[family].find(name_of(each.subject));
    if (expected == known[family].end()) continue;  // a new one, whose hash is written next
    ++compared;
    if (hash == (*expected)["hash"]) continue;
    ++wrong;
    std::cout << name_of(each.subject) << ": other bits than the hash's\n";
  }
  std::cout << compared << " kernels compared, " << wrong << " differ\n";
  return wrong == 0 && compared != 0 && at == all.size() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  if (word(0) == "write" && (words.size() == 2 || words.size() == 3))
    return write(word(1), word(2));
  if (word(0) == "check" && (words.size() == 3 || words.size() == 4))
    return check(word(1), word(2), word(3));
  std::fputs("usage: sluice_cross_cases write FOLDER [WITHOUT] | check OUTPUTS FAMILY [WITHOUT]\n",
             stderr);
  return 2;
}
