/*
 * output.c - a queue of buffers and the task that writes them.
 *
 *  - The task is shielded: what was queued before a run is cancelled is still written, for
 *    CLOSE_TIMEOUT_NS at most.
 *  - A buffer may be the middle of an event. A task that is cancelled while it sends one goes on
 *    for LAST_SENDS_NS, so that the event is not torn by what follows it; if that is not enough,
 *    nothing follows it.
 *  - After the first failure (output->state) the queue is closed and emptied, and sl_output_send
 *    returns the failure.
 *  - Memory is bounded: large buffers are queued in pieces of SL_OUTPUT_BUFFER.
 */
#include "sluice/cli/output.h"

#include "sluice/rt/channel.h"
#include "sluice/rt/io.h"
#include "sluice/rt/waiter.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long a cancelled run waits, in all, for its output to be read: first for room in the queue,
 * then for what is queued. The user waits for the prompt. */
#define LAST_SENDS_NS (300 * SL_NS_PER_MS)
#define CLOSE_TIMEOUT_NS (500 * SL_NS_PER_MS)

struct sl_output {
	int fd;
	bool is_terminal;
	int state;                /* 0, or the failure after which nothing is written */
	uint64_t cancelled_ns;    /* when a send or the close met that the run is; 0 = none has */
	bool is_full;             /* nothing more is queued: a send was given up then */
	struct sl_channel *queue; /* of struct sl_buf */
	uint64_t queued, written; /* buffers */
	struct sl_list flushes;   /* tasks that wait for the last one */
	struct sl_group group;
};

/* ---- the task that writes ---- */

/* -EAGAIN: the descriptor is non-blocking. It may be shared with other processes, so its flags are
 * not changed. */
SL_SUSPENDS
static int
write_all(const struct sl_output *output, struct sl_span data)
{
	while (data.len > 0) {
		int code = sl_io_write_stream_as(
			output->fd, output->is_terminal, data.data, data.len, SL_FOREVER);
		if (code == -EAGAIN)
			code = sl_io_poll(output->fd, POLLOUT, SL_FOREVER) < 0 ? -EIO : 0;
		if (code == 0 || code == -EINTR) {
			code = sl_task_cancelled();
			if (code)
				return code;
			continue;
		}
		if (code < 0)
			return code;
		data.data += code;
		data.len -= (size_t)code;
	}
	return 0;
}

static void
drain(struct sl_output *output)
{
	struct sl_buf buf;
	while (sl_channel_try_receive(output->queue, &buf) == 0)
		sl_buf_release(&buf);
}

static void
serve_flushes(struct sl_output *output)
{
	struct sl_waiter *waiter;
	while ((output->state || output->written == output->queued) &&
		(waiter = sl_waiter_pop(&output->flushes)))
		sl_waiter_serve(waiter, 0);
}

SL_SUSPENDS
static int
write_task(void *arg)
{
	struct sl_output *output = arg;
	struct sl_buf buf;
	int code = 0;
	while (!output->state &&
		(code = sl_channel_receive(output->queue, &buf, SL_FOREVER)) == 0) {
		output->state = write_all(output, sl_buf_span(&buf));
		sl_buf_release(&buf);
		output->written++;
		serve_flushes(output);
	}
	/* -EPIPE is the regular end of the queue; after any other code bytes may be lost. */
	if (!output->state && code != -EPIPE)
		output->state = code;
	sl_channel_close(output->queue);
	drain(output);
	serve_flushes(output);
	return 0;
}

/* ---- public functions ---- */

SL_SUSPENDS
int
sl_output_open(struct sl_output **out, int fd)
{
	struct sl_output *output = calloc(1, sizeof(*output));
	if (!output)
		return -ENOMEM;
	output->fd = fd;
	output->is_terminal = isatty(fd);
	sl_list_init(&output->flushes);
	int code = sl_channel_new(&output->queue, "output", SL_OUTPUT_QUEUE, sizeof(struct sl_buf));
	if (code) {
		free(output);
		return code;
	}
	/* Shielded: after the run is cancelled, what was queued must still be written. */
	struct sl_shield shield;
	sl_shield_begin(&shield, SL_FOREVER);
	sl_io_widen_pipe(fd);
	sl_group_enter(&output->group, SL_GROUP_COLLECT);
	code = sl_group_spawn(&output->group, "standard output", write_task, output, NULL);
	sl_shield_end(&shield);
	if (code) {
		sl_group_leave(&output->group);
		sl_channel_free(output->queue);
		free(output);
		return code;
	}
	*out = output;
	return 0;
}

SL_SUSPENDS
static int
enqueue(struct sl_output *output, struct sl_buf *buf)
{
	int code = sl_channel_send(output->queue, buf, SL_FOREVER);
	output->queued += code == 0;
	if (code == 0)
		*buf = (struct sl_buf){ 0 };
	else if (code == -EPIPE)
		code = output->state ? output->state : -EPIPE;
	return code;
}

/* Queue in pieces, so that the queue's memory is bounded; the caller's buffer keeps the rest. */
SL_SUSPENDS
static int
enqueue_large(struct sl_output *output, struct sl_buf *buf)
{
	int code = 0;
	size_t sent = 0;
	while (sent < buf->len && code == 0) {
		struct sl_buf piece = { 0 };
		size_t len = SL_MIN(buf->len - sent, (size_t)SL_OUTPUT_BUFFER);
		sl_buf_add(&piece, buf->data + sent, len);
		code = piece.failed ? -ENOMEM : enqueue(output, &piece);
		sl_buf_release(&piece);
		sent += code == 0 ? len : 0;
	}
	if (code == 0)
		sl_buf_release(buf);
	else
		memmove(buf->data, buf->data + sent, buf->len -= sent);
	return code;
}

/* When the last sends of the cancelled run end. */
static uint64_t
last_ns(struct sl_output *output)
{
	if (!output->cancelled_ns)
		output->cancelled_ns = sl_now();
	return output->cancelled_ns + LAST_SENDS_NS;
}

int
sl_output_take_turn(struct sl_output *output, struct sl_semaphore *turn)
{
	struct sl_shield shield;
	int code = sl_semaphore_take(turn, SL_FOREVER);
	if (code == 0 || !output)
		return code;
	sl_shield_begin(&shield, last_ns(output));
	code = sl_semaphore_take(turn, SL_FOREVER);
	sl_shield_end(&shield);
	return code;
}

SL_SUSPENDS
static int
send_some(struct sl_output *output, struct sl_buf *buf)
{
	return buf->len > 2 * SL_OUTPUT_BUFFER ? enqueue_large(output, buf) : enqueue(output, buf);
}

int
sl_output_send(struct sl_output *output, struct sl_buf *buf)
{
	struct sl_shield shield;
	if (output->state)
		return output->state;
	if (buf->failed)
		return -ENOMEM;
	if (buf->len == 0)
		return 0;
	if (output->is_full)
		return -ETIMEDOUT;
	int code = send_some(output, buf);
	if (code != -ECANCELED && code != -ETIMEDOUT)
		return code;
	sl_shield_begin(&shield, last_ns(output));
	int last = send_some(output, buf);
	sl_shield_end(&shield);
	output->is_full = last != 0;
	return last ? code : 0;
}

int
sl_output_state(const struct sl_output *output)
{
	return output->state;
}

int
sl_output_flush(struct sl_output *output)
{
	struct sl_waiter waiter;
	int code = 0;
	if (!output->state && output->written != output->queued)
		code = sl_waiter_wait(&waiter, &output->flushes, "output", SL_FOREVER);
	return code ? code : output->state;
}

static int
fail(struct sl_error *err, int code)
{
	if (code == 0 || code == -EPIPE || code == -ECANCELED || code == -ETIMEDOUT)
		return code;
	return sl_fail_code(err, SL_PHASE_WRITE, code, "cannot write standard output");
}

int
sl_output_close(struct sl_output *output, struct sl_error *err)
{
	if (!output)
		return 0;
	bool cancelled = output->cancelled_ns || sl_task_cancelled() != 0;
	sl_channel_close(output->queue);
	struct sl_shield shield;
	if (cancelled)
		sl_shield_begin(&shield, last_ns(output) + CLOSE_TIMEOUT_NS - LAST_SENDS_NS);
	sl_group_leave(&output->group);
	if (cancelled)
		sl_shield_end(&shield);
	int state = output->state ? output->state : output->is_full ? -ETIMEDOUT : 0;
	sl_channel_free(output->queue);
	free(output);
	return fail(err, state);
}

int
sl_output_write_now(int fd, struct sl_span text, struct sl_error *err)
{
	while (text.len > 0) {
		ssize_t code = write(fd, text.data, text.len);
		if (code < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		else if (code < 0 && errno != EINTR)
			return fail(err, -errno);
		if (code < 0)
			continue;
		text.data += code;
		text.len -= (size_t)code;
	}
	return 0;
}
