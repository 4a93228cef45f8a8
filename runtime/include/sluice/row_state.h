// Rows in pieces: streams, shards, and whatever a row is cut into (docs/rows.md). In C99.
//
//   sluice_row_state_update(state, pieces...);     the columns, in pieces of any length
//   sluice_row_state_finish(state, NULL, 0);       a level is done: what all columns give
//   sluice_row_state_begin_at(state, 0);           the same columns once more
//   sluice_row_state_write(state, pieces...);
#ifndef SLUICE_ROW_STATE_H
#define SLUICE_ROW_STATE_H

#include <sluice/sluice.h>

#ifdef __cplusplus
extern "C" {
#endif

// Code for rows that are never whole in memory. Immutable.
typedef struct sluice_state_kernel sluice_state_kernel;
// What is known of some rows from their columns so far.
typedef struct sluice_row_state sluice_row_state;

typedef struct sluice_state_kernel_info {
  size_t size;
  size_t levels;   // how often the columns are streamed before outputs are written
  int32_t writes;  // 1: there are outputs of one value an element, written after the levels
  size_t code_bytes;
} sluice_state_kernel_info;

typedef struct sluice_row_state_options {
  size_t size;
  int64_t rows;                 // 1
  int64_t first_column;         // a multiple of 4096
  int64_t columns;              // of the whole row, where it is known beforehand; else -1
  int64_t row_index;            // what row() is in the first row; it goes up by 1
  const sluice_tensor* inputs;  // those that are not streamed, in the kernel's order
  size_t input_count;
  const double* params;  // the passed parameters, in order
  size_t param_count;
} sluice_row_state_options;

static inline sluice_row_state_options sluice_row_state_options_default(void) {
  sluice_row_state_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.rows = 1;
  options.columns = -1;
  return options;
}

typedef struct sluice_row_state_info {
  size_t size;
  int64_t rows;
  int64_t first_column;
  int64_t next_column;
  int64_t columns;  // of the whole row; -1 while it is not known
  size_t level;     // the state kernel's `levels` when all are finished
} sluice_row_state_info;

// Compiles, for the kernel's target. Errors: SLUICE_INVALID_ARGUMENT for a kernel that is not of a
// row function, or that reduces or splits an operand, as gradients of what all rows share do;
// SLUICE_UNSUPPORTED for rows whose elements do not lie next to each other, for gradients of one
// value a row that are added to what their buffers hold, and for kernels that check indices.
// Threads: any.
SLUICE_API sluice_status sluice_state_kernel_create(const sluice_kernel* kernel,
                                                    sluice_state_kernel** state_kernel);
// States made of it live on. Threads: exclusive.
SLUICE_API void sluice_state_kernel_release(sluice_state_kernel* state_kernel);
// Threads: any.
SLUICE_API sluice_status sluice_state_kernel_describe(const sluice_state_kernel* state_kernel,
                                                      sluice_state_kernel_info* info);

// `options` NULL: the defaults. Threads: any.
SLUICE_API sluice_status sluice_row_state_create(const sluice_state_kernel* state_kernel,
                                                 const sluice_row_state_options* options,
                                                 sluice_row_state** state);
// Threads: exclusive.
SLUICE_API void sluice_row_state_destroy(sluice_row_state* state);
// The next columns of every streamed input, in the kernel's order: of shape (rows, n) with one n,
// which may be 0; of one row, or where all rows have the same elements, also (n).
// Threads: exclusive.
SLUICE_API sluice_status sluice_row_state_update(sluice_row_state* state,
                                                 const sluice_tensor* elements, size_t count);
// Appends the columns of `right`, which begins where this ends, at a multiple of 4096; both of one
// kernel, with the same rows, inputs and parameters, at one level. Threads: exclusive.
SLUICE_API sluice_status sluice_row_state_merge(sluice_row_state* state,
                                                const sluice_row_state* right);
// Ends a level of which all columns are here. The last one's end takes the outputs that are one
// value a row, or none: see sluice_row_state_outputs(). Threads: exclusive.
SLUICE_API sluice_status sluice_row_state_finish(sluice_row_state* state,
                                                 const sluice_tensor* outputs, size_t count);
// The outputs that are one value a row, each of as many elements as there are rows.
// Threads: exclusive.
SLUICE_API sluice_status sluice_row_state_outputs(const sluice_row_state* state,
                                                  const sluice_tensor* outputs, size_t count);
// Where the stream goes on after a finished level. Threads: exclusive.
SLUICE_API sluice_status sluice_row_state_begin_at(sluice_row_state* state, int64_t column);
// After the levels: the next columns of every streamed input, then those of every output of one
// value an element. Threads: exclusive.
SLUICE_API sluice_status sluice_row_state_write(sluice_row_state* state,
                                                const sluice_tensor* elements, size_t count);
// Threads: any.
SLUICE_API sluice_status sluice_row_state_describe(const sluice_row_state* state,
                                                   sluice_row_state_info* info);
// The state as bytes, to be sent to a machine of the same byte order: `bytes` is how many there
// are, and where `buffer` is not NULL they are copied to it; SLUICE_INVALID_ARGUMENT where its
// `capacity` is less. Threads: any.
SLUICE_API sluice_status sluice_row_state_save(const sluice_row_state* state, void* buffer,
                                               size_t capacity, size_t* bytes);
// Errors: SLUICE_INVALID_ARGUMENT for bytes that are no state or another kernel's, SLUICE_IO_ERROR
// for damaged ones. Threads: any.
SLUICE_API sluice_status sluice_row_state_load(const sluice_state_kernel* state_kernel,
                                               const void* buffer, size_t bytes,
                                               sluice_row_state** state);

// Where rows of so many columns are cut for `ranks` shards: ranks + 1 columns into `bounds`, from 0
// to `columns`, those between at multiples of 4096. Errors: SLUICE_INVALID_ARGUMENT for a negative
// number of columns and for no ranks, SLUICE_LIMIT_EXCEEDED from 2^31 of either. Threads: any.
SLUICE_API sluice_status sluice_shard_bounds(int64_t columns, size_t ranks, int64_t* bounds);

#ifdef __cplusplus
}
#endif

#endif
