/*
 * The name of the file that a URL's download becomes, and with --tree its directory: from the URL
 * as typed, never from a redirect, and never one that leaves its directory or looks like an option.
 */
#include "url_int.h"

#include "sluice/base/number.h"
#include "sluice/base/text.h"

#include <errno.h>

/* NULL, or why these bytes cannot be a file name. */
static const char *
name_fault(struct sl_span name)
{
	if (sl_span_is(name, ".") || sl_span_is(name, ".."))
		return "it names a directory";
	if (sl_text_has_control(name))
		return "it has a control byte in it";
	return name.len > SL_URL_FILE_NAME_MAX ? "it is longer than 255 bytes" : NULL;
}

/* The target's escapes are known to be good. An encoded slash stays encoded: it is part of the
 * name, and a file name cannot hold it (wget keeps it the same way). */
static void
add_decoded(struct sl_buf *out, struct sl_span text)
{
	for (size_t i = 0; i < text.len;) {
		char c = text.data[i];
		size_t len = 1;
		if (c == '%') {
			c = (char)(sl_hex_digit((unsigned char)text.data[i + 1]) * 16 +
				   sl_hex_digit((unsigned char)text.data[i + 2]));
			len = 3;
		}
		if (c == '/')
			sl_buf_add_span(out, sl_span(text.data + i, len));
		else
			sl_buf_add_char(out, c);
		i += len;
	}
}

static int
refuse_name(const struct sl_url *url, const char *why, struct sl_error *err)
{
	struct sl_buf text = { 0 }, shown = { 0 };
	sl_url_format(&text, url);
	sl_url_show(&shown, sl_buf_span(&text));
	int code = sl_fail(err, SL_PHASE_CREATE, SL_E_NAME,
		"cannot take a file name from '%s': %s; give it one with --output, in a list with "
		"out=",
		shown.data ? shown.data : "", why);
	sl_buf_release(&shown);
	sl_buf_release(&text);
	return code;
}

/* With a leading '-' it could be taken for an option, with a '.' it would be hidden. */
const char *
sl_url_add_safe_name(struct sl_buf *out, struct sl_span name)
{
	const char *fault = name_fault(name);
	bool prefix = name.len > 0 && (name.data[0] == '-' || name.data[0] == '.');
	if (!fault && prefix && name.len + 1 > SL_URL_FILE_NAME_MAX)
		fault = "it is longer than 255 bytes";
	if (!fault && prefix)
		sl_buf_add_char(out, '_');
	if (!fault)
		sl_buf_add_span(out, name);
	return fault;
}

/* One component of the path, decoded. NULL, or why it cannot be a name. */
static const char *
add_component(struct sl_buf *out, struct sl_span encoded)
{
	struct sl_buf name = { 0 };
	add_decoded(&name, encoded);
	const char *fault = sl_url_add_safe_name(out, sl_buf_span(&name));
	out->failed = out->failed || name.failed;
	sl_buf_release(&name);
	return fault;
}

static int
finish(const struct sl_url *url, struct sl_buf *buf, size_t before, const char *fault,
	struct sl_error *err)
{
	int code = fault ? refuse_name(url, fault, err) : 0;
	if (buf->failed)
		code = sl_fail_code(err, SL_PHASE_CREATE, -ENOMEM, "cannot keep a file name");
	if (code)
		buf->len = before;
	return code;
}

static struct sl_span
path_of(const struct sl_url *url)
{
	return sl_span(url->target, strcspn(url->target, "?"));
}

/* Of the path without its last component: what ends with a slash. */
static size_t
directory_len(struct sl_span path)
{
	const char *slash = memrchr(path.data, '/', path.len);
	return (size_t)(slash - path.data) + 1;
}

int
sl_url_file_name(const struct sl_url *url, struct sl_buf *buf, struct sl_error *err)
{
	struct sl_span path = path_of(url);
	size_t before = buf->len, dir_len = directory_len(path);
	const char *fault = add_component(buf, sl_span(path.data + dir_len, path.len - dir_len));
	if (!fault && buf->len == before)
		sl_buf_add_str(buf, "index.html");
	return finish(url, buf, before, fault, err);
}

int
sl_url_directory_name(const struct sl_url *url, struct sl_buf *buf, struct sl_error *err)
{
	struct sl_buf authority = { 0 };
	size_t before = buf->len;
	struct sl_span rest = path_of(url);
	rest.len = directory_len(rest);
	sl_url_format_authority(&authority, url);
	const char *fault = add_component(buf, sl_buf_span(&authority));
	buf->failed = buf->failed || authority.failed;
	sl_buf_release(&authority);
	while (!fault && rest.len > 0) {
		const char *slash = memchr(rest.data, '/', rest.len);
		size_t len = (size_t)(slash - rest.data);
		if (len > 0) {
			sl_buf_add_char(buf, '/');
			fault = add_component(buf, sl_span(rest.data, len));
		}
		rest = sl_span(slash + 1, rest.len - len - 1);
	}
	if (!fault && buf->len - before > SL_URL_DIRECTORY_MAX)
		fault = "its directories are longer than 4000 bytes";
	return finish(url, buf, before, fault, err);
}
