# Run by the build: cmake -DMANIFEST=list.txt -DOUTPUT=file.cpp -P embed_library.cmake
# Writes the files named in MANIFEST, one a line, as character arrays. Arrays and not string literals:
# a literal has a greatest length that compilers warn of, and some bytes would need escapes.
cmake_minimum_required(VERSION 3.25)

file(STRINGS ${MANIFEST} files)
set(arrays "")
set(rows "")
set(count 0)
foreach(path IN LISTS files)
  get_filename_component(base ${path} NAME)
  file(READ ${path} bytes HEX)
  if(bytes STREQUAL "")
    set(text "{}")
  else()
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," chars "${bytes}")
    string(REGEX REPLACE "('\\\\x0a',)" "\\1\n    " chars "${chars}")
    string(APPEND arrays "constexpr char kText${count}[] = {\n    ${chars}\n};\n\n")
    set(text "{kText${count}, sizeof kText${count}}")
  endif()
  string(APPEND rows "    LibrarySource{\"library/${base}\", ${text}},\n")
  math(EXPR count "${count} + 1")
endforeach()

file(WRITE ${OUTPUT}
"// Written by the build from dsl/library/*.slu.
#include \"dsl/library_sources.hpp\"

#include <array>

namespace sluice::dsl {
namespace {

${arrays}constexpr std::array<LibrarySource, ${count}> kSources = {{
${rows}}};

}  // namespace

std::span<const LibrarySource> library_sources() { return kSources; }

}  // namespace sluice::dsl
")
