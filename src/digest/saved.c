/*
 * saved.c - reads what it writes, and nothing else: numbers have no leading zeros to speak of, each
 * line ends with a newline, each escape is complete.
 */
#include "sluice/digest/saved.h"

#include "sluice/base/number.h"
#include "sluice/base/text.h"

#include <errno.h>
#include <stdlib.h>

/* ---- writing ---- */

static bool
is_plain(char c)
{
	return c >= ' ' && c < 0x7f && c != '\\';
}

static void
add_escaped(struct sl_buf *out, struct sl_span text)
{
	while (text.len) {
		uint32_t code = 0;
		size_t len = is_plain(*text.data) ? 1 : sl_text_utf8(text, &code);
		bool is_text = is_plain(*text.data) || code >= 0xa0;
		if (is_text)
			sl_buf_add(out, text.data, len);
		else if (*text.data == '\\')
			sl_buf_add_str(out, "\\\\");
		else
			sl_buf_printf(out, "\\x%02x", (unsigned char)*text.data);
		len = is_text ? len : 1;
		text = sl_span(text.data + len, text.len - len);
	}
}

void
sl_saved_begin(struct sl_buf *out, uint64_t lines, uint64_t dropped, size_t kinds)
{
	sl_buf_printf(out, SL_SAVED_MAGIC "%d\nerror lines\t%llu\ndropped\t%llu\nkinds\t%zu\n",
		SL_SAVED_VERSION, (unsigned long long)lines, (unsigned long long)dropped, kinds);
}

void
sl_saved_add(struct sl_buf *out, const struct sl_saved_kind *kind)
{
	const struct sl_span *const texts[] = { &kind->first, &kind->last, &kind->first_time,
		&kind->last_time, &kind->intervals, &kind->text, &kind->example };
	sl_buf_printf(out, "%llu", (unsigned long long)kind->count);
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++) {
		sl_buf_add_char(out, '\t');
		add_escaped(out, *texts[i]);
	}
	sl_buf_add_char(out, '\n');
}

/* ---- reading ---- */

struct reader {
	struct sl_saved *saved;
	struct sl_span text; /* that is left */
	size_t line;         /* number of the line that was taken last */
	const char *name;
	struct sl_error *err;
};

static int
fail(const struct reader *reader, const char *why)
{
	return sl_fail(reader->err, SL_PHASE_READ, SL_E_USAGE,
		"'%s' is damaged: %s in line %zu (write it again with --digest-out)", reader->name,
		why, reader->line);
}

static bool
take_line(struct reader *reader, struct sl_span *line)
{
	reader->line++;
	return sl_span_take_until(&reader->text, '\n', line);
}

static int
read_version(struct reader *reader)
{
	const size_t magic = strlen(SL_SAVED_MAGIC);
	struct sl_span line;
	uint64_t version;
	bool is_ours = take_line(reader, &line) && line.len > magic &&
		       memcmp(line.data, SL_SAVED_MAGIC, magic) == 0 &&
		       sl_parse_u64(line.data + magic, line.len - magic, &version);
	if (!is_ours)
		return sl_fail(reader->err, SL_PHASE_READ, SL_E_USAGE,
			"'%s' was not written by --digest-out: its first line is not "
			"'" SL_SAVED_MAGIC "%d'",
			reader->name, SL_SAVED_VERSION);
	if (version != SL_SAVED_VERSION)
		return sl_fail(reader->err, SL_PHASE_READ, SL_E_UNSUPPORTED,
			"'%s' has version %llu of its format, and this sluice supports only "
			"version %d (write it again with --digest-out)",
			reader->name, (unsigned long long)version, SL_SAVED_VERSION);
	return 0;
}

/* "key <TAB> number" */
static int
read_number(struct reader *reader, const char *key, uint64_t *out)
{
	struct sl_span line, found;
	if (take_line(reader, &line) && sl_span_take_until(&line, '\t', &found) &&
		sl_span_is(found, key) && sl_parse_u64(line.data, line.len, out))
		return 0;
	return fail(reader, "a number is missing");
}

/* The escaped text is decoded behind saved->bytes; *text has its length. */
static bool
read_text(struct reader *reader, struct sl_span escaped, struct sl_span *text)
{
	struct sl_buf *bytes = &reader->saved->bytes;
	size_t begin = bytes->len;
	for (size_t i = 0; i < escaped.len; i++) {
		uint64_t code;
		char c = escaped.data[i];
		size_t left = escaped.len - i - 1;
		if (c == '\\' && left && escaped.data[i + 1] == '\\') {
			i++;
		} else if (c == '\\') {
			if (left < 3 || escaped.data[i + 1] != 'x' ||
				!sl_parse_hex(escaped.data + i + 2, 2, &code))
				return false;
			c = (char)code;
			i += 3;
		}
		sl_buf_add_char(bytes, c);
	}
	*text = sl_span(NULL, bytes->len - begin);
	return true;
}

static int
read_kind(struct reader *reader, struct sl_saved_kind *kind)
{
	struct sl_span *const texts[] = { &kind->first, &kind->last, &kind->first_time,
		&kind->last_time, &kind->intervals, &kind->text, &kind->example };
	struct sl_span line, field;
	if (!take_line(reader, &line) || !sl_span_take_until(&line, '\t', &field) ||
		!sl_parse_u64(field.data, field.len, &kind->count))
		return fail(reader, "a kind is missing");
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++) {
		bool is_last = i == SL_COUNT_OF(texts) - 1;
		if (is_last)
			field = line;
		else if (!sl_span_take_until(&line, '\t', &field))
			return fail(reader, "a field is missing");
		if (!read_text(reader, field, texts[i]))
			return fail(reader, "a backslash has no meaning");
	}
	return 0;
}

/* The buffer moved while it grew: now the kinds can point to it. */
static void
place_texts(struct sl_saved *saved)
{
	const char *at = saved->bytes.data;
	for (size_t i = 0; i < saved->count; i++) {
		struct sl_saved_kind *kind = &saved->kinds[i];
		struct sl_span *const texts[] = { &kind->first, &kind->last, &kind->first_time,
			&kind->last_time, &kind->intervals, &kind->text, &kind->example };
		for (size_t j = 0; j < SL_COUNT_OF(texts); j++) {
			texts[j]->data = at;
			at += texts[j]->len;
		}
	}
}

/* Each takes a line: a wrong number cannot make us allocate more than the file has. */
static int
read_kinds(struct reader *reader, uint64_t count)
{
	struct sl_saved *saved = reader->saved;
	int code = 0;
	if (count > reader->text.len)
		return fail(reader, "a number is too large");
	saved->kinds = calloc((size_t)count + 1, sizeof(*saved->kinds));
	if (!saved->kinds)
		return -ENOMEM;
	while (code == 0 && saved->count < count)
		code = read_kind(reader, &saved->kinds[saved->count++]);
	if (code == 0 && reader->text.len) {
		reader->line++;
		code = fail(reader, "there is more than the kinds");
	}
	return code;
}

int
sl_saved_read(struct sl_saved *saved, struct sl_span text, const char *name, struct sl_error *err)
{
	struct reader reader = { .saved = saved, .text = text, .name = name, .err = err };
	uint64_t count = 0;
	*saved = (struct sl_saved){ 0 };
	int code = read_version(&reader);
	if (code == 0)
		code = read_number(&reader, "error lines", &saved->lines);
	if (code == 0)
		code = read_number(&reader, "dropped", &saved->dropped);
	if (code == 0)
		code = read_number(&reader, "kinds", &count);
	if (code == 0)
		code = read_kinds(&reader, count);
	if (code == 0 && saved->bytes.failed)
		code = -ENOMEM;
	if (code == 0)
		place_texts(saved);
	return code == -ENOMEM ? sl_fail_code(err, SL_PHASE_READ, code, "cannot read '%s'", name)
			       : code;
}

void
sl_saved_release(struct sl_saved *saved)
{
	free(saved->kinds);
	sl_buf_release(&saved->bytes);
	*saved = (struct sl_saved){ 0 };
}
