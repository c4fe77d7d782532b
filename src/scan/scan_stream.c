/*
 * scan_stream.c - a read of a stream, which ends when no more of the input is wanted.
 *
 * Where lines go to the sinks, those of an input wait until it is the front, each piece with its
 * chunk. So a stream behind the front fills its chunks, however little it gives at a time; when it
 * becomes the front, what was read is passed on.
 */
#include "scan_int.h"

#include <errno.h>

bool
sl_scan_is_cancellation(int code)
{
	return (code == -ECANCELED || code == -ETIMEDOUT) && sl_task_cancelled() != 0;
}

struct stream_call {
	struct sl_input *input;
	unsigned char *data;
	size_t most, len;
};

SL_SUSPENDS
static int
read_stream_task(void *arg)
{
	struct stream_call *call = arg;
	return sl_input_read_stream(call->input, call->data, call->most, &call->len);
}

/* What was read so far is wanted: the input became the front while it filled a chunk. */
static bool
was_called(const struct scan_job *job, int got)
{
	return got == -ECANCELED && !job->is_over;
}

/* The read has a group of its own, because the merger may cancel it when it has enough, or wants
 * what there is, while no data arrives. */
int
sl_scan_read_stream(struct scan *scan, struct scan_piece *piece, unsigned char *data, size_t most,
	int *got, size_t *len)
{
	struct scan_job *job = piece->job;
	struct stream_call call = { .input = job->input, .data = data, .most = most };
	struct sl_group group;
	*got = 0;
	job->input->fills = sl_scan_wants_lines(scan) && !sl_scan_is_front(scan, job);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	job->reading = &group;
	int code = sl_group_spawn(&group, "stream", read_stream_task, &call, got);
	sl_group_leave(&group);
	job->reading = NULL;
	if (code || sl_scan_is_cancellation(*got))
		return code ? code : *got;
	if (was_called(job, *got))
		*got = (int)call.len;
	if (job->ignores_rest)
		*got = 0;
	*len = call.len;
	uint64_t left = job->input->left;
	piece->is_short = *got == 0 && !job->ignores_rest && left > 0 && left != UINT64_MAX;
	return 0;
}

void
sl_scan_stream_pass(struct scan_job *job)
{
	job->input->fills = false;
	if (job->reading && job->input->is_filling)
		sl_group_cancel(job->reading, -ECANCELED);
}
