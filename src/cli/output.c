#include "sluice/cli/output.h"

#include "sluice/rt/channel.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long a cancelled run waits for its last words to be taken: a person waits for the prompt. */
#define LAST_WORDS_NS (500 * SL_NS_PER_MS)

struct sl_output {
	int fd;
	int state;                /* 0, or why nothing is written any more */
	struct sl_channel *queue; /* of struct sl_buf */
	struct sl_group group;
};

/* ---- the task that writes ---- */

/* -EAGAIN: somebody made the descriptor non-blocking; it may be shared, so that is left as it is.
 */
SL_SUSPENDS
static int
write_all(int fd, struct sl_span data)
{
	while (data.len > 0) {
		int code = sl_io_write_stream(fd, data.data, data.len, SL_FOREVER);
		if (code == -EAGAIN)
			code = sl_io_poll(fd, POLLOUT, SL_FOREVER) < 0 ? -EIO : 0;
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

SL_SUSPENDS
static int
write_task(void *arg)
{
	struct sl_output *output = arg;
	struct sl_buf buf;
	int code = 0;
	while (!output->state &&
		(code = sl_channel_receive(output->queue, &buf, SL_FOREVER)) == 0) {
		output->state = write_all(output->fd, sl_buf_span(&buf));
		sl_buf_release(&buf);
	}
	/* The end of the queue is the good end; anything else means that bytes may be lost. */
	if (!output->state && code != -EPIPE)
		output->state = code;
	sl_channel_close(output->queue);
	drain(output);
	return 0;
}

/* ---- what others call ---- */

SL_SUSPENDS
int
sl_output_open(struct sl_output **out, int fd)
{
	struct sl_output *output = calloc(1, sizeof(*output));
	if (!output)
		return -ENOMEM;
	output->fd = fd;
	int code = sl_channel_new(&output->queue, "output", SL_OUTPUT_QUEUE, sizeof(struct sl_buf));
	if (code) {
		free(output);
		return code;
	}
	/* Shielded: when the run is cancelled, what was queued is still to be written. */
	struct sl_shield shield;
	sl_shield_begin(&shield, SL_FOREVER);
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
	if (code == 0)
		*buf = (struct sl_buf){ 0 };
	else if (code == -EPIPE)
		code = output->state ? output->state : -EPIPE;
	return code;
}

/* In pieces, so that the queue holds no more than so many of them: who sends keeps the rest. */
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

int
sl_output_send(struct sl_output *output, struct sl_buf *buf)
{
	if (output->state)
		return output->state;
	if (buf->failed)
		return -ENOMEM;
	if (buf->len == 0)
		return 0;
	return buf->len > 2 * SL_OUTPUT_BUFFER ? enqueue_large(output, buf) : enqueue(output, buf);
}

int
sl_output_state(const struct sl_output *output)
{
	return output->state;
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
	bool cancelled = sl_task_cancelled() != 0;
	sl_channel_close(output->queue);
	struct sl_shield shield;
	if (cancelled)
		sl_shield_begin(&shield, sl_deadline_in(LAST_WORDS_NS));
	sl_group_leave(&output->group);
	if (cancelled)
		sl_shield_end(&shield);
	int state = output->state;
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
