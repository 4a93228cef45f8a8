# Makes dsl/library/*.slu part of the library: every file there, in the order of its name, is written
# into one generated source that defines sluice::dsl::library_sources(). Adding or changing a file
# rebuilds it; nothing else needs an edit.
function(sluice_embed_library out_source)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/dsl/library/*.slu)
  list(SORT files)
  set(output ${PROJECT_BINARY_DIR}/dsl/library_sources.cpp)
  # The list of files goes through a file, so that a file removed rebuilds the output as well.
  set(manifest ${PROJECT_BINARY_DIR}/dsl/library_sources.txt)
  list(JOIN files "\n" lines)
  file(CONFIGURE OUTPUT ${manifest} CONTENT "${lines}\n" @ONLY)
  set(script ${PROJECT_SOURCE_DIR}/cmake/embed_library.cmake)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DMANIFEST=${manifest} -DOUTPUT=${output} -P ${script}
    DEPENDS ${files} ${manifest} ${script}
    COMMENT "Embedding dsl/library/*.slu"
    VERBATIM)
  set(${out_source} ${output} PARENT_SCOPE)
endfunction()

# The digest of these files, as a generated source that defines sluice::build_digest().
function(sluice_digest_sources out_source)
  list(SORT ARGN)
  set(output ${PROJECT_BINARY_DIR}/support/build_digest.cpp)
  set(manifest ${PROJECT_BINARY_DIR}/support/build_digest.txt)
  list(JOIN ARGN "\n" lines)
  file(CONFIGURE OUTPUT ${manifest} CONTENT "${lines}\n" @ONLY)
  set(script ${PROJECT_SOURCE_DIR}/cmake/build_digest.cmake)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DMANIFEST=${manifest} -DOUTPUT=${output} -P ${script}
    DEPENDS ${ARGN} ${manifest} ${script}
    COMMENT "Digesting the library's sources"
    VERBATIM)
  set(${out_source} ${output} PARENT_SCOPE)
endfunction()
