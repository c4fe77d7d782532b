#include "sluice/download/aria2_file.h"

#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define OPEN_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

static char *
control_name(const char *name)
{
	struct sl_buf buf = { 0 };
	sl_buf_printf(&buf, "%s%s", name, SL_ARIA2_SUFFIX);
	return sl_buf_detach(&buf);
}

/* Up to SL_ARIA2_CONTROL_MAX + 1 bytes, so that one which is too large shows. */
SL_SUSPENDS
static int
read_small_file(int fd, struct sl_buf *text)
{
	const size_t most = SL_ARIA2_CONTROL_MAX + 1;
	int got = sl_buf_reserve(text, most) ? sl_io_read_full(fd, text->data, most, 0) : -ENOMEM;
	text->len = (size_t)SL_MAX(got, 0);
	return SL_MIN(got, 0);
}

SL_SUSPENDS
static int
read_file(struct sl_aria2_control *control, struct sl_directory *directory, const char *name,
	struct sl_error *err)
{
	struct statx st = { 0 };
	struct sl_buf text = { 0 };
	int fd = sl_io_open(directory->fd, name, OPEN_FLAGS, 0, 0);
	int code = fd < 0 ? fd : sl_io_stat(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st);
	if (code == -ELOOP || (!code && !S_ISREG(st.stx_mode)))
		code = sl_fail(err, SL_PHASE_OPEN, SL_E_REPLACED, "it is not a regular file");
	if (!code)
		code = read_small_file(fd, &text);
	sl_io_close(fd);
	if (!code)
		code = sl_aria2_control_read(control, sl_buf_span(&text), err);
	sl_buf_release(&text);
	return code;
}

int
sl_aria2_file_read(struct sl_aria2_control *control, struct sl_directory *directory,
	const char *name, struct sl_error *err)
{
	char *file_name = control_name(name);
	int code = file_name ? read_file(control, directory, file_name, err) : -ENOMEM;
	free(file_name);
	return code;
}

void
sl_aria2_file_remove(struct sl_directory *directory, const char *name, uint64_t total)
{
	struct sl_aria2_control control = { 0 };
	struct sl_error unsaid = { 0 };
	char *file_name = control_name(name);
	int code = file_name ? read_file(&control, directory, file_name, &unsaid) : -ENOMEM;
	if (!code && control.total == total)
		code = sl_io_unlink(directory->fd, file_name, 0);
	if (code && code != -ENOENT && code != -ENAMETOOLONG && !sl_task_cancelled())
		sl_log_warn("'%s' is complete, and '%s%s' was not removed: %s", name, name,
			SL_ARIA2_SUFFIX, unsaid.text[0] ? unsaid.text : sl_code_text(code));
	sl_aria2_control_release(&control);
	free(file_name);
}
