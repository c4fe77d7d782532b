/*
 * source_stream.c - reads streams, in order: pipes, terminals, standard input, files without a
 * size.
 *
 * Rules: bytes are passed on when the stream pauses, unless the caller wants as many as there is
 * room for; but the first ones not before they tell what the input is. A regular file that is read
 * as a stream ends at the size it had, since it may grow by our own output.
 */
#include "sluice/scan/source.h"

#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of a stream are passed on if no more arrive for so long. */
#define STREAM_IDLE_NS SL_NS_PER_MS

/* A read of a file found in a directory ends after so long, although data was ready: another reader
 * may have taken it. Long enough for a file system of another machine. */
#define FOUND_READ_NS SL_NS_PER_S

/*
 * A file found in a directory that has no data now (/proc/kmsg, trace_pipe) is not waited for:
 * -EAGAIN. The ring may wait for it although it is open in non-blocking mode.
 */
SL_SUSPENDS
static int
poll_found(const struct sl_input *input)
{
	int code = sl_io_poll(input->fd, POLLIN, sl_deadline_in(STREAM_IDLE_NS));
	return code == -ETIMEDOUT && sl_task_cancelled() == 0 ? -EAGAIN : code;
}

/* Likewise if its data was ready. */
SL_SUSPENDS
static int
read_found(const struct sl_input *input, unsigned char *data, size_t len)
{
	int got = poll_found(input);
	if (got < 0)
		return got;
	uint64_t deadline_ns = sl_deadline_in(FOUND_READ_NS);
	do
		got = sl_io_read_stream_as(input->fd, input->is_terminal, data, len, deadline_ns);
	while (got == -EINTR);
	return got == -ETIMEDOUT && sl_task_cancelled() == 0 ? -EAGAIN : got;
}

/* The text of a failure outlives what is remote: it is wanted when the pieces before are merged. */
SL_SUSPENDS
static int
read_remote(struct sl_input *input, unsigned char *data, size_t len, uint64_t deadline_ns)
{
	struct sl_error err = { 0 };
	int got = input->remote->read(input->remote->ctx, data, len, deadline_ns, &err);
	input->has_begun = true;
	if (got < 0 && err.code && !input->failure)
		input->failure = strdup(err.text);
	return got;
}

/* One read, once data is ready. A FIFO without a writer would read as ended. */
SL_SUSPENDS
static int
read_some(struct sl_input *input, unsigned char *data, size_t len, uint64_t deadline_ns)
{
	int ready = 0;
	if (input->remote)
		return read_remote(input, data, len, deadline_ns);
	if (input->is_found) {
		input->has_begun = true;
		return read_found(input, data, len);
	}
	if ((input->may_block && !input->has_begun) || input->is_filling)
		ready = sl_io_poll(input->fd, POLLIN, deadline_ns);
	if (ready < 0)
		return ready;
	input->has_begun = true;
	for (;;) {
		int got =
			sl_io_read_stream_as(input->fd, input->is_terminal, data, len, deadline_ns);
		if (got == -EINTR)
			continue;
		if (got != -EAGAIN)
			return got;
		/* The descriptor was inherited in non-blocking mode. */
		int code = sl_io_poll(input->fd, POLLIN, deadline_ns);
		if (code < 0)
			return code;
	}
}

/*
 * How many of `got` bytes belong to the input. A file of /proc holds more than its size, which does
 * not change; a file with another size than before has grown, maybe by our own output, and is read
 * to the size it had.
 */
SL_SUSPENDS
static int
within_claim(struct sl_input *input, int got)
{
	struct statx st = { 0 };
	if ((uint64_t)got <= input->claimed_left) {
		input->claimed_left -= (uint64_t)got;
		return got;
	}
	int code = sl_io_stat(input->fd, "", AT_EMPTY_PATH, STATX_SIZE, &st);
	if (code == -ECANCELED || code == -ETIMEDOUT)
		return code;
	if (code < 0 || st.stx_size == input->claimed_size)
		return got;
	got = (int)input->claimed_left;
	input->claimed_left = input->left = 0;
	return got;
}

/* The position of standard input is taken when it is read first: it may be named twice. */
static void
skip_what_was_read(struct sl_input *input)
{
	off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);
	uint64_t skipped = at < 0 ? 0 : (uint64_t)at;
	if (input->left != UINT64_MAX)
		input->left -= SL_MIN(skipped, input->left);
	if (input->may_be_made_up)
		input->claimed_left -= SL_MIN(skipped, input->claimed_left);
	input->left_at_first = input->left;
}

SL_SUSPENDS
static void
begin_stream(struct sl_input *input)
{
	input->is_terminal = isatty(input->fd);
	if (!input->is_terminal && !input->is_found && !input->may_be_made_up)
		sl_io_widen_pipe(input->fd);
}

/* Without a deadline, if the next bytes are not urgent. A file never pauses. */
static bool
may_fill(const struct sl_input *input)
{
	return input->fills && !input->is_found && !input->may_be_made_up;
}

int
sl_input_read_stream(struct sl_input *input, unsigned char *data, size_t most, size_t *read_len)
{
	*read_len = 0;
	bool is_first = !input->has_begun;
	if (is_first && !input->remote)
		begin_stream(input);
	if (is_first && input->is_stdin)
		skip_what_was_read(input);
	most = (size_t)SL_MIN((uint64_t)most, input->left);
	while (*read_len < most) {
		/* The first bytes must suffice to recognise the form. */
		bool enough = *read_len > 0 && !(is_first && sl_sniff_wants_more(data, *read_len));
		input->is_filling = enough && may_fill(input);
		bool is_urgent = enough && !input->is_filling;
		uint64_t deadline_ns = is_urgent ? sl_deadline_in(STREAM_IDLE_NS) : SL_FOREVER;
		uint64_t begun_ns = sl_input_begin_wait(input);
		int got = read_some(input, data + *read_len, most - *read_len, deadline_ns);
		sl_input_end_wait(input, begun_ns);
		input->is_filling = false;
		if (got == -ETIMEDOUT && enough && sl_task_cancelled() == 0)
			break;
		if (got > 0 && input->may_be_made_up)
			got = within_claim(input, got);
		if (got < 0)
			return got;
		if (got == 0)
			break;
		*read_len += (size_t)got;
		if (input->left != UINT64_MAX && !input->may_be_made_up)
			input->left -= (uint64_t)got;
	}
	return (int)*read_len;
}
