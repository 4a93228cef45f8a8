// Statuses, names and messages; programs and what is known of their functions.
#include <math.h>
#include <string.h>

#include "check.h"

void test_names(void) {
  sluice_dtype dtype = SLUICE_F32;
  CHECK(strcmp(sluice_message(), "") == 0);
  CHECK(strcmp(sluice_version(), SLUICE_VERSION) == 0);

  CHECK(strcmp(sluice_status_name(SLUICE_OK), "ok") == 0);
  CHECK(strcmp(sluice_status_name(SLUICE_INVALID_SOURCE), "invalid_source") == 0);
  CHECK(strcmp(sluice_status_name(SLUICE_IO_ERROR), "io_error") == 0);
  for (sluice_status each = SLUICE_OK; each <= SLUICE_IO_ERROR; ++each) {
    CHECK(strcmp(sluice_status_name(each), "unknown status") != 0);
    for (sluice_status other = SLUICE_OK; other < each; ++other)
      CHECK(strcmp(sluice_status_name(each), sluice_status_name(other)) != 0);
  }
  CHECK(strcmp(sluice_status_name(-1), "unknown status") == 0);
  CHECK(strcmp(sluice_status_name(12), "unknown status") == 0);

  CHECK(strcmp(sluice_dtype_name(SLUICE_BOOL), "bool") == 0);
  CHECK(sluice_dtype_name(9) == NULL && sluice_dtype_name(-1) == NULL);
  CHECK(sluice_dtype_size(SLUICE_F64) == 8 && sluice_dtype_size(9) == 0);
  OK(sluice_dtype_from_name("bf16", &dtype));
  CHECK(dtype == SLUICE_BF16);
  REFUSED(sluice_dtype_from_name("f8", &dtype), SLUICE_UNKNOWN_NAME, "no element type 'f8'");
  REFUSED(sluice_dtype_from_name(NULL, &dtype), SLUICE_INVALID_ARGUMENT, "is NULL");
  REFUSED(sluice_dtype_from_name("f32", NULL), SLUICE_INVALID_ARGUMENT, "is NULL");

  CHECK(strcmp(sluice_pass_name(SLUICE_BACKWARD), "backward") == 0);
  CHECK(sluice_pass_name(3) == NULL);
  CHECK(strcmp(sluice_rung_name(SLUICE_RUNG_X64), "x64") == 0);
  CHECK(strcmp(sluice_rung_name(SLUICE_RUNG_LLVM), "llvm") == 0);
  CHECK(sluice_rung_name(3) == NULL && sluice_rung_name(-1) == NULL);

  CHECK(strlen(sluice_host_target()) > 0);
  CHECK(sluice_rung_available(SLUICE_RUNG_INTERPRETER) == 1);
  CHECK(sluice_rung_available(SLUICE_RUNG_X64) == (strncmp(sluice_host_target(), "x86", 3) == 0));
  CHECK(sluice_rung_available(7) == 0);
  sluice_text_release(NULL);
}

static void test_parts(const sluice_program* program, size_t function) {
  sluice_input_info input = {sizeof input, NULL, NULL, 0, 0};
  sluice_parameter_info parameter = {sizeof parameter, NULL, 0, 0};
  const char* name = NULL;
  OK(sluice_program_input(program, function, 0, &input));
  CHECK(strcmp(input.name, "x") == 0 && strcmp(input.kind, "element") == 0 && !input.has_default);
  OK(sluice_program_input(program, function, 1, &input));
  CHECK(input.has_default && input.default_value == 3);
  OK(sluice_program_parameter(program, function, 0, &parameter));
  CHECK(strcmp(parameter.name, "s") == 0 && parameter.default_value == 0.5);
  CHECK(!parameter.is_integer);
  OK(sluice_program_output(program, function, 0, &name));
  CHECK(strcmp(name, "y") == 0);
  OK(sluice_program_alias(program, function, 0, &name));
  CHECK(strcmp(name, "estrella") == 0);

  REFUSED(sluice_program_alias(program, function, 1, &name), SLUICE_INVALID_ARGUMENT,
          "no alias 1 of 1");
  REFUSED(sluice_program_input(program, function, 2, &input), SLUICE_INVALID_ARGUMENT, "no input");
  REFUSED(sluice_program_parameter(program, function, 1, &parameter), SLUICE_INVALID_ARGUMENT,
          "no parameter 1");
  REFUSED(sluice_program_output(program, function, 1, &name), SLUICE_INVALID_ARGUMENT, "no output");
  REFUSED(sluice_program_output(program, function, 0, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_program_alias(NULL, function, 0, &name), SLUICE_INVALID_ARGUMENT, "program is");
  REFUSED(sluice_program_input(program, function, 0, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_program_parameter(program, function, 0, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
}

void test_programs(void) {
  static const char* const text = "## A star.\n"
                                  "@alias(\"estrella\")\n"
                                  "fn star(x, z = 3; s = 0.5) = s * max(x, 0)^2 + 0 * z";
  sluice_program *library = NULL, *program = NULL, *other = NULL;
  sluice_function_info info;
  size_t count = 0, more = 0, index = 0;
  OK(sluice_program_library(&library));
  OK(sluice_program_function_count(library, &count));
  CHECK(count > 100);
  CHECK(strcmp(sluice_program_warnings(library), "") == 0);
  CHECK(sluice_program_warnings(NULL) == NULL);

  OK(sluice_program_parse(text, "star.slu", NULL, &program));
  OK(sluice_program_function_count(program, &more));
  CHECK(more == count + 1);
  OK(sluice_program_find(program, "estrella", &index));
  info.size = sizeof info;
  OK(sluice_program_function(program, index, &info));
  CHECK(strcmp(info.name, "star") == 0 && strstr(info.documentation, "A star.") != NULL);
  CHECK(info.input_count == 2 && info.parameter_count == 1 && info.output_count == 1);
  CHECK(info.alias_count == 1 && !info.from_library && !info.row_wise);
  CHECK(isnan(info.forward_ulp) && isnan(info.derivative_ulp));
  test_parts(program, index);

  OK(sluice_program_find(program, "softmax", &index));
  OK(sluice_program_function(program, index, &info));
  CHECK(info.from_library && info.row_wise);
  OK(sluice_program_parse("fn twice(x) = star(x) + star(x)", NULL, program, &other));

  sluice_program_release(other);
  REFUSED(sluice_program_parse("fn f(x) = y", "f.slu", NULL, &other), SLUICE_INVALID_SOURCE,
          "f.slu:1:");
  REFUSED(sluice_program_find(library, "sofmax", &index), SLUICE_UNKNOWN_FUNCTION, "softmax");
  sluice_program_release(program);
  REFUSED(sluice_program_parse(NULL, NULL, NULL, &program), SLUICE_INVALID_ARGUMENT, "text is");
  CHECK(program == NULL);
  REFUSED(sluice_program_parse(text, NULL, NULL, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_program_library(NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_program_function_count(NULL, &count), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_program_function_count(library, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_program_find(NULL, "relu", &index), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_program_find(library, NULL, &index), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_program_find(library, "relu", NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_program_function(library, count, &info), SLUICE_INVALID_ARGUMENT, "no function");
  REFUSED(sluice_program_function(library, 0, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  info.size = 0;
  REFUSED(sluice_program_function(library, 0, &info), SLUICE_INVALID_ARGUMENT, "no size");
  sluice_program_release(library);
  sluice_program_release(NULL);
}
