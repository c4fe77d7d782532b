/*
 * present_stream.c - character devices and FIFOs that --output names.
 */
#include "present_int.h"

#include "sluice/base/log.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>

#define FIFO_RETRY_NS (50 * SL_NS_PER_MS) /* between attempts to open a FIFO without a reader */
#define STREAM_FLAGS (O_WRONLY | O_NONBLOCK | O_NOCTTY)

bool
look_is_stream(const struct look *look, const struct statx *st)
{
	return look->options->may_stream && (S_ISCHR(st->stx_mode) || S_ISFIFO(st->stx_mode));
}

/* A FIFO can be opened once it has a reader; a blocking open that waits for one would hold a worker
 * of the kernel. */
SL_SUSPENDS
static int
open_when_read(const struct look *look)
{
	bool is_logged = false;
	for (;;) {
		int fd = sl_io_open(
			look->place->directory->fd, look->place->name, STREAM_FLAGS, 0, 0);
		if (fd != -ENXIO)
			return fd;
		if (!is_logged)
			sl_log_info("waiting for a reader of '%s'", look->place->path);
		is_logged = true;
		int code = sl_sleep(FIFO_RETRY_NS);
		if (code)
			return code;
	}
}

int
look_open_stream(const struct look *look)
{
	struct statx opened = { 0 };
	struct sl_deadline deadline;
	if (look->options->look_only)
		return look_found(look, SL_PRESENT_STREAM);
	sl_deadline_begin(&deadline, sl_deadline_in(look->options->stall_timeout_ns));
	int fd = open_when_read(look);
	sl_deadline_end(&deadline);
	if (fd == -ETIMEDOUT && !sl_task_cancelled())
		return sl_fail(look->err, SL_PHASE_OPEN, fd,
			"cannot open '%s': no program has opened it for reading in time "
			"(--stall-timeout waits longer)",
			look->place->path);
	if (fd < 0)
		return sl_fail_code(
			look->err, SL_PHASE_OPEN, fd, "cannot open '%s'", look->place->path);
	/* The name may stand for something else by now, and no file is written in place. */
	int code = sl_io_stat(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &opened);
	if (!code && !look_is_stream(look, &opened))
		code = -EEXIST;
	if (code) {
		sl_io_close(fd);
		return sl_fail_code(look->err, SL_PHASE_OPEN, code,
			"'%s' was replaced while it was opened", look->place->path);
	}
	look->present->stream_fd = fd;
	return look_found(look, SL_PRESENT_STREAM);
}
