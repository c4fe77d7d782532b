/*
 * io_int.h - the way of an operation above the seam, shared by the files of io.h.
 */
#ifndef SLUICE_RT_IO_INT_H
#define SLUICE_RT_IO_INT_H

#include "runtime_int.h"

#include "sluice/rt/io.h"

#define IO_INTERRUPTIBLE 1u /* a deadline or cancellation asks the engine to cancel it */
#define IO_RESERVED 2u      /* it may take a slot of the reserve */

/* ---- io_run.c ---- */

/* To its end, by the engine or in the blocking pool. Returns its result, or what ended the wait. */
SL_SUSPENDS
int io_run(struct sl_op *op, uint64_t deadline_ns, unsigned flags);

/* Those of one sort take turns, so that quick ones always find a worker of the kernel. */
SL_SUSPENDS
int io_run_in_turn(struct sl_semaphore *turn, struct sl_op *op);

SL_SUSPENDS
int io_run_slow(struct sl_op *op);

/* ---- io_blocking.c ---- */

/* What the engine does not carry. */
SL_SUSPENDS
int io_run_on_pool(struct sl_rt *rt, struct sl_op *op, uint64_t deadline_ns);

#endif
