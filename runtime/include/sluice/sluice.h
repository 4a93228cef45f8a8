// Sluice's C interface, in C99: activation functions as text in, kernels out.
//
//   sluice_runtime* runtime = NULL;
//   if (sluice_runtime_create(NULL, &runtime) != SLUICE_OK) puts(sluice_message());
//   const int64_t shape[] = {4};
//   const sluice_operand operands[] = {{.dtype = SLUICE_F32, .rank = 1, .shape = shape},
//                                      {.dtype = SLUICE_F32, .rank = 1, .shape = shape}};
//   sluice_spec spec = sluice_spec_default();
//   spec.function = "gelu", spec.operands = operands, spec.operand_count = 2;
//   sluice_kernel* gelu = NULL;
//   if (sluice_runtime_compile(runtime, &spec, &gelu) != SLUICE_OK) puts(sluice_message());
//
// Errors. A function that can fail returns a status, and leaves a sentence for the thread that
// called it: sluice_message(). What it would have given is then NULL or as it was. A handle,
// pointer or structure that must be there and is NULL is SLUICE_INVALID_ARGUMENT. No exception
// leaves the library, and it never stops the process on what a caller hands it.
//
// Ownership. What a function gives through a pointer to a pointer is the caller's, who releases it
// with the function named after its type; NULL may be released. Strings given as `const char*` live
// as long as the object they were asked of; what a caller hands in is read during the call alone.
// All strings are UTF-8 and end in a zero.
//
// Growth. A structure that begins with `size` holds its own sizeof, set by its _default() function
// or by the caller. Later versions add fields at the end: a program built with an older header goes
// on working, for fields that it lacks have their defaults; one built with a newer header is
// refused only where it sets a field that this library does not know. Structures without `size`,
// values of constants, and functions stay as they are.
//
// Threads. Each function says one of
//   any        from any thread at any time, also on one object from many threads at once
//   exclusive  no other thread may use the object of the first argument meanwhile
// Nothing here is global but the shared runtime and each thread's message.
//
// Rows in pieces are in <sluice/row_state.h>, tensors of other frameworks in <sluice/dlpack.h>.
#ifndef SLUICE_SLUICE_H
#define SLUICE_SLUICE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <sluice/version.h>

#if defined(__GNUC__)
#define SLUICE_API __attribute__((visibility("default")))
#else
#define SLUICE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

// ---- Statuses and names

typedef int32_t sluice_status;
enum {
  SLUICE_OK = 0,
  SLUICE_INVALID_SOURCE = 1,    // the text does not parse or check; the message has the places
  SLUICE_UNKNOWN_FUNCTION = 2,  // no function of that name in the program or the library
  SLUICE_UNKNOWN_NAME = 3,      // no such input, parameter, output, pass, target or element type
  SLUICE_INVALID_OPERANDS = 4,  // number, type or shape of operands; overlapping or null buffers
  SLUICE_INVALID_ARGUMENT = 5,  // any other misuse of a call
  SLUICE_UNSUPPORTED = 6,       // well-formed, but this version cannot do it
  SLUICE_UNAVAILABLE = 7,       // this processor or this build lacks what was asked for
  SLUICE_LIMIT_EXCEEDED = 8,    // a documented limit was passed; the message names it
  SLUICE_OUT_OF_MEMORY = 9,     // memory for data or code could not be had
  SLUICE_DENIED = 10,           // the system forbids what was asked
  SLUICE_IO_ERROR = 11          // a file or a state's bytes can't be read, or are damaged
};

typedef int32_t sluice_dtype;
enum {
  SLUICE_F32 = 0,
  SLUICE_F64 = 1,
  SLUICE_F16 = 2,
  SLUICE_BF16 = 3,
  SLUICE_I8 = 4,
  SLUICE_U8 = 5,
  SLUICE_I32 = 6,
  SLUICE_I64 = 7,
  SLUICE_BOOL = 8  // a byte, 0 or 1
};

typedef int32_t sluice_pass;
enum { SLUICE_FORWARD = 0, SLUICE_BACKWARD = 1, SLUICE_FORWARD_BACKWARD = 2 };

// The ways to run a kernel.
typedef int32_t sluice_rung;
enum { SLUICE_RUNG_X64 = 0, SLUICE_RUNG_LLVM = 1, SLUICE_RUNG_INTERPRETER = 2 };

// "ok", "invalid_source", ...; "unknown status" of other numbers. Threads: any.
SLUICE_API const char* sluice_status_name(sluice_status status);
// What was wrong with the calling thread's last call that failed, until its next one that fails;
// empty if none has. Threads: any.
SLUICE_API const char* sluice_message(void);

// The library's version, as SLUICE_VERSION is the header's. Threads: any.
SLUICE_API const char* sluice_version(void);
// The highest target that this processor can run, e.g. "x86-64-v4+vbmi"; NULL where there is no
// memory to say so. Threads: any.
SLUICE_API const char* sluice_host_target(void);
// Whether this build has the rung and this processor can run it: 1 or 0. Threads: any.
SLUICE_API int32_t sluice_rung_available(sluice_rung rung);

// "f32", ..., "bool"; NULL of no type. Threads: any.
SLUICE_API const char* sluice_dtype_name(sluice_dtype dtype);
// Bytes of an element; 0 of no type. Threads: any.
SLUICE_API size_t sluice_dtype_size(sluice_dtype dtype);
// SLUICE_UNKNOWN_NAME where there is no such type. Threads: any.
SLUICE_API sluice_status sluice_dtype_from_name(const char* name, sluice_dtype* dtype);
// "forward", "backward", "forward_backward"; NULL of no pass. Threads: any.
SLUICE_API const char* sluice_pass_name(sluice_pass pass);
// "x64", "llvm", "interpreter"; NULL of no rung. Threads: any.
SLUICE_API const char* sluice_rung_name(sluice_rung rung);

// Releases a text that a function below gave. Threads: exclusive.
SLUICE_API void sluice_text_release(char* text);

// ---- Programs: definitions of functions

// Immutable.
typedef struct sluice_program sluice_program;

typedef struct sluice_function_info {
  size_t size;
  const char* name;
  const char* documentation;
  size_t alias_count, input_count, parameter_count, output_count;
  double forward_ulp, derivative_ulp;  // promised for f32; NaN where nothing is
  int32_t from_library;                // 1 of the standard library's functions
  int32_t row_wise;                    // 1 of functions that reduce along a row
} sluice_function_info;

typedef struct sluice_input_info {
  size_t size;
  const char* name;
  const char* kind;      // "element", "row", "index", "mask"
  double default_value;  // where there is one
  int32_t has_default;
} sluice_input_info;

typedef struct sluice_parameter_info {
  size_t size;
  const char* name;
  double default_value;
  int32_t is_integer;  // 1: it chooses a behaviour, and is always baked into a kernel
} sluice_parameter_info;

// The standard library. Threads: any.
SLUICE_API sluice_status sluice_program_library(sluice_program** program);
// Reads definitions on top of those of `base` (NULL: the library), which they may use and hide.
// `name` is what diagnostics call the text; NULL: "text". Errors: SLUICE_INVALID_SOURCE.
// Threads: any.
SLUICE_API sluice_status sluice_program_parse(const char* text, const char* name,
                                              const sluice_program* base, sluice_program** program);
// Threads: exclusive.
SLUICE_API void sluice_program_release(sluice_program* program);
// What the parser warned of in the program's own text; NULL of NULL. Threads: any.
SLUICE_API const char* sluice_program_warnings(const sluice_program* program);
// How many functions there are, the library's first. Threads: any.
SLUICE_API sluice_status sluice_program_function_count(const sluice_program* program,
                                                       size_t* count);
// The index of a function, by name or alias. Errors: SLUICE_UNKNOWN_FUNCTION, with the name that
// comes near. Threads: any.
SLUICE_API sluice_status sluice_program_find(const sluice_program* program, const char* function,
                                             size_t* index);
// Of the function of an index; and, below, of its parts by theirs. Threads: any.
SLUICE_API sluice_status sluice_program_function(const sluice_program* program, size_t function,
                                                 sluice_function_info* info);
// Threads: any.
SLUICE_API sluice_status sluice_program_alias(const sluice_program* program, size_t function,
                                              size_t index, const char** name);
// Threads: any.
SLUICE_API sluice_status sluice_program_input(const sluice_program* program, size_t function,
                                              size_t index, sluice_input_info* info);
// Threads: any.
SLUICE_API sluice_status sluice_program_parameter(const sluice_program* program, size_t function,
                                                  size_t index, sluice_parameter_info* info);
// Threads: any.
SLUICE_API sluice_status sluice_program_output(const sluice_program* program, size_t function,
                                               size_t index, const char** name);

// ---- Specs: which kernel is wanted

// One buffer of a kernel. Its lengths do not become part of the kernel; whether it has one element
// for all does (rank 0, or 1 where others have more).
typedef struct sluice_operand {
  const char* name;  // of the function's signature; "grad_y", "dx" for gradients; NULL: by place
  sluice_dtype dtype;
  int32_t rank;
  const int64_t* shape;
  double scale;  // of i8 and u8, else 0: q stands for scale * (q - zero_point)
  int32_t zero_point;
} sluice_operand;

typedef struct sluice_parameter {
  const char* name;
  double value;
} sluice_parameter;

enum { SLUICE_SAVED_INPUTS = 0, SLUICE_SAVED_OUTPUTS = 1, SLUICE_SAVED_AUTO = 2 };
enum { SLUICE_REDUCTION_NONE = 0, SLUICE_REDUCTION_SUM = 1, SLUICE_REDUCTION_MEAN = 2 };
enum { SLUICE_EMPTY_NAN = 0, SLUICE_EMPTY_ZERO = 1 };

typedef struct sluice_spec {
  size_t size;
  const char* function;
  sluice_pass pass;
  int32_t axis;  // of a row function: the dimension of its rows; -1, the default: the last

  // In the order of a call: inputs (or the saved output), gradients of the outputs (backward),
  // outputs (forward), gradients of the inputs (backward). With names, which all or none have,
  // any order will do and outputs may be missing.
  const sluice_operand* operands;
  size_t operand_count;
  size_t operand_size;  // sizeof(sluice_operand)

  const sluice_parameter* parameters;  // baked into the code; others take their defaults
  size_t parameter_count;
  const char* const* passed;  // parameters given at each call
  size_t passed_count;
  const char* const* gradients;  // inputs and parameters; none: every number input given
  size_t gradient_count;

  // Two inputs that are the halves of one operand of that name along the axis; NULL: none.
  const char* split;
  const char* split_first;
  const char* split_second;

  int32_t reduction;      // of the first output over all: SLUICE_REDUCTION_
  int32_t empty;          // what a mean of nothing is: SLUICE_EMPTY_
  int32_t saved;          // what a backward kernel reads: SLUICE_SAVED_
  int32_t accumulate;     // 1: gradients of inputs are added to what their buffers hold
  int32_t check_indices;  // 1: a call fails where an index is no column of its row
  uint32_t denied;        // rungs not to be taken: bits 1 << SLUICE_RUNG_, besides the runtime's
  double accuracy;        // the relative error that will do; 0: the promises as they stand
  const char* target;     // "x86-64-v3", "interpreter"; NULL: the runtime's
  const sluice_program* program;  // read names in this; NULL: in the runtime's
} sluice_spec;

static inline sluice_spec sluice_spec_default(void) {
  sluice_spec spec;
  memset(&spec, 0, sizeof spec);
  spec.size = sizeof spec;
  spec.operand_size = sizeof(sluice_operand);
  spec.axis = -1;
  return spec;
}

// ---- Runtimes: a cache of kernels, and definitions

typedef struct sluice_runtime sluice_runtime;
typedef struct sluice_kernel sluice_kernel;

// Tools that can be told of machine code; symbols are named as in sluice:gelu.forward.f32.v4[n].
enum {
  SLUICE_TOOL_GDB = 1,       // its JIT interface: names, and backtraces through kernels
  SLUICE_TOOL_PERF_MAP = 2,  // names for perf, in /tmp/perf-PID.map
  SLUICE_TOOL_JITDUMP = 4    // names and instructions for perf inject --jit and VTune, in
                             // jit-PID.dump, which lies where JITDUMPDIR says, else in /tmp
};

enum {
  SLUICE_LOG_WARNING = 0,  // all works, slower than was asked for: a lower rung, a disk store or
                           // entry that is not used
  SLUICE_LOG_ERROR = 1     // a kernel could not be made; the call that wanted it says so too
};

typedef struct sluice_runtime_options {
  size_t size;
  size_t cache_bytes;   // that kernels in the cache may take; 0: 64 MiB
  const char* target;   // of specs that name none; NULL: that of the environment variable
                        // SLUICE_TARGET, and without it the best of this processor
  uint32_t denied;      // rungs not to be taken: bits 1 << SLUICE_RUNG_
  uint64_t code_tools;  // told of each kernel's code: bits SLUICE_TOOL_, besides those that the
                        // environment variable SLUICE_CODE_TOOLS names: some of
                        // gdb,perf_map,jitdump
  // Where kernels of machine code are kept for the next process: a folder of the user's own, mode
  // 0700, which is made where there is none. NULL: what the environment variable SLUICE_CACHE says;
  // empty, or nothing there: no disk store. A folder that can't be used is not:
  // sluice_runtime_disk_problem() says why.
  const char* disk_folder;
  uint64_t disk_bytes;  // that it may take; 0: 256 MiB
  // Where the memory comes from that is as large as tensors are: the workspaces of calls that are
  // given none, which are the calling thread's own and grow to what its largest call took, and row
  // states. What is small, and lives with programs, specs and kernels, does not, nor does code.
  // `alignment` is a power of two; NULL where there is no memory, which is then the call's error.
  // Both or neither; used until the runtime, its kernels and their states are gone, and each thread
  // that called one without a workspace has ended or has called sluice_workspaces_release().
  void* (*allocate)(void* context, size_t bytes, size_t alignment);
  void (*release)(void* context, void* memory, size_t bytes);
  void* allocator_context;
  // Told what would go unseen: SLUICE_LOG_. From whatever thread the event is in, from several at
  // once, never by a call of a kernel; it must not call the runtime. The message is one sentence.
  void (*log)(void* context, int32_t level, const char* message);
  void* log_context;
} sluice_runtime_options;

static inline sluice_runtime_options sluice_runtime_options_default(void) {
  sluice_runtime_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  return options;
}

// Since the runtime was made; `entries`, `bytes` and `held_bytes` are those of this moment.
typedef struct sluice_counters {
  size_t size;
  uint64_t hits;
  uint64_t misses;    // look-ups that found nothing, those that waited for another's included
  uint64_t compiles;  // kernels from disk are none
  uint64_t failures;  // compilations that gave no kernel
  uint64_t lowered;   // compilations whose kernel is on a lower rung than its spec allows
  uint64_t evictions;
  uint64_t entries;
  uint64_t bytes;       // in the cache, never more than its bound
  uint64_t held_bytes;  // of kernels that are not in the cache and that someone holds
  uint64_t compile_nanoseconds;
  uint64_t disk_hits;
  uint64_t disk_misses;
  uint64_t disk_rejects;  // entries that were damaged or another's; not among the misses
  uint64_t disk_bytes;    // written
} sluice_counters;

// `options` NULL: the defaults. Errors: SLUICE_UNKNOWN_NAME, SLUICE_UNAVAILABLE for a target that
// is none or that this processor can't run. Threads: any.
SLUICE_API sluice_status sluice_runtime_create(const sluice_runtime_options* options,
                                               sluice_runtime** runtime);
// Kernels live on; guards must have been left. Threads: exclusive.
SLUICE_API void sluice_runtime_destroy(sluice_runtime* runtime);
// The process's own, of default options, made when first asked for; it is never destroyed, and
// sluice_runtime_destroy() of it does nothing. Threads: any.
SLUICE_API sluice_status sluice_runtime_shared(sluice_runtime** runtime);

// Adds definitions: later specs see them; a name defined again means its latest definition. Errors:
// SLUICE_INVALID_SOURCE. Threads: any.
SLUICE_API sluice_status sluice_runtime_define(sluice_runtime* runtime, const char* text,
                                               const char* name);
// The library and all that was defined. Threads: any.
SLUICE_API sluice_status sluice_runtime_program(const sluice_runtime* runtime,
                                                sluice_program** program);

// The kernel of a spec: from the cache, from disk, or compiled, once however many threads ask.
// Threads: any.
SLUICE_API sluice_status sluice_runtime_compile(sluice_runtime* runtime, const sluice_spec* spec,
                                                sluice_kernel** kernel);
// Compiles what is not there yet, all of the list; the first error, if any. Threads: any.
SLUICE_API sluice_status sluice_runtime_prewarm(sluice_runtime* runtime,
                                                const sluice_spec* const* specs, size_t count);
// The same of a file, a spec a line in the text form that docs/embedding.md describes; names are
// read in the runtime. Errors name file and line; SLUICE_INVALID_SOURCE for a text that is no list,
// of which nothing is compiled, SLUICE_IO_ERROR. Threads: any.
SLUICE_API sluice_status sluice_runtime_prewarm_file(sluice_runtime* runtime, const char* path);
// Threads: any.
SLUICE_API sluice_status sluice_runtime_counters(const sluice_runtime* runtime,
                                                 sluice_counters* counters);
// Why the disk store that was asked for is not used; empty where it is, or none was, or of NULL.
// Threads: any.
SLUICE_API const char* sluice_runtime_disk_problem(const sluice_runtime* runtime);
// Drops every kernel cached in memory; those that callers hold go on working. Threads: any.
SLUICE_API sluice_status sluice_runtime_clear(sluice_runtime* runtime);

// A spec in canonical form: equal keys stand for the same code. Immutable.
typedef struct sluice_key sluice_key;

// Threads: any.
SLUICE_API sluice_status sluice_runtime_key(const sluice_runtime* runtime, const sluice_spec* spec,
                                            sluice_key** key);
// Threads: any.
SLUICE_API sluice_status sluice_runtime_compile_key(sluice_runtime* runtime, const sluice_key* key,
                                                    sluice_kernel** kernel);
// Threads: exclusive.
SLUICE_API void sluice_key_release(sluice_key* key);
// 0 of NULL. Threads: any.
SLUICE_API uint64_t sluice_key_hash(const sluice_key* key);
// 1 or 0; NULL equals NULL alone. Threads: any.
SLUICE_API int32_t sluice_key_equal(const sluice_key* a, const sluice_key* b);
// One line. Threads: any.
SLUICE_API sluice_status sluice_key_text(const sluice_key* key, char** text);

// A visit of one thread: kernels that sluice_runtime_get() found through it stay until it is left.
// It lies in the caller's memory, where it must stay.
typedef struct sluice_guard {
  void* opaque[4];
} sluice_guard;

// Threads: any, each with a guard of its own.
SLUICE_API sluice_status sluice_runtime_enter(const sluice_runtime* runtime, sluice_guard* guard);
// Once. Threads: exclusive.
SLUICE_API void sluice_guard_leave(sluice_guard* guard);
// The cached kernel of a key, borrowed until the guard is left; NULL, which is no error, where
// there is none. No lock, no allocation. Threads: any.
SLUICE_API sluice_status sluice_runtime_get(const sluice_runtime* runtime, const sluice_key* key,
                                            sluice_guard* guard, const sluice_kernel** kernel);

// Gives the calling thread's workspaces back, of all allocators; a later call takes new ones. A
// thread does so by itself when it ends. Threads: any.
SLUICE_API void sluice_workspaces_release(void);

// ---- Kernels. Immutable; they live on when the cache or the runtime that made them is gone.

typedef struct sluice_kernel_info {
  size_t size;
  const char* function;
  sluice_pass pass;
  sluice_dtype compute_type;
  sluice_rung rung;
  int32_t plain;     // 1: elementwise, and every operand is the code's own: for sluice_kernel_run()
  int32_t row_wise;  // 1: of a row function
  int32_t checked;   // 1: the promise was checked for this very kernel
  const char* rung_reason;  // why not a higher rung, a sentence; empty on the highest
  double forward_ulp;       // promised for f32, in units in the last place; NaN where nothing is
  double derivative_ulp;
  double accuracy;  // the relative error of a cheaper kernel that was asked for; else 0
  size_t operand_count, passed_count;
  const void* code;         // machine code, of a row function the first part's; NULL on the
                            // interpreter's rung
  size_t code_bytes;        // instructions and their constants, of all parts
  size_t bytes;             // what the cache counts: all memory it holds
  size_t first_code_bytes;  // those at `code`: all there are of an elementwise function
} sluice_kernel_info;

typedef struct sluice_operand_info {
  size_t size;
  const char* name;
  sluice_dtype dtype;
  int32_t output;   // 1: written by the kernel
  int32_t scalar;   // 1: one element for all
  int32_t per_row;  // 1: of a row function, and its shape lacks the axis
  double scale;     // of i8 and u8, else 0
  int32_t zero_point;
} sluice_operand_info;

// Another handle of the same kernel, to be released as well; makes a borrowed one the caller's own.
// Threads: any.
SLUICE_API sluice_status sluice_kernel_retain(const sluice_kernel* kernel, sluice_kernel** own);
// Threads: exclusive: of the handle; others of the same kernel go on working.
SLUICE_API void sluice_kernel_release(sluice_kernel* kernel);
// Whether two handles are of one kernel: 1 or 0. Threads: any.
SLUICE_API int32_t sluice_kernel_same(const sluice_kernel* a, const sluice_kernel* b);
// Threads: any.
SLUICE_API sluice_status sluice_kernel_describe(const sluice_kernel* kernel,
                                                sluice_kernel_info* info);
// Of the operand of an index, in the order of a call. Threads: any.
SLUICE_API sluice_status sluice_kernel_operand(const sluice_kernel* kernel, size_t index,
                                               sluice_operand_info* info);
// The name of a passed parameter, in the order of a call. Threads: any.
SLUICE_API sluice_status sluice_kernel_passed(const sluice_kernel* kernel, size_t index,
                                              const char** name);
// A text of the kernel: "target" (what the code needs), "key", or that of a compiler's step, made
// anew: "ast", "ir", "rewrites", "grad", "expand", "schedule". Errors: SLUICE_UNKNOWN_NAME.
// Threads: any.
SLUICE_API sluice_status sluice_kernel_text(const sluice_kernel* kernel, const char* what,
                                            char** text);

// ---- Calls. They allocate nothing, unless they check indices, and take no lock.

enum { SLUICE_MAX_RANK = 16 };
enum { SLUICE_TENSOR_CONSTANT = 1 };  // a flag: its elements may not be written

// A view of the caller's elements, at any alignment. A stride of 0 has all indices be the same
// element, a negative one goes backwards from `data`, where the element of all zeros lies. What a
// kernel writes has a place of its own for each element, else SLUICE_INVALID_OPERANDS.
typedef struct sluice_tensor {
  void* data;
  const int64_t* shape;
  const int64_t* strides;  // in elements; NULL: row-major without gaps
  int32_t rank;            // 0: one element
  sluice_dtype dtype;
  uint32_t flags;
} sluice_tensor;

// Threads that the caller lends to a call; the library starts none.
typedef void (*sluice_task)(void* task_context, size_t index);
typedef struct sluice_parallel {
  size_t threads;  // tasks that may run at once; 0 and 1: the calling thread alone
  // Calls task(task_context, i) for every i below `count`, from any threads in any order, and
  // returns when all are done; called more than once in a call, one after the other.
  void (*for_each)(void* context, size_t count, sluice_task task, void* task_context);
  void* context;
} sluice_parallel;

typedef struct sluice_call_options {
  size_t size;
  const double* params;  // the passed parameters, in order
  size_t param_count;
  // Aligned to 64 bytes, of sluice_kernel_call_workspace() bytes; NULL: the calling thread's own,
  // which grows to what its largest call took.
  void* workspace;
  size_t workspace_bytes;
  const sluice_parallel* parallel;  // NULL: the calling thread alone
} sluice_call_options;

static inline sluice_call_options sluice_call_options_default(void) {
  sluice_call_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  return options;
}

// With checks of types, shapes, null and overlapping buffers and parameters' ranges, and with
// NumPy's broadcasting of the inputs; nothing is written when one fails. Operands have any strides;
// the bits are those of the call on row-major copies. The bytes that an output spans are no other
// operand's, or its elements lie where those of an input of its type and shape do. `options` NULL:
// the defaults.
// Errors: SLUICE_INVALID_OPERANDS, SLUICE_INVALID_ARGUMENT, SLUICE_LIMIT_EXCEEDED,
// SLUICE_UNSUPPORTED, SLUICE_OUT_OF_MEMORY. Threads: any.
SLUICE_API sluice_status sluice_kernel_call(const sluice_kernel* kernel,
                                            const sluice_tensor* operands, size_t count,
                                            const sluice_call_options* options);
// Bytes of a workspace for such a call over so many threads. Errors: those of the call.
// Threads: any.
SLUICE_API sluice_status sluice_kernel_call_workspace(const sluice_kernel* kernel,
                                                      const sluice_tensor* operands, size_t count,
                                                      size_t threads, size_t* bytes);

// Without checks of the buffers, for plain kernels: those of the operands in their order, each of
// `count` elements, or one where it is scalar; none null unless count is 0. `params` are the passed
// parameters as sluice_kernel_slot() gives them. Errors: SLUICE_INVALID_ARGUMENT for a kernel that
// is not plain, a negative count, and no buffers or parameters where there must be some.
// Threads: any.
SLUICE_API sluice_status sluice_kernel_run(const sluice_kernel* kernel, void* const* buffers,
                                           int64_t count, const uint64_t* params);

// `rows` of `columns` elements each. Buffer k's element of row i and column j is
// row_steps[k] * i + column_steps[k] * j bytes from its start.
typedef struct sluice_row_extent {
  int64_t rows;
  int64_t columns;
  const int64_t* row_steps;     // a buffer each; 0: one value for all rows
  const int64_t* column_steps;  // a buffer each; 0: one value a row
  int64_t row_index;            // what row() is in the first row
  int64_t row_index_step;       // and how it goes on
} sluice_row_extent;

// The same of a row function's kernel; `workspace` is aligned to 64 bytes, of
// sluice_kernel_row_workspace() bytes. Of an operand that varies along the row the column step is
// its element's size or, where the spec's axis is not the innermost dimension that has elements,
// any, and the row step then is that size or 0; of others the column step is 0, and where it is
// scalar the row step is. A kernel made for rows of at most 4096 columns takes no longer ones.
// Errors: SLUICE_INVALID_ARGUMENT, also for kernels with sums, means, halves or gradients of what
// broadcasts. Threads: any.
SLUICE_API sluice_status sluice_kernel_run_rows(const sluice_kernel* kernel, void* const* buffers,
                                                const sluice_row_extent* extent, void* workspace,
                                                const uint64_t* params);
// Bytes of a workspace for rows of so many columns; 0 of elementwise kernels. Threads: any.
SLUICE_API sluice_status sluice_kernel_row_workspace(const sluice_kernel* kernel, int64_t columns,
                                                     size_t* bytes);
// A passed parameter's value, rounded once to the compute type. Threads: any.
SLUICE_API sluice_status sluice_kernel_slot(const sluice_kernel* kernel, double value,
                                            uint64_t* slot);

#ifdef __cplusplus
}
#endif

#endif
