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

struct Operand {
  Dtype dtype;
  bool has_step;     // rows of columns
  std::string file;  // of an input; empty: an output
  std::size_t bytes;
};

// Of elements a call has no columns.
struct Call {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<Operand> operands;
};

void save(const std::string& folder, const std::string& file, const std::string& bytes) {
  if (!folder.empty()) std::ofstream(folder + "/" + file, std::ios::binary) << bytes;
}

// Where there is a folder the inputs are written to it.
std::vector<Call> calls(const Subject& subject, const std::string& folder) {
  std::vector<Call> all;
  if (subject.operands == 0) {
    for (const hashes::RowCase& each : hashes::row_cases(subject)) {
      Call& call = all.emplace_back(Call{each.rows, each.columns, {}});
      for (const hashes::RowOperandBytes& operand : each.operands) {
        std::string file;
        if (!operand.output) {
          file = fmt::format("{}.{}.{}.{}x{}", name(operand.dtype), call.operands.size(),
                             operand.per_row ? "row" : "columns", each.rows, each.columns);
          save(folder, file, operand.bytes);
        }
        call.operands.push_back({operand.dtype, !operand.per_row, file, operand.bytes.size()});
      }
    }
    return all;
  }
  const dsl::Program& library = dsl::standard_library();
  const dsl::FunctionDef& function = library.function(*library.find(subject.function));
  const bool backward = subject.pass == Pass::backward;
  const std::size_t outputs = backward ? function.inputs.size() : function.outputs.size();
  Call& call = all.emplace_back();
  for (std::size_t i = 0; i < subject.operands; ++i) {
    std::string file;
    if (i < subject.operands - outputs) {
      file = fmt::format("{}.{}", name(subject.dtype), i);
      save(folder, file, hashes::input_bytes(subject.dtype, i));
    }
    const std::size_t bytes = hashes::elements() * size_of(subject.dtype);
    call.operands.push_back({subject.dtype, false, file, bytes});
  }
  return all;
}

std::vector<Subject> subjects(const std::string& without) {
  std::vector<Subject> all = hashes::subjects();
  std::erase_if(all, [&](const Subject& subject) { return subject.function == without; });
  return all;
}

std::string symbol(const Subject& subject) {
  return fmt::format("cases_{}{}_{}", subject.function,
                     subject.pass == Pass::backward ? "_backward" : "", name(subject.dtype));
}

std::string call_text(const std::string& symbol, const Call& call) {
  std::string text = fmt::format("  {}(", symbol);
  std::string puts;
  std::size_t outputs = 0;
  for (const Operand& operand : call.operands) {
    if (operand.file.empty()) {
      puts += fmt::format("  put(output[{}], {});\n", outputs, operand.bytes);
      text += fmt::format("output[{}], ", outputs++);
    } else {
      text += fmt::format("input(\"{}\"), ", operand.file);
    }
    if (operand.has_step) text += fmt::format("{}, ", call.columns);
  }
  if (call.columns == 0) return text + fmt::format("{});\n{}", hashes::elements(), puts);
  return text + fmt::format("{0}, {1}, workspace({2}_workspace({1})));\n{3}", call.rows,
                            call.columns, symbol, puts);
}

nlohmann::ordered_json call_json(const std::string& symbol, const Call& call) {
  nlohmann::ordered_json json{{"symbol", symbol}, {"columns", call.columns}};
  for (const Operand& operand : call.operands)
    json["operands"].push_back({{"dtype", name(operand.dtype)},
                                {"file", operand.file},
                                {"elements", operand.bytes / size_of(operand.dtype)}});
  return json;
}

int write(const std::string& folder, const std::string& without) {
  std::set<std::string> functions;
  std::string text;
  nlohmann::ordered_json list;
  std::size_t most_outputs = 0, most_bytes = 0;
  for (const Subject& subject : subjects(without)) {
    functions.insert(subject.function);
    for (const Call& call : calls(subject, folder)) {
      text += call_text(symbol(subject), call);
      list.push_back(call_json(symbol(subject), call));
      most_outputs = std::max(most_outputs, call.operands.size());
      for (const Operand& operand : call.operands) most_bytes = std::max(most_bytes, operand.bytes);
    }
  }
  std::ofstream(folder + "/calls.json") << list;
  std::ofstream(folder + "/program.c") << fmt::format(
      R"(#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cases.h>

static double output[{0}][{1} / sizeof(double) + 1];

static void* input(const char* name) {{
  static struct {{ char name[32]; void* bytes; }} files[1024];
  int i = 0;
  while (files[i].name[0] != 0 && strcmp(files[i].name, name) != 0) ++i;
  if (files[i].name[0] == 0) {{
    FILE* file = fopen(name, "rb");
    files[i].bytes = malloc({1});
    if (file == NULL || fread(files[i].bytes, 1, {1}, file) == 0) exit(2);
    fclose(file);
    strcpy(files[i].name, name);
  }}
  return files[i].bytes;
}}

static void put(const void* bytes, size_t count) {{
  if (fwrite(bytes, 1, count, stdout) != count) exit(2);
}}

static void* workspace(size_t bytes) {{
  static void* held;
  free(held);
  return held = malloc(bytes);
}}

#pragma GCC diagnostic ignored "-Wincompatible-pointer-types"
int main(void) {{
  if (!cases_available()) return 3;
{2}  return 0;
}}
)",
      most_outputs, most_bytes, text);
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
  for (const Subject& subject : subjects(without)) {
    std::vector<std::string> outputs;
    std::string together;
    for (const Call& call : calls(subject, ""))
      for (const Operand& operand : call.operands) {
        if (!operand.file.empty()) continue;
        if (at + operand.bytes > all.size()) {
          std::cout << "the outputs end before " << name_of(subject) << "\n";
          return 1;
        }
        outputs.push_back(all.substr(at, operand.bytes));
        together += outputs.back();
        at += operand.bytes;
      }
    const std::string hash = subject.operands == 0
                                 ? hashes::hash_of_row_outputs(subject, outputs)
                                 : hashes::hash_of_outputs(subject.dtype, together);
    const auto expected = known[family].find(name_of(subject));
    if (expected == known[family].end()) continue;  // a new one, whose hash is written next
    ++compared;
    if (hash == (*expected)["hash"]) continue;
    ++wrong;
    std::cout << name_of(subject) << ": other bits than the hash's\n";
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
