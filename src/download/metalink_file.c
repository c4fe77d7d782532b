/*
 * A file of a Metalink document (RFC 5854 4.1.2; version 3.0 has the same elements).
 *
 * Rules:
 *  - The name is relative and stays below the directory of the run (4.1.2.1); it may have
 *    directories in it.
 *  - Of several digests the strongest known one is kept, and of several sets of pieces likewise.
 *    One that is known but malformed refuses the file: it must not be downloaded unverified.
 *  - URLs are ordered by their priority, those of equal priority as they come. Mirror lists have
 *    hundreds: the best SL_ENTRY_SOURCES are kept.
 *  - What is unsupported (torrents, ftp, other algorithms) is counted for one notice.
 */
#include "sluice/download/metalink_file.h"

#include "sluice/base/number.h"
#include "sluice/base/text.h"
#include "sluice/download/manifest_kind.h"

#include <errno.h>

void
sl_metalink_file_release(struct sl_metalink_file *file)
{
	sl_buf_release(&file->text);
	sl_buf_release(&file->digests);
}

void
sl_metalink_file_refuse(struct sl_metalink_file *file, uint64_t line, const char *why)
{
	sl_manifest_fail_line(&file->fault, line, why);
}

/* ---- the name ---- */

static const char *
why_not_a_name(struct sl_span name)
{
	if (name.len == 0)
		return "a file has no name";
	if (name.data[0] == '/')
		return "the name of a file must not begin with '/': it must stay in the directory "
		       "of the run";
	if (sl_text_has_control(name))
		return "the name of a file has control characters in it";
	while (name.len > 0) {
		const char *slash = memchr(name.data, '/', name.len);
		size_t len = slash ? (size_t)(slash - name.data) : name.len;
		if (sl_span_is(sl_span(name.data, len), ".."))
			return "the name of a file must not have '..' in it: it must stay in the "
			       "directory of the run";
		size_t used = slash ? len + 1 : len;
		name = sl_span(name.data + used, name.len - used);
	}
	return NULL;
}

void
sl_metalink_file_begin(struct sl_metalink_file *file, uint64_t line, const char *name)
{
	struct sl_buf text = file->text, digests = file->digests;
	struct sl_metalink_ignored ignored = file->ignored;
	struct sl_span span = sl_span_str(name ? name : "");
	const char *why = why_not_a_name(span);
	sl_buf_clear(&text);
	sl_buf_clear(&digests);
	*file = (struct sl_metalink_file){
		.line = line, .text = text, .digests = digests, .ignored = ignored
	};
	if (why)
		sl_metalink_file_refuse(file, line, why);
	sl_buf_add_span(&file->text, span);
	file->name_len = span.len;
}

/* ---- size and digest ---- */

void
sl_metalink_file_size(struct sl_metalink_file *file, uint64_t line, struct sl_span text)
{
	uint64_t size = 0;
	if (!sl_parse_u64(text.data, text.len, &size) || size > INT64_MAX)
		sl_metalink_file_refuse(file, line, "the size of a file is not a valid number");
	else if (file->has_size && size != file->size)
		sl_metalink_file_refuse(file, line, "a file has two different sizes");
	file->size = size;
	file->has_size = true;
}

void
sl_metalink_file_hash(
	struct sl_metalink_file *file, uint64_t line, const char *type, struct sl_span hex)
{
	enum sl_checksum_kind kind = sl_checksum_kind_of(sl_span_str(type ? type : ""));
	struct sl_checksum sum = { 0 };
	struct sl_error why = { 0 };
	if (kind == SL_CHECKSUM_NONE)
		file->ignored.digests++;
	else if (sl_checksum_set_hex(&sum, kind, hex, &why) != 0)
		sl_metalink_file_refuse(file, line, why.text);
	else if (kind == file->checksum.kind && memcmp(sum.value, file->checksum.value, sum.len))
		sl_metalink_file_refuse(
			file, line, "a file has two different checksums of one kind");
	else if (sl_checksum_is_stronger(kind, file->checksum.kind))
		file->checksum = sum;
}

/* ---- URLs ---- */

static bool
is_supported(struct sl_span url)
{
	static const char *const schemes[] = { "http://", "https://" };
	for (size_t i = 0; i < SL_COUNT_OF(schemes); i++) {
		struct sl_span scheme = sl_span_str(schemes[i]);
		if (url.len > scheme.len &&
			sl_span_equal_nocase(sl_span(url.data, scheme.len), scheme))
			return true;
	}
	return false;
}

/* Behind those that are as good. */
static void
insert(struct sl_metalink_file *file, const struct sl_metalink_url *url)
{
	size_t at = file->url_count, room = SL_COUNT_OF(file->urls);
	while (at > 0 && file->urls[at - 1].rank > url->rank)
		at--;
	if (file->url_count == room)
		file->ignored.surplus++; /* this one, or the last */
	else
		file->url_count++;
	if (at == room)
		return;
	memmove(&file->urls[at + 1], &file->urls[at],
		(file->url_count - 1 - at) * sizeof(file->urls[0]));
	file->urls[at] = *url;
}

void
sl_metalink_file_url(
	struct sl_metalink_file *file, uint64_t line, uint32_t rank, struct sl_span url)
{
	struct sl_metalink_url item = { file->text.len, url.len, rank };
	if (!is_supported(url)) {
		file->ignored.schemes++;
		return;
	}
	if (url.len > SL_METALINK_TEXT - SL_MIN(file->text.len, SL_METALINK_TEXT)) {
		sl_metalink_file_refuse(file, line, "the URLs of a file have more than 1 MiB");
		return;
	}
	sl_buf_add_span(&file->text, url);
	insert(file, &item);
}

/* ---- pieces ---- */

void
sl_metalink_file_pieces(
	struct sl_metalink_file *file, uint64_t line, const char *type, const char *length)
{
	enum sl_checksum_kind kind = sl_checksum_kind_of(sl_span_str(type ? type : ""));
	uint64_t bytes = 0;
	file->takes_pieces = false;
	if (kind == SL_CHECKSUM_NONE) {
		file->ignored.digests++;
		return;
	}
	if (!length || !sl_parse_u64(length, strlen(length), &bytes) || bytes == 0 ||
		bytes > INT64_MAX) {
		sl_metalink_file_refuse(
			file, line, "the length of the pieces of a file is not a valid number");
		return;
	}
	if (!sl_checksum_is_stronger(kind, file->pieces_kind))
		return;
	sl_buf_clear(&file->digests);
	file->pieces_kind = kind;
	file->piece_length = bytes;
	file->takes_pieces = true;
}

static size_t
piece_count(const struct sl_metalink_file *file)
{
	return file->pieces_kind ? file->digests.len / sl_checksum_len(file->pieces_kind) : 0;
}

void
sl_metalink_file_piece(
	struct sl_metalink_file *file, uint64_t line, const char *number, struct sl_span hex)
{
	struct sl_checksum sum = { 0 };
	struct sl_error why = { 0 };
	uint64_t index = piece_count(file);
	if (!file->takes_pieces || file->fault.code)
		return;
	if (index == SL_PIECES_MAX)
		sl_metalink_file_refuse(file, line, "a file has more than 262144 pieces");
	else if (number &&
		 (!sl_parse_u64(number, strlen(number), &index) || index != piece_count(file)))
		sl_metalink_file_refuse(file, line, "the pieces of a file are not in order");
	else if (sl_checksum_set_hex(&sum, file->pieces_kind, hex, &why) != 0)
		sl_metalink_file_refuse(file, line, why.text);
	else
		sl_buf_add(&file->digests, sum.value, sum.len);
}

/* ---- all of it ---- */

/* An empty set of pieces counts as none. */
static void
check_pieces(struct sl_metalink_file *file, struct sl_pieces *pieces)
{
	size_t count = piece_count(file);
	if (count == 0)
		return;
	*pieces = (struct sl_pieces){ .kind = file->pieces_kind,
		.length = file->piece_length,
		.digests = (const unsigned char *)file->digests.data,
		.count = count };
	if (file->has_size && !sl_pieces_fit(pieces, file->size))
		sl_metalink_file_refuse(
			file, file->line, "the number of pieces of a file does not match its size");
}

int
sl_metalink_file_end(struct sl_metalink_file *file, struct sl_entry *out, struct sl_error *err)
{
	if (file->text.failed || file->digests.failed)
		return -ENOMEM;
	*out = (struct sl_entry){ .line = file->line,
		.from_list = true,
		.checksum = file->checksum,
		.size = file->size,
		.has_size = file->has_size,
		.out = { file->text.data, file->name_len },
		.source_count = file->url_count };
	for (size_t i = 0; i < file->url_count; i++)
		out->sources[i] = sl_span(file->text.data + file->urls[i].off, file->urls[i].len);
	check_pieces(file, &out->pieces);
	if (file->url_count == 0)
		sl_metalink_file_refuse(file, file->line, "a file has no http or https URL");
	if (file->fault.code)
		sl_fail(err, file->fault.phase, file->fault.code, "%s", file->fault.text);
	return file->fault.code;
}
