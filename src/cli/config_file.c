#include "sluice/cli/config_file.h"

#include "sluice/base/clock.h"
#include "sluice/base/number.h"
#include "sluice/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What to do about a default file that cannot be used. */
#define WAY_OUT "or ignore it with --no-config"

void
sl_config_default_path(struct sl_buf *out, sl_config_env *env)
{
	const char *base = env("XDG_CONFIG_HOME"), *home = env("HOME");
	/* The XDG specification: relative paths are ignored. */
	if (base && base[0] == '/')
		sl_buf_printf(out, "%s/sluice/config", base);
	else if (home && home[0])
		sl_buf_printf(out, "%s/.config/sluice/config", home);
}

static int
refuse(const struct sl_config *config, struct sl_error *err, const char *why)
{
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "cannot use '%s': %s", config->path, why);
}

static int
check_default(const struct sl_config *config, const struct stat *st, struct sl_error *err)
{
	if (!S_ISREG(st->st_mode))
		return refuse(config, err, "it is not a regular file (remove it, " WAY_OUT ")");
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return refuse(
			config, err, "it belongs to another user (change its owner, " WAY_OUT ")");
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return refuse(
			config, err, "others may write it (use 'chmod go-w' on it, " WAY_OUT ")");
	return 0;
}

/* The descriptor does not block: of a FIFO, a writer is waited for. 0, or a code. */
static int
wait_for_input(int fd, uint64_t until_ns)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	for (;;) {
		uint64_t now_ns = sl_clock_monotonic_ns();
		uint64_t left_ms = until_ns > now_ns ? (until_ns - now_ns) / SL_NS_PER_MS : 0;
		int count = poll(&polled, 1, sl_int(left_ms + 1));
		if (count != 0 && (count > 0 || errno != EINTR))
			return count > 0 ? 0 : -errno;
		if (count == 0)
			return -ETIMEDOUT;
	}
}

/* One byte more than a file may have, so that a longer one is noticed. */
static int
read_text(int fd, char *text, size_t *len, uint64_t until_ns)
{
	while (*len < SL_CONFIG_BYTES + 1) {
		int code = wait_for_input(fd, until_ns);
		if (code)
			return code;
		ssize_t got = read(fd, text + *len, SL_CONFIG_BYTES + 1 - *len);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		*len += (size_t)got;
	}
	return 0;
}

static int
read_config(struct sl_config *out, int fd, const struct sl_config_choice *choice,
	struct sl_error *err)
{
	struct stat st;
	size_t len = 0;
	bool is_default = !choice->path;
	uint64_t until_ns =
		sl_clock_monotonic_ns() + (choice->wait_ns ? choice->wait_ns : SL_CONFIG_WAIT_NS);
	int code = fstat(fd, &st) < 0 ? -errno : 0;
	if (code)
		return refuse(out, err, sl_code_text(code));
	out->is_read_by_others = S_ISREG(st.st_mode) && (st.st_mode & (S_IRGRP | S_IROTH));
	if (is_default)
		code = check_default(out, &st, err);
	if (code)
		return code;
	char *text = malloc(SL_CONFIG_BYTES + 1);
	if (!text)
		return sl_fail(err, SL_PHASE_NONE, -ENOMEM, "out of memory");
	code = read_text(fd, text, &len, until_ns);
	if (code)
		code = refuse(out, err,
			code == -ETIMEDOUT ? "not all of it came in time (a FIFO needs a writer "
					     "that closes it)"
					   : sl_code_text(code));
	else
		code = sl_config_parse(out, sl_span(text, len), err);
	explicit_bzero(text, len);
	free(text);
	return code;
}

/* That the file is missing. So is one in a home directory that was hidden from the user, as systemd
 * does with ProtectHome=; one that is there and may not be read is not. */
static bool
is_missing(const char *path, int code)
{
	struct stat st;
	return code == -ENOENT || code == -ENOTDIR || (code == -EACCES && stat(path, &st) < 0);
}

int
sl_config_read(struct sl_config *out, const struct sl_config_choice *choice, sl_config_env *env,
	struct sl_error *err)
{
	struct sl_buf path = { 0 }, shown = { 0 };
	bool is_default = !choice->path;
	int code = 0;
	*out = (struct sl_config){ 0 };
	if (choice->is_off)
		return 0;
	if (is_default)
		sl_config_default_path(&path, env);
	else
		sl_buf_add_str(&path, choice->path);
	if (path.len == 0 && !path.failed)
		return 0;
	sl_text_make_safe(&shown, sl_buf_span(&path));
	out->path = sl_buf_detach(&shown);
	if (path.failed || !out->path) {
		code = sl_fail(err, SL_PHASE_NONE, -ENOMEM, "out of memory");
	} else {
		/* To open a FIFO would wait for its writer. */
		int fd = open(path.data, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		int failure = fd < 0 ? -errno : 0;
		if (fd >= 0)
			code = read_config(out, fd, choice, err);
		else if (!is_default || !is_missing(path.data, failure))
			code = sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "cannot open '%s': %s%s",
				out->path, sl_code_text(failure),
				is_default ? " (make it readable, " WAY_OUT ")" : "");
		if (fd >= 0)
			close(fd);
	}
	sl_buf_release(&path);
	return code;
}
