#include "sluice/net/tls_keylog.h"

#include "sluice/base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
sl_tls_keylog_open(const char *path, struct sl_error *err)
{
	struct stat st = { 0 };
	/* A FIFO without a reader must not stop the program. */
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, flags, S_IRUSR | S_IWUSR);
	int code = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
	if (code)
		sl_fail_code(err, SL_PHASE_TLS, code,
			"cannot write TLS secrets to '%s' (SSLKEYLOGFILE)", path);
	else if (!S_ISREG(st.st_mode))
		code = sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
			"cannot write TLS secrets to '%s' (SSLKEYLOGFILE): it is not a regular "
			"file",
			path);
	if (code && fd >= 0)
		close(fd);
	return code ? code : fd;
}

/* One write, so that lines of several programs do not mix. A few lines for each connection go to
 * the page cache, on the thread of the ring: this is for finding faults. */
void
sl_tls_keylog_write(int fd, const char *line)
{
	struct sl_buf text = { 0 };
	sl_buf_printf(&text, "%s\n", line);
	if (text.data) {
		(void)!write(fd, text.data, text.len);
		explicit_bzero(text.data, text.len);
	}
	sl_buf_release(&text);
}
