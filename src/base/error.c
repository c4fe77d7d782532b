/*
 * error.c - the texts of codes, and recording a failure. The first failure is kept, so that a later
 * one, which is often a consequence, does not hide the cause. A text that is too long, usually for
 * its path, loses its middle: the reason and what to do are at its end.
 */
#include "sluice/base/error.h"

#include "sluice/base/redact.h"
#include "sluice/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int code;
	const char *text;
} own_texts[] = {
	{ SL_E_PROTO, "protocol violation by the peer" },
	{ SL_E_LIMIT, "limit reached" },
	{ SL_E_RESOLVE, "name does not resolve" },
	{ SL_E_DNS_FAILURE, "the name lookup failed" },
	{ SL_E_TLS, "TLS failure" },
	{ SL_E_STATUS, "unsuccessful HTTP status" },
	{ SL_E_REDIRECT, "redirect refused" },
	{ SL_E_SHORT_BODY, "incomplete body" },
	{ SL_E_CHECKSUM, "checksum does not match" },
	{ SL_E_IN_USE, "in use by another run" },
	{ SL_E_USAGE, "invalid usage" },
	{ SL_E_UNSUPPORTED, "not supported" },
	{ SL_E_STALE, "connection closed by the server before the response" },
	{ SL_E_REPLACED, "changed by another program in the meantime" },
	{ SL_E_NAME, "file name not allowed" },
	{ SL_E_UNDECIDED, "undecided" },
	{ SL_E_INTERRUPTED, "interrupted" },
	{ SL_E_TWICE, "name used twice in this run" },
	{ SL_E_CHANGED, "changed on the server" },
	{ SL_E_DECODE, "compressed data cannot be decoded" },
	{ SL_E_AUTH, "authentication failed" },
	{ SL_E_SLOW, "the transfer is too slow" },
};

/* The codes that users see; strerrordesc_np, used for the others, begins with a capital. */
static const struct {
	int code;
	const char *text;
} kernel_texts[] = {
	{ -EPERM, "operation not permitted" },
	{ -ENOENT, "no such file or directory" },
	{ -EINTR, "interrupted system call" },
	{ -EIO, "input/output error" },
	{ -EBADF, "bad file descriptor" },
	{ -EAGAIN, "resource temporarily unavailable" },
	{ -ENOMEM, "out of memory" },
	{ -EACCES, "permission denied" },
	{ -EBUSY, "device or file busy" },
	{ -EEXIST, "file exists" },
	{ -EXDEV, "would cross file systems or leave the directory" },
	{ -ENOTDIR, "not a directory" },
	{ -EISDIR, "is a directory" },
	{ -EINVAL, "invalid argument" },
	{ -ENFILE, "too many open files in the system" },
	{ -EMFILE, "too many open files" },
	{ -ETXTBSY, "program file busy" },
	{ -EFBIG, "file too large" },
	{ -ENOSPC, "no space left on device" },
	{ -ESPIPE, "not seekable" },
	{ -EROFS, "read-only file system" },
	{ -EMLINK, "too many links" },
	{ -EPIPE, "broken pipe" },
	{ -ENAMETOOLONG, "name too long" },
	{ -ENOLCK, "no locks available" },
	{ -ENOSYS, "not implemented by this kernel" },
	{ -ENOTEMPTY, "directory not empty" },
	{ -ELOOP, "too many symbolic links" },
	{ -EDQUOT, "disk quota exceeded" },
	{ -ENXIO, "no such device or address" },
	{ -ESTALE, "stale file handle" },
	{ -EPROTO, "protocol error" },
	{ -EOVERFLOW, "value too large" },
	{ -EOPNOTSUPP, "operation not supported" },
	{ -EAFNOSUPPORT, "address family not supported" },
	{ -EADDRINUSE, "address already in use" },
	{ -ENODEV, "no such device" },
	{ -EADDRNOTAVAIL, "cannot assign requested address" },
	{ -ENETDOWN, "network is down" },
	{ -ENETUNREACH, "network is unreachable" },
	{ -ENETRESET, "connection dropped by the network" },
	{ -ECONNABORTED, "connection aborted" },
	{ -ECONNRESET, "connection reset by peer" },
	{ -ECONNREFUSED, "connection refused" },
	{ -ENOBUFS, "no buffer space available" },
	{ -ENOTCONN, "not connected" },
	{ -ETIMEDOUT, "timed out" },
	{ -EHOSTDOWN, "host is down" },
	{ -EHOSTUNREACH, "no route to host" },
	{ -ECANCELED, "canceled" },
};

const char *
sl_code_text(int code)
{
	for (size_t i = 0; i < SL_COUNT_OF(own_texts); i++)
		if (own_texts[i].code == code)
			return own_texts[i].text;
	for (size_t i = 0; i < SL_COUNT_OF(kernel_texts); i++)
		if (kernel_texts[i].code == code)
			return kernel_texts[i].text;
	if (code < 0 && code >= -4095) {
		const char *text = strerrordesc_np(-code);
		if (text)
			return text;
	}
	return "unknown error";
}

/* Secrets are removed before the cut, which could take away what marks them. Without memory the
 * text is cut at its end. */
SL_PRINTF(3, 0)
static void
cut_in_the_middle(struct sl_error *err, size_t most, const char *fmt, va_list args)
{
	struct sl_buf text = { 0 }, clean = { 0 }, shorter = { 0 };
	sl_buf_vprintf(&text, fmt, args);
	sl_redact(&clean, sl_buf_span(&text));
	sl_text_shorten(&shorter, sl_buf_span(&clean), most);
	if (!text.failed && !clean.failed && !shorter.failed)
		memcpy(err->text, shorter.data, shorter.len + 1);
	else
		err->text[most] = '\0';
	sl_buf_release(&text);
	sl_buf_release(&clean);
	sl_buf_release(&shorter);
}

SL_PRINTF(5, 0)
static void
record(struct sl_error *err, enum sl_phase phase, int code, const char *suffix, const char *fmt,
	va_list args)
{
	size_t most = sizeof(err->text) - 1 - (suffix ? strlen(": ") + strlen(suffix) : 0);
	va_list again;
	va_copy(again, args);
	err->code = code;
	err->phase = phase;
	int len = vsnprintf(err->text, sizeof(err->text), fmt, args);
	if (len > 0 && (size_t)len > most)
		cut_in_the_middle(err, most, fmt, again);
	va_end(again);
	size_t used = len > 0 ? strlen(err->text) : 0;
	if (suffix)
		snprintf(err->text + used, sizeof(err->text) - used, ": %s", suffix);
}

int
sl_fail(struct sl_error *err, enum sl_phase phase, int code, const char *fmt, ...)
{
	if (err && !err->code) {
		va_list args;
		va_start(args, fmt);
		record(err, phase, code, NULL, fmt, args);
		va_end(args);
	}
	return code;
}

int
sl_fail_code(struct sl_error *err, enum sl_phase phase, int code, const char *fmt, ...)
{
	if (err && !err->code) {
		va_list args;
		va_start(args, fmt);
		record(err, phase, code, sl_code_text(code), fmt, args);
		va_end(args);
	}
	return code;
}

void
sl_error_clear(struct sl_error *err)
{
	memset(err, 0, sizeof(*err));
}
