/*
 * output.h - standard output as a bounded queue of buffers and one task that writes them. A reader
 * that does not read therefore blocks only the tasks that have output, never the ring.
 *
 * Used by tasks of one runtime. Buffers of 64 KiB to 1 MiB cost least; the queue holds
 * SL_OUTPUT_QUEUE of them.
 */
#ifndef SLUICE_CLI_OUTPUT_H
#define SLUICE_CLI_OUTPUT_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/rt/semaphore.h"

#define SL_OUTPUT_QUEUE 8
#define SL_OUTPUT_BUFFER (64 * SL_KIB) /* a good size to collect before sending */

struct sl_output;

/* Begin writing to `fd`, which stays the caller's. Returns 0 or -ENOMEM. To be closed in the same
 * task. */
SL_SUSPENDS
int sl_output_open(struct sl_output **out, int fd) SL_MUST_CHECK;

/*
 * Queue the bytes of *buf, waiting for room. Returns 0: they are taken and *buf is empty, with no
 * storage. -EPIPE: the reader has closed the pipe. Another write error: part of what was sent
 * before is lost. -ECANCELED, -ETIMEDOUT: there was no room when the run was cancelled, nor a
 * little later; nothing more is taken then. After a failure *buf holds what was not queued. Large
 * buffers are queued in pieces, between which those of other tasks may come; the queue holds at
 * most 1 MiB.
 */
SL_SUSPENDS
int sl_output_send(struct sl_output *output, struct sl_buf *buf) SL_MUST_CHECK;

/* Take the semaphore before something that must not be interrupted is sent; in a cancelled run as
 * long as sending may still succeed. `output` may be NULL. Returns 0 or the cancellation. */
SL_SUSPENDS
int sl_output_take_turn(struct sl_output *output, struct sl_semaphore *turn) SL_MUST_CHECK;

/* 0, -EPIPE or a write error: whether output is still read. Never suspends. */
int sl_output_state(const struct sl_output *output);

/* Wait until all that was queued is written. Returns 0; -EPIPE or a write error; -ECANCELED,
 * -ETIMEDOUT. */
SL_SUSPENDS
int sl_output_flush(struct sl_output *output) SL_MUST_CHECK;

/*
 * Wait until all is written, in a cancelled task at most half a second, and free the output.
 * Returns 0; -EPIPE if the reader closed the pipe (not recorded in *err: it is not a failure);
 * -ECANCELED or -ETIMEDOUT if not all could be written before the run had to end; a write error,
 * described in *err. `output` may be NULL.
 */
SL_SUSPENDS
int sl_output_close(struct sl_output *output, struct sl_error *err) SL_MUST_CHECK;

/*
 * Write to `fd` outside any runtime, blocking. Returns as sl_output_close does. For the texts of
 * --help and --version.
 */
int sl_output_write_now(int fd, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

#endif
