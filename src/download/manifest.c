#include "sluice/download/manifest.h"

#include <string.h>

void
sl_manifest_init(struct sl_manifest *manifest, struct sl_span text)
{
	*manifest = (struct sl_manifest){ .rest = text };
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) ==
				     0) /* a byte order mark some editors write */
		manifest->rest = sl_span(text.data + 3, text.len - 3);
}

/* The line at the start of `rest`, without its end; *used counts the end too. */
static struct sl_span
line_at(struct sl_span rest, size_t *used)
{
	const char *end = rest.len ? memchr(rest.data, '\n', rest.len) : NULL;
	size_t len = end ? (size_t)(end - rest.data) : rest.len;
	*used = end ? len + 1 : len;
	if (len > 0 && rest.data[len - 1] == '\r')
		len--;
	return sl_span(rest.data, len);
}

static void
consume(struct sl_manifest *manifest, size_t used)
{
	manifest->rest.data += used;
	manifest->rest.len -= used;
	manifest->line++;
}

static bool
is_comment(struct sl_span line)
{
	return line.len > 0 && line.data[0] == '#';
}

static bool
is_option(struct sl_span line)
{
	return line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
}

static int
bad(struct sl_error *err, uint64_t line, const char *why)
{
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "line %llu of the list: %s",
		(unsigned long long)line, why);
}

/* Options have short names of small letters. What is none may be anything, a URL with a password
 * in it or a header without its '=': it is not shown. */
static int
bad_option(struct sl_error *err, uint64_t line, struct sl_span text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz-";
	size_t len = 0;
	while (len < text.len && text.data[len] && strchr(letters, text.data[len]))
		len++;
	bool is_url = text.len > 0 && memmem(text.data, text.len, "://", 3);
	if (is_url)
		return bad(err, line,
			"an option line (it begins with a space) is name=value; a URL begins where "
			"its line does");
	bool equals = len < text.len && text.data[len] == '=';
	if (len == 0 || len > 20 || (len < text.len && !equals))
		return bad(err, line,
			"an option line is name=value, with out, dir, checksum or header as its "
			"name");
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "line %llu of the list: %s '%.*s'",
		(unsigned long long)line,
		equals ? "no such option here (there are out, dir, checksum, header):"
		       : "an option line is name=value, not",
		(int)len, text.data);
}

static int
add_sources(struct sl_entry *entry, struct sl_span line, uint64_t number, struct sl_error *err)
{
	while (line.len > 0) {
		const char *tab = memchr(line.data, '\t', line.len);
		size_t len = tab ? (size_t)(tab - line.data) : line.len;
		struct sl_span source = sl_span_trim(sl_span(line.data, len));
		if (source.len > 0) {
			if (entry->source_count == SL_ENTRY_SOURCES)
				return bad(err, number, "a file has at most 32 URLs");
			entry->sources[entry->source_count++] = source;
		}
		size_t step = tab ? len + 1 : len;
		line.data += step;
		line.len -= step;
	}
	return 0;
}

/* The value may be a secret: messages never show it. */
static int
add_header(struct sl_entry *entry, struct sl_span value, uint64_t number, struct sl_error *err)
{
	const char *colon = value.len ? memchr(value.data, ':', value.len) : NULL;
	if (!colon || colon == value.data)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"line %llu of the list: a header is header=Name: value",
			(unsigned long long)number);
	if (entry->header_count == SL_ENTRY_HEADERS)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"line %llu of the list: a file has at most %d headers",
			(unsigned long long)number, SL_ENTRY_HEADERS);
	entry->headers[entry->header_count++] = value;
	return 0;
}

static int
set_option(struct sl_entry *entry, struct sl_span line, uint64_t number, struct sl_error *err)
{
	struct sl_span text = sl_span_trim(line);
	const char *equals = memchr(text.data, '=', text.len);
	if (!equals)
		return bad_option(err, number, text);
	struct sl_span name = sl_span_trim(sl_span(text.data, (size_t)(equals - text.data)));
	struct sl_span value =
		sl_span_trim(sl_span(equals + 1, text.len - (size_t)(equals - text.data) - 1));
	if (sl_span_is(name, "out")) {
		entry->out = value;
	} else if (sl_span_is(name, "dir")) {
		entry->dir = value;
	} else if (sl_span_is(name, "checksum")) {
		struct sl_error why = { 0 };
		if (sl_checksum_parse(&entry->checksum, value, &why) != 0)
			return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "line %llu of the list: %s",
				(unsigned long long)number, why.text);
	} else if (sl_span_is(name, "header")) {
		return add_header(entry, value, number, err);
	} else {
		return bad_option(err, number, text);
	}
	return 0;
}

static int
check_line(struct sl_span line, uint64_t number, struct sl_error *err)
{
	if (line.len > SL_MANIFEST_LINE)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"line %llu of the list is longer than %u bytes", (unsigned long long)number,
			SL_MANIFEST_LINE);
	return 0;
}

/* No list has one, and what is none (a program, an archive) would give an error for each of its
 * lines. */
static int
refuse_rest(struct sl_manifest *manifest, struct sl_error *err)
{
	uint64_t number = manifest->line;
	manifest->rest.len = 0;
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"line %llu of the list has a NUL byte: this is no list, the rest is not read",
		(unsigned long long)number);
}

int
sl_manifest_next(struct sl_manifest *manifest, struct sl_entry *out, struct sl_error *err)
{
	int code = 0;
	memset(out, 0, sizeof(*out));
	out->from_list = true;
	while (manifest->rest.len > 0) {
		size_t used = 0;
		struct sl_span line = line_at(manifest->rest, &used);
		uint64_t number = manifest->line + 1;
		struct sl_span trimmed = sl_span_trim(line);
		bool begun = out->line != 0;
		if (begun && trimmed.len > 0 && !is_option(line) && !is_comment(line))
			break; /* the next entry */
		consume(manifest, used);
		if (line.len > 0 && memchr(line.data, '\0', line.len)) {
			int refused = refuse_rest(manifest, err);
			return code ? code : refused;
		}
		if (trimmed.len == 0 || is_comment(line))
			continue;
		int failed = check_line(line, number, err);
		if (!begun) {
			out->line = number;
			if (!failed && is_option(line))
				failed = bad(err, number,
					"an option line (it begins with a space) has no URL before "
					"it");
			if (!failed)
				failed = add_sources(out, line, number, err);
		} else if (!failed) {
			failed = set_option(out, line, number, err);
		}
		code = code ? code : failed; /* the rest of a bad entry is read over */
	}
	if (code)
		return code;
	return out->line ? 1 : 0;
}
