/*
 * Plain lists and aria2's input files (which is also what aria2 saves a session as): URLs of one
 * file separated by TAB, then option lines that begin with white space, one name=value each. '#' as
 * the first character begins a comment, also behind white space; comments and blank lines are
 * skipped, and neither ends an entry.
 *
 *  - A bad line spoils its entry, not the list: the rest of the entry is read over, and the next
 *    one begins at the next line without indentation.
 *  - Every option of aria2's input files is accepted, since aria2 saves its own sessions in this
 *    format with whatever options a download had. Those that have a counterpart here apply to their
 *    entry. The others are ignored and collected, for one notice a list. Other names are errors: a
 *    misspelt option must not be ignored.
 *  - An entry may be spread over many pieces of the list: what it needs of its lines is copied.
 */
#include "sluice/download/manifest_kind.h"

#include <stdlib.h>
#include <string.h>

#define ENTRY_TEXT (1024u * 1024u) /* bytes that an entry's lines may have in all */

/* The options of aria2's input files (its manual, "Input File") without a counterpart here, sorted.
 * gid, which is not among them, is a name for the download inside aria2: nothing is
 * lost without it. */
static const char *const ignored_names[] = {
	"all-proxy",
	"all-proxy-passwd",
	"all-proxy-user",
	"allow-overwrite",
	"allow-piece-length-change",
	"always-resume",
	"async-dns",
	"auto-file-renaming",
	"bt-enable-hook-after-hash-check",
	"bt-enable-lpd",
	"bt-exclude-tracker",
	"bt-external-ip",
	"bt-force-encryption",
	"bt-hash-check-seed",
	"bt-load-saved-metadata",
	"bt-max-peers",
	"bt-metadata-only",
	"bt-min-crypto-level",
	"bt-prioritize-piece",
	"bt-remove-unselected-file",
	"bt-request-peer-speed-limit",
	"bt-require-crypto",
	"bt-save-metadata",
	"bt-seed-unverified",
	"bt-stop-timeout",
	"bt-tracker",
	"bt-tracker-connect-timeout",
	"bt-tracker-interval",
	"bt-tracker-timeout",
	"check-integrity",
	"conditional-get",
	"connect-timeout",
	"content-disposition-default-utf8",
	"continue",
	"dry-run",
	"enable-http-keep-alive",
	"enable-http-pipelining",
	"enable-mmap",
	"enable-peer-exchange",
	"file-allocation",
	"follow-metalink",
	"follow-torrent",
	"force-save",
	"ftp-passwd",
	"ftp-pasv",
	"ftp-proxy",
	"ftp-proxy-passwd",
	"ftp-proxy-user",
	"ftp-reuse-connection",
	"ftp-type",
	"ftp-user",
	"hash-check-only",
	"http-accept-gzip",
	"http-auth-challenge",
	"http-no-cache",
	"http-proxy",
	"http-proxy-passwd",
	"http-proxy-user",
	"https-proxy",
	"https-proxy-passwd",
	"https-proxy-user",
	"index-out",
	"lowest-speed-limit",
	"max-connection-per-server",
	"max-download-limit",
	"max-file-not-found",
	"max-mmap-limit",
	"max-resume-failure-tries",
	"max-tries",
	"max-upload-limit",
	"metalink-base-uri",
	"metalink-enable-unique-protocol",
	"metalink-language",
	"metalink-location",
	"metalink-os",
	"metalink-preferred-protocol",
	"metalink-version",
	"min-split-size",
	"no-file-allocation-limit",
	"no-netrc",
	"no-proxy",
	"parameterized-uri",
	"pause",
	"pause-metadata",
	"piece-length",
	"proxy-method",
	"realtime-chunk-checksum",
	"remove-control-file",
	"retry-wait",
	"reuse-uri",
	"rpc-save-upload-metadata",
	"seed-ratio",
	"seed-time",
	"select-file",
	"split",
	"ssh-host-key-md",
	"stream-piece-selector",
	"timeout",
	"uri-selector",
	"use-head",
};

#define IGNORED_WORDS (SL_COUNT_OF(ignored_names) / 64 + 1)

struct plain {
	struct sl_manifest_lines lines;
	bool is_list;                    /* a line was read that is neither blank nor a comment */
	bool is_begun;                   /* a line of `entry` was read */
	struct sl_entry entry;           /* its spans point into `text` */
	struct sl_error error;           /* the first of the entry; code 0 = none yet */
	uint64_t ignored[IGNORED_WORDS]; /* a bit for each of ignored_names that was found */
	size_t text_len;
	char text[ENTRY_TEXT];
};

static void *
new_plain(const struct sl_manifest_options *options)
{
	struct plain *plain = malloc(sizeof(*plain));
	(void)options;
	if (plain) /* the pages of `text` are not touched before they are needed */
		memset(plain, 0, offsetof(struct plain, text));
	return plain;
}

static enum sl_manifest_match
detect_plain(struct sl_span head, bool is_all)
{
	(void)head;
	(void)is_all;
	return SL_MANIFEST_IS;
}

static void
bad(struct plain *plain, const char *why)
{
	sl_manifest_fail_line(&plain->error, plain->lines.number, why);
}

/* Options have short names of small letters. Anything else may be a URL with a password in it or a
 * header without its '=': it is not shown. */
static void
bad_option(struct plain *plain, struct sl_span text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz-";
	size_t len = 0;
	while (len < text.len && text.data[len] && strchr(letters, text.data[len]))
		len++;
	if (memmem(text.data, text.len, "://", 3)) {
		bad(plain, "an option line (it begins with a space) is name=value; a URL must "
			   "begin at the start of its line");
		return;
	}
	bool equals = len < text.len && text.data[len] == '=';
	if (len == 0 || len > 20 || (len < text.len && !equals)) {
		bad(plain, "an option line is name=value, with out, dir, checksum or header as "
			   "its name");
		return;
	}
	sl_fail(&plain->error, SL_PHASE_NONE, SL_E_USAGE, "line %llu of the list: %s '%.*s'%s",
		(unsigned long long)plain->lines.number,
		equals ? "unknown option" : "an option line is name=value, not", (int)len,
		text.data,
		equals ? " (out, dir, checksum, header, referer, user-agent, http-user, "
			 "http-passwd and remote-time apply to a file; other options of aria2's "
			 "input files are ignored)"
		       : "");
}

static void
add_sources(struct plain *plain, struct sl_span line)
{
	struct sl_entry *entry = &plain->entry;
	while (line.len > 0) {
		const char *tab = memchr(line.data, '\t', line.len);
		size_t len = tab ? (size_t)(tab - line.data) : line.len;
		struct sl_span source = sl_span_trim(sl_span(line.data, len));
		if (source.len > 0 && entry->source_count == SL_ENTRY_SOURCES) {
			bad(plain, "a file has at most 32 URLs");
			return;
		}
		if (source.len > 0)
			entry->sources[entry->source_count++] = source;
		size_t step = tab ? len + 1 : len;
		line.data += step;
		line.len -= step;
	}
}

/* The value may be a secret: messages never show it. */
static void
add_header(struct plain *plain, struct sl_span value)
{
	struct sl_entry *entry = &plain->entry;
	const char *colon = value.len ? memchr(value.data, ':', value.len) : NULL;
	if (!colon || colon == value.data)
		bad(plain, "a header is header=Name: value");
	else if (entry->header_count == SL_ENTRY_HEADERS)
		bad(plain, "a file has at most 32 headers");
	else
		entry->headers[entry->header_count++] = value;
}

static void
set_checksum(struct plain *plain, struct sl_span value)
{
	struct sl_error why = { 0 };
	if (sl_checksum_parse(&plain->entry.checksum, value, &why) != 0)
		bad(plain, why.text);
}

static void
set_remote_time(struct plain *plain, struct sl_span value)
{
	bool yes = sl_span_is(value, "true");
	if (!yes && !sl_span_is(value, "false"))
		bad(plain, "remote-time must be true or false");
	plain->entry.remote_time = yes ? SL_ENTRY_YES : SL_ENTRY_NO;
}

/* The field for an option that is a mere text, or NULL. */
static struct sl_span *
text_option(struct sl_entry *entry, struct sl_span name)
{
	return sl_span_is(name, "out")           ? &entry->out
	       : sl_span_is(name, "dir")         ? &entry->dir
	       : sl_span_is(name, "referer")     ? &entry->referer
	       : sl_span_is(name, "user-agent")  ? &entry->user_agent
	       : sl_span_is(name, "http-user")   ? &entry->user
	       : sl_span_is(name, "http-passwd") ? &entry->password
						 : NULL;
}

static int
compare_names(const void *key, const void *item)
{
	const struct sl_span *name = key;
	const char *const *known = item;
	int order = strncmp(name->data, *known, name->len);
	return order || !(*known)[name->len] ? order : -1;
}

/* True if it is an option of aria2's; noted for add_ignored. */
static bool
ignore_option(struct plain *plain, struct sl_span name)
{
	const char *const *known = bsearch(&name, ignored_names, SL_COUNT_OF(ignored_names),
		sizeof(ignored_names[0]), compare_names);
	size_t index = known ? (size_t)(known - ignored_names) : 0;
	if (known)
		plain->ignored[index / 64] |= UINT64_C(1) << index % 64;
	return known || sl_span_is(name, "gid");
}

static void
add_ignored(const void *parser, struct sl_buf *out)
{
	const struct plain *plain = parser;
	const char *separator = "";
	for (size_t i = 0; i < SL_COUNT_OF(ignored_names); i++) {
		if (!(plain->ignored[i / 64] >> i % 64 & 1))
			continue;
		sl_buf_printf(out, "%s%s", separator, ignored_names[i]);
		separator = ", ";
	}
}

static void
set_option(struct plain *plain, struct sl_span line)
{
	struct sl_span text = sl_span_trim(line);
	const char *equals = text.len ? memchr(text.data, '=', text.len) : NULL;
	if (!equals) {
		bad_option(plain, text);
		return;
	}
	struct sl_span name = sl_span_trim(sl_span(text.data, (size_t)(equals - text.data)));
	struct sl_span value =
		sl_span_trim(sl_span(equals + 1, text.len - (size_t)(equals - text.data) - 1));
	struct sl_span *option = text_option(&plain->entry, name);
	if (option)
		*option = value;
	else if (sl_span_is(name, "checksum"))
		set_checksum(plain, value);
	else if (sl_span_is(name, "header"))
		add_header(plain, value);
	else if (sl_span_is(name, "remote-time"))
		set_remote_time(plain, value);
	else if (!ignore_option(plain, name))
		bad_option(plain, text);
}

/* ---- lines ---- */

/* An entry keeps its lines: the text they came in is gone when the next piece comes. */
static bool
keep(struct plain *plain, struct sl_span *line)
{
	if (line->len > sizeof(plain->text) - plain->text_len)
		return false;
	char *copy = plain->text + plain->text_len;
	memcpy(copy, line->data, line->len);
	plain->text_len += line->len;
	line->data = copy;
	return true;
}

static bool
is_option(struct sl_span line)
{
	return line.data[0] == ' ' || line.data[0] == '\t';
}

/* A line that is neither blank nor a comment. */
static void
add_line(struct plain *plain, struct sl_span line, bool is_long)
{
	bool is_first = !plain->is_begun;
	plain->is_begun = plain->is_list = true;
	if (is_first)
		plain->entry = (struct sl_entry){ .from_list = true, .line = plain->lines.number };
	if (is_long)
		(void)sl_manifest_fail_long(&plain->error, plain->lines.number);
	else if (!keep(plain, &line))
		bad(plain, "the lines of this file have more than 1 MiB in all");
	else if (!is_first)
		set_option(plain, line);
	else if (is_option(line))
		bad(plain, "an option line (it begins with a space) has no URL before it");
	else
		add_sources(plain, line);
}

/* The entry that was begun ends here. */
static enum sl_manifest_result
end_entry(struct plain *plain, struct sl_entry *out, struct sl_error *err)
{
	*out = plain->entry;
	bool is_bad = plain->error.code != 0;
	if (is_bad && err)
		*err = plain->error;
	plain->error = (struct sl_error){ 0 };
	plain->is_begun = false;
	plain->text_len = 0;
	return is_bad ? SL_MANIFEST_BAD : SL_MANIFEST_ENTRY;
}

/* The next line begins another entry. Its first bytes decide. */
static bool
is_next_entry(struct sl_span text)
{
	if (text.len == 0 || memchr(" \t#\n", text.data[0], 4))
		return false;
	return text.data[0] != '\r' || (text.len > 1 && text.data[1] != '\n');
}

/* The answer of a server that has no list there; each of its lines would be an error. */
static enum sl_manifest_result
fail_page(const struct plain *plain, struct sl_error *err)
{
	sl_manifest_fail_line(err, plain->lines.number,
		"this begins like an HTML or XML page, which is not a list");
	return SL_MANIFEST_BROKEN;
}

static enum sl_manifest_result
parse_plain(void *parser, struct sl_span text, bool is_last, size_t *used, struct sl_entry *out,
	struct sl_error *err)
{
	struct plain *plain = parser;
	enum sl_manifest_result result = SL_MANIFEST_MORE;
	struct sl_span rest = text;
	while (result == SL_MANIFEST_MORE) {
		struct sl_span line;
		sl_manifest_skip_long(&plain->lines, &rest);
		bool ends = plain->is_begun && is_next_entry(rest);
		enum sl_manifest_line kind =
			ends ? SL_LINE_MORE
			     : sl_manifest_line(&plain->lines, &rest, is_last, &line);
		if (ends || (kind == SL_LINE_MORE && is_last && plain->is_begun))
			result = end_entry(plain, out, err);
		else if (kind == SL_LINE_NUL)
			result = sl_manifest_fail_nul(err, plain->lines.number);
		else if (kind == SL_LINE_MORE)
			break;
		else if (sl_span_trim(line).len == 0 || sl_span_trim(line).data[0] == '#')
			continue; /* aria2 skips indented comments, too */
		else if (!plain->is_list && sl_span_trim(line).data[0] == '<')
			result = fail_page(plain, err);
		else
			add_line(plain, line, kind == SL_LINE_LONG);
	}
	*used = text.len - rest.len;
	return result;
}

const struct sl_manifest_kind sl_manifest_plain = { .detect = detect_plain,
	.new = new_plain,
	.free = free,
	.parse = parse_plain,
	.add_ignored = add_ignored };
