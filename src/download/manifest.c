/*
 * Lists of downloads: lines into entries. A bad line spoils its entry, not the list: the rest of
 * the entry is read over, and the next one begins at the next line without indentation.
 *
 * Every option of aria2's input files is accepted, since aria2 saves its own sessions in this
 * format with whatever options a download had. Those that have a counterpart here apply to their
 * entry. The others are ignored and collected, for one notice a list. Other names are errors: a
 * misspelt option must not be ignored.
 */
#include "sluice/download/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The options of aria2's input files (its manual, "Input File") without a counterpart here, sorted.
 * gid, which is not among them, is a name for the download inside aria2: there is nothing to
 * miss. */
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
_Static_assert(SL_COUNT_OF(ignored_names) <= 64 * SL_MANIFEST_IGNORED_WORDS, "a bit for each");

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

/* Options have short names of small letters. Anything else may be a URL with a password in it or a
 * header without its '=': it is not shown. */
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
			"an option line (it begins with a space) is name=value; a URL must begin "
			"at the start of its line");
	bool equals = len < text.len && text.data[len] == '=';
	if (len == 0 || len > 20 || (len < text.len && !equals))
		return bad(err, line,
			"an option line is name=value, with out, dir, checksum or header as its "
			"name");
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "line %llu of the list: %s '%.*s'%s",
		(unsigned long long)line,
		equals ? "unknown option" : "an option line is name=value, not", (int)len,
		text.data,
		equals ? " (out, dir, checksum, header, referer, user-agent, http-user, "
			 "http-passwd and remote-time apply to a file; other options of aria2's "
			 "input files are ignored)"
		       : "");
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
set_checksum(struct sl_entry *entry, struct sl_span value, uint64_t number, struct sl_error *err)
{
	struct sl_error why = { 0 };
	if (sl_checksum_parse(&entry->checksum, value, &why) == 0)
		return 0;
	return bad(err, number, why.text);
}

static int
set_remote_time(struct sl_entry *entry, struct sl_span value, uint64_t number, struct sl_error *err)
{
	bool yes = sl_span_is(value, "true");
	if (!yes && !sl_span_is(value, "false"))
		return bad(err, number, "remote-time must be true or false");
	entry->remote_time = yes ? SL_ENTRY_YES : SL_ENTRY_NO;
	return 0;
}

/* The place for an option that is a mere text, or NULL. */
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

/* True if it is an option of aria2's; noted for sl_manifest_add_ignored. */
static bool
ignore_option(struct sl_manifest *manifest, struct sl_span name)
{
	const char *const *known = bsearch(&name, ignored_names, SL_COUNT_OF(ignored_names),
		sizeof(ignored_names[0]), compare_names);
	size_t index = known ? (size_t)(known - ignored_names) : 0;
	if (known)
		manifest->ignored[index / 64] |= UINT64_C(1) << index % 64;
	return known || sl_span_is(name, "gid");
}

void
sl_manifest_add_ignored(const struct sl_manifest *manifest, struct sl_buf *out)
{
	const char *separator = "";
	for (size_t i = 0; i < SL_COUNT_OF(ignored_names); i++) {
		if (!(manifest->ignored[i / 64] >> i % 64 & 1))
			continue;
		sl_buf_printf(out, "%s%s", separator, ignored_names[i]);
		separator = ", ";
	}
}

static int
set_option(struct sl_manifest *manifest, struct sl_entry *entry, struct sl_span line,
	uint64_t number, struct sl_error *err)
{
	struct sl_span text = sl_span_trim(line);
	const char *equals = memchr(text.data, '=', text.len);
	if (!equals)
		return bad_option(err, number, text);
	struct sl_span name = sl_span_trim(sl_span(text.data, (size_t)(equals - text.data)));
	struct sl_span value =
		sl_span_trim(sl_span(equals + 1, text.len - (size_t)(equals - text.data) - 1));
	struct sl_span *option = text_option(entry, name);
	if (option) {
		*option = value;
		return 0;
	}
	if (sl_span_is(name, "checksum"))
		return set_checksum(entry, value, number, err);
	if (sl_span_is(name, "header"))
		return add_header(entry, value, number, err);
	if (sl_span_is(name, "remote-time"))
		return set_remote_time(entry, value, number, err);
	return ignore_option(manifest, name) ? 0 : bad_option(err, number, text);
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

/* A list has none, and another file (a program, an archive) would give an error for each of its
 * lines. */
static int
refuse_rest(struct sl_manifest *manifest, struct sl_error *err)
{
	uint64_t number = manifest->line;
	manifest->rest.len = 0;
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"line %llu of the list has a NUL byte: this is not a list; the rest is not read",
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
			failed = set_option(manifest, out, line, number, err);
		}
		code = code ? code : failed; /* the rest of a bad entry is read over */
	}
	if (code)
		return code;
	return out->line ? 1 : 0;
}

/* ---- copies ---- */

static void
move_span(struct sl_span *span, char **to)
{
	if (span->len == 0)
		return;
	memcpy(*to, span->data, span->len);
	span->data = *to;
	*to += span->len;
}

int
sl_entry_copy(struct sl_entry *out, const struct sl_entry *entry, char **memory)
{
	*out = *entry;
	struct sl_span *single[] = { &out->out, &out->dir, &out->referer, &out->user_agent,
		&out->user, &out->password };
	size_t total = 1; /* never an allocation of nothing */
	for (size_t i = 0; i < out->source_count; i++)
		total += out->sources[i].len;
	for (size_t i = 0; i < out->header_count; i++)
		total += out->headers[i].len;
	for (size_t i = 0; i < SL_COUNT_OF(single); i++)
		total += single[i]->len;
	char *to = malloc(total);
	*memory = to;
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < out->source_count; i++)
		move_span(&out->sources[i], &to);
	for (size_t i = 0; i < out->header_count; i++)
		move_span(&out->headers[i], &to);
	for (size_t i = 0; i < SL_COUNT_OF(single); i++)
		move_span(single[i], &to);
	return 0;
}
