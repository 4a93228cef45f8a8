# Run by the build: cmake -DMANIFEST=list.txt -DOUTPUT=file.cpp -P build_digest.cmake
# Writes the digest of the files named in MANIFEST, one a line, as sluice::build_digest(): sources of
# other content are another build, whose kernels on disk this one leaves alone.
cmake_minimum_required(VERSION 3.25)

file(STRINGS ${MANIFEST} files)
set(digests "")
foreach(path IN LISTS files)
  file(SHA256 ${path} digest)
  string(APPEND digests "${digest}\n")
endforeach()
string(SHA256 digest "${digests}")
string(SUBSTRING ${digest} 0 32 digest)

file(WRITE ${OUTPUT}
"// Written by the build.
#include \"support/build_digest.hpp\"

namespace sluice {

std::string_view build_digest() { return \"${digest}\"; }

}  // namespace sluice
")
