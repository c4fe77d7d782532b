/*
 * list_reader.c - reads a list: a file or pipe by read(2), a URL by a url_reader, which has room
 * for all of a list, so that it never waits for the caller.
 */
#include "sluice/download/list_reader.h"

#include "sluice/download/url_reader.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Full ones, and one that is not. */
#define PIECES_MAX (SL_LIST_URL_MAX / SL_LIST_PIECE + 1)

struct sl_list_reader {
	const char *from;
	struct sl_url_reader *url; /* or a file: */
	char *shown;
	char *data; /* the piece the caller has */
	int fd;
	bool is_regular;
};

const char *
sl_list_reader_name(const struct sl_list_reader *reader)
{
	return reader->url ? sl_url_reader_name(reader->url) : reader->shown;
}

/* ---- opening ---- */

SL_SUSPENDS
static int
open_file(struct sl_list_reader *reader, struct sl_error *err)
{
	struct stat st;
	bool is_stdin = strcmp(reader->from, "-") == 0;
	reader->shown = sl_span_dup(sl_span_str(is_stdin ? "standard input" : reader->from));
	if (!reader->shown)
		return -ENOMEM;
	reader->fd = is_stdin ? STDIN_FILENO : sl_io_open_input(reader->from);
	if (reader->fd == -ETIMEDOUT)
		return sl_fail(err, SL_PHASE_OPEN, reader->fd,
			"the time limit of the run was reached (--deadline) before the list '%s' "
			"was open (a FIFO needs a writer)",
			reader->shown);
	if (reader->fd < 0)
		return sl_fail_code(
			err, SL_PHASE_OPEN, reader->fd, "cannot open the list '%s'", reader->shown);
	reader->is_regular = fstat(reader->fd, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

int
sl_list_reader_new(struct sl_list_reader **out, const char *from, struct sl_http_client *client,
	const struct sl_retry_policy *retry, struct sl_group *group, struct sl_error *err)
{
	const struct sl_url_reader_options options = { .client = client,
		.retry = retry,
		.group = group,
		.what = "the list",
		.piece = SL_LIST_PIECE,
		.ahead = PIECES_MAX,
		.most = SL_LIST_URL_MAX,
		.most_advice = "download it, and use -i FILE" };
	struct sl_list_reader *reader = calloc(1, sizeof(*reader));
	*out = reader;
	if (!reader)
		return -ENOMEM;
	reader->from = from;
	reader->fd = -1;
	int code = sl_url_reader_takes(from) ? sl_url_reader_new(&reader->url, from, &options, err)
					     : open_file(reader, err);
	if (code) {
		sl_list_reader_free(reader);
		*out = NULL;
	}
	return code;
}

void
sl_list_reader_free(struct sl_list_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd > STDIN_FILENO)
		sl_io_close(reader->fd);
	sl_url_reader_free(reader->url);
	free(reader->data);
	free(reader->shown);
	free(reader);
}

void
sl_list_reader_stop(struct sl_list_reader *reader)
{
	if (reader->url)
		sl_url_reader_stop(reader->url);
}

/* ---- a file ---- */

/* A regular file is read up to the end of the piece, so that the end of a short one is seen. */
SL_SUSPENDS
static int
read_file(struct sl_list_reader *reader, struct sl_span *bytes, bool *is_last, struct sl_error *err)
{
	size_t len = 0;
	int got = 1;
	if (!reader->data)
		reader->data = malloc(SL_LIST_PIECE);
	if (!reader->data)
		return sl_fail_code(
			err, SL_PHASE_READ, -ENOMEM, "cannot read the list '%s'", reader->shown);
	while (got > 0 && len < SL_LIST_PIECE && (len == 0 || reader->is_regular)) {
		do
			got = sl_io_read_stream(
				reader->fd, reader->data + len, SL_LIST_PIECE - len, SL_FOREVER);
		while (got == -EINTR);
		len += got > 0 ? (size_t)got : 0;
	}
	*bytes = sl_span(reader->data, len);
	*is_last = got == 0;
	if (got < 0)
		return sl_fail_code(
			err, SL_PHASE_READ, got, "cannot read the list '%s'", reader->shown);
	return 0;
}

/* ---- a URL ---- */

SL_SUSPENDS
static int
read_url(struct sl_list_reader *reader, struct sl_span *bytes, bool *is_last, struct sl_error *err)
{
	struct sl_error why = { 0 };
	int code = sl_url_reader_read(reader->url, bytes, SL_FOREVER, &why);
	*is_last = code == 0;
	if (code >= 0)
		return 0;
	if (why.code)
		sl_fail(err, why.phase, code, "cannot read the list: %s", why.text);
	else
		sl_fail_code(err, SL_PHASE_NONE, code, "cannot read the list '%s'",
			sl_list_reader_name(reader));
	if (err)
		err->http_status = why.http_status;
	return code;
}

int
sl_list_reader_read(
	struct sl_list_reader *reader, struct sl_span *bytes, bool *is_last, struct sl_error *err)
{
	return reader->url ? read_url(reader, bytes, is_last, err)
			   : read_file(reader, bytes, is_last, err);
}
