/*
 * Where a download goes: its directory and its name, which it claims for this run. All of it before
 * the first request, so that what is known to fail costs the server nothing.
 *
 * Names that --output and --dir give may lead anywhere; those of URLs and lists stay below the
 * directory of the run. A name belongs to the first input that claims it. The same input given
 * again is a repeat; any other one is refused, or takes the next free NAME.N.
 */
#include "fetch_int.h"

#include "sluice/base/text.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN_MAX 240u       /* bytes of a path or URL in a message that has others */
#define NUMBERS_MAX 1000000u /* NAME.1, NAME.2, ... for --if-exists=rename: an end to the search */

static int
name_refused(struct fetch *fetch, struct sl_span shown, const char *why)
{
	return sl_fail(&fetch->error, SL_PHASE_NONE, SL_E_NAME, "file name '%.*s' refused: %s",
		(int)SL_MIN(shown.len, 120u), shown.len ? shown.data : "", why);
}

static bool
has_control(struct sl_span name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f)
			return true;
	return false;
}

/* One component of the path `shown`: what a list or the command line may call a file. The user's
 * own --output may have any byte a file name can have. */
static int
check_name(struct fetch *fetch, struct sl_span name, struct sl_span shown)
{
	if (name.len == 0 || sl_span_is(name, ".") || sl_span_is(name, ".."))
		return name_refused(fetch, shown, "it names a directory, not a file in it");
	if (name.len > NAME_MAX)
		return name_refused(fetch, shown, "it is longer than 255 bytes");
	if (!fetch->batch->options.output && has_control(name))
		return name_refused(fetch, shown, "it has control bytes in it");
	return 0;
}

/* "a/b/c" into directory "a/b" and name "c". */
static void
split(struct sl_span path, struct sl_span *directory, struct sl_span *name)
{
	size_t cut = path.len;
	while (cut > 0 && path.data[cut - 1] != '/')
		cut--;
	*name = sl_span(path.data + cut, path.len - cut);
	*directory = cut > 1 ? sl_span(path.data, cut - 1) : sl_span(path.data, cut);
}

SL_SUSPENDS
static int
run_directory(struct fetch *fetch)
{
	struct sl_batch *batch = fetch->batch;
	if (batch->directory)
		return 0;
	const char *dir = batch->options.dir ? batch->options.dir : ".";
	struct sl_directory *directory = NULL;
	int code = sl_directories_open(
		&batch->directories, NULL, sl_span_str(dir), &directory, &fetch->error);
	if (code)
		return code;
	if (batch->directory)
		sl_directory_unref(directory); /* another job has opened it in the meantime */
	else
		batch->directory = directory;
	return 0;
}

/* first/second, either alone, or the second if it is absolute; given by the user. */
SL_SUSPENDS
static int
open_users_directory(struct fetch *fetch, struct sl_span first, struct sl_span second)
{
	struct sl_buf path = { 0 };
	bool absolute = second.len > 0 && second.data[0] == '/';
	if (!absolute && first.len > 0) {
		sl_buf_add_span(&path, first);
		if (second.len > 0 && first.data[first.len - 1] != '/')
			sl_buf_add_char(&path, '/');
	}
	sl_buf_add_span(&path, second);
	if (path.len == 0)
		sl_buf_add_str(&path, ".");
	int code = path.failed ? -ENOMEM
			       : sl_directories_open(&fetch->batch->directories, NULL,
					 sl_buf_span(&path), &fetch->directory, &fetch->error);
	sl_buf_release(&path);
	return code;
}

/* out= and dir= of a list: below the directory of the run, unless --allow-outside is given. */
SL_SUSPENDS
static int
open_lists_directory(struct fetch *fetch, struct sl_span out_directory)
{
	struct sl_entry *entry = &fetch->entry;
	struct sl_batch *batch = fetch->batch;
	if (batch->options.allow_outside) {
		struct sl_buf dir = { 0 };
		bool absolute = entry->dir.len > 0 && entry->dir.data[0] == '/';
		if (!absolute && batch->options.dir) {
			sl_buf_add_str(&dir, batch->options.dir);
			if (entry->dir.len > 0)
				sl_buf_add_char(&dir, '/');
		}
		sl_buf_add_span(&dir, entry->dir);
		int code = dir.failed
				   ? -ENOMEM
				   : open_users_directory(fetch, sl_buf_span(&dir), out_directory);
		sl_buf_release(&dir);
		return code;
	}
	int code = run_directory(fetch);
	if (code)
		return code;
	struct sl_buf path = { 0 };
	sl_buf_add_span(&path, entry->dir);
	if (entry->dir.len > 0 && out_directory.len > 0)
		sl_buf_add_char(&path, '/');
	if (out_directory.len > 0 && out_directory.data[0] == '/')
		code = name_refused(fetch, entry->out,
			"it leaves the output directory (--allow-outside permits that)");
	sl_buf_add_span(&path, out_directory);
	if (!code)
		code = path.failed ? -ENOMEM
				   : sl_directories_open(&batch->directories, batch->directory,
					     sl_buf_span(&path), &fetch->directory, &fetch->error);
	sl_buf_release(&path);
	return code;
}

static int
set_name(struct fetch *fetch, struct sl_span name, struct sl_span shown)
{
	int code = check_name(fetch, name, shown);
	if (code)
		return code;
	free(fetch->name);
	fetch->name = sl_span_dup(name);
	return fetch->name ? 0 : -ENOMEM;
}

static int
set_path(struct fetch *fetch)
{
	struct sl_buf path = { 0 };
	sl_directory_join(fetch->directory, fetch->name, &path);
	free(fetch->path);
	fetch->path = sl_buf_detach(&path);
	fetch->view.path = fetch->path ? fetch->path : "";
	return fetch->path ? 0 : -ENOMEM;
}

/* By --output, which may lead anywhere. */
SL_SUSPENDS
static int
set_by_output(struct fetch *fetch)
{
	const struct sl_batch_options *options = &fetch->batch->options;
	struct sl_span directory, name, output = sl_span_str(options->output);
	split(output, &directory, &name);
	int code = set_name(fetch, name, output);
	if (code)
		return code;
	return open_users_directory(
		fetch, sl_span_str(options->dir ? options->dir : ""), directory);
}

/* By out= and dir= of a list, or the URL. */
SL_SUSPENDS
static int
set_by_entry(struct fetch *fetch)
{
	struct sl_span directory = { 0 }, name;
	struct sl_buf from_url = { 0 };
	int code;
	if (fetch->entry.out.len > 0) {
		split(fetch->entry.out, &directory, &name);
		code = set_name(fetch, name, fetch->entry.out);
	} else {
		code = sl_url_file_name(&fetch->url, &from_url, &fetch->error);
		name = sl_buf_span(&from_url);
		if (!code)
			code = set_name(fetch, name, name);
		sl_buf_release(&from_url);
	}
	return code ? code : open_lists_directory(fetch, directory);
}

/* ---- names of this run ---- */

/* The directory's identity and the name, since two paths may lead to one directory. NULL if memory
 * ends. */
static char *
key_of(const struct fetch *fetch, const char *name, const char *suffix)
{
	const struct sl_directory *directory = fetch->directory;
	struct sl_buf key = { 0 };
	sl_buf_printf(&key, "%x:%x:%llx/%s%s", directory->dev_major, directory->dev_minor,
		(unsigned long long)directory->inode, name, suffix);
	return sl_buf_detach(&key);
}

/* True if the file's name is that of another's part, or its part's name is that of another file:
 * then *owner is that file's owner. */
static bool
collides_with_part(struct fetch *fetch, struct sl_names_owner *owner)
{
	const struct sl_names *names = &fetch->batch->names;
	const struct sl_names_owner *other = NULL;
	size_t len = strlen(fetch->key), suffix = strlen(SL_PART_SUFFIX);
	char *part = key_of(fetch, fetch->name, SL_PART_SUFFIX);
	other = part ? sl_names_find(names, part) : NULL;
	free(part);
	if (!other && len > suffix && strcmp(fetch->key + len - suffix, SL_PART_SUFFIX) == 0) {
		char *stem = sl_span_dup(sl_span(fetch->key, len - suffix));
		other = stem ? sl_names_find(names, stem) : NULL;
		free(stem);
	}
	if (other)
		*owner = *other;
	return other != NULL;
}

/* What makes two inputs the same download: the URL and what is sent and checked with it. */
static uint64_t
source_of(const struct fetch *fetch)
{
	const struct sl_entry *entry = &fetch->entry;
	struct sl_buf url = { 0 };
	sl_url_format(&url, &fetch->url);
	uint64_t hash = sl_names_hash(0, sl_buf_span(&url));
	sl_buf_release(&url);
	const struct sl_span fields[] = { sl_span_str(fetch->url.user ? fetch->url.user : ""),
		sl_span_str(fetch->url.password ? fetch->url.password : ""), entry->referer,
		entry->user_agent,
		sl_span((const char *)entry->checksum.value, entry->checksum.len) };
	for (size_t i = 0; i < SL_COUNT_OF(fields); i++)
		hash = sl_names_hash(hash, fields[i]);
	for (size_t i = 0; i < entry->header_count; i++)
		hash = sl_names_hash(hash, entry->headers[i]);
	return hash;
}

enum claim {
	CLAIM_OK,
	CLAIM_NAME_TAKEN, /* another input has the name */
	CLAIM_PART_TAKEN, /* one of the two names is the other's part */
};

/* An enum claim, with *owner if it is taken; -ENOMEM. The name is fetch->key's from here on. */
static int
try_claim(struct fetch *fetch, struct sl_names_owner *owner)
{
	struct sl_names_owner self = { .index = fetch->view.index, .source = source_of(fetch) };
	fetch->owns_key = false;
	free(fetch->key);
	fetch->key = key_of(fetch, fetch->name, "");
	if (!fetch->key)
		return -ENOMEM;
	if (collides_with_part(fetch, owner))
		return CLAIM_PART_TAKEN;
	int code = sl_names_claim(&fetch->batch->names, fetch->key, &self, owner);
	fetch->owns_key = code == SL_NAMES_CLAIMED;
	return code == SL_NAMES_TAKEN ? CLAIM_NAME_TAKEN : code;
}

static int
refuse_twice(struct fetch *fetch, enum claim claim, uint64_t other)
{
	struct sl_buf path = { 0 }, url = { 0 };
	sl_text_shorten(&path, sl_span_str(fetch->path), SHOWN_MAX);
	sl_text_shorten(&url, sl_span_str(fetch->view.url), SHOWN_MAX);
	int code = sl_fail(&fetch->error, SL_PHASE_NONE, SL_E_TWICE,
		"'%s' %s input %llu, so '%s' (input %llu) is not downloaded "
		"(--if-exists=rename gives it a name of its own)",
		path.data ? path.data : "",
		claim == CLAIM_NAME_TAKEN ? "is already the name of"
					  : "conflicts with the partial file of",
		(unsigned long long)other + 1, url.data ? url.data : "",
		(unsigned long long)fetch->view.index + 1);
	sl_buf_release(&path);
	sl_buf_release(&url);
	return code;
}

/* The same URL given twice is one file; with --if-exists=rename it was asked for twice. */
static int
claim(struct fetch *fetch)
{
	struct sl_names_owner owner = { 0 };
	int claim = try_claim(fetch, &owner);
	if (claim <= 0) /* CLAIM_OK or a code */
		return claim;
	if (claim == CLAIM_NAME_TAKEN && owner.source == source_of(fetch) &&
		fetch->batch->options.if_exists != SL_EXISTS_RENAME)
		return FETCH_REPEAT;
	return refuse_twice(fetch, (enum claim)claim, owner.index);
}

/* 0; -EEXIST if an input or a file has the name; a code. */
SL_SUSPENDS
static int
claim_if_free(struct fetch *fetch)
{
	struct statx st = { 0 };
	struct sl_names_owner owner;
	int code = sl_io_stat(
		fetch->directory->fd, fetch->name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st);
	if (code != -ENOENT)
		return code ? code : -EEXIST;
	int claim = try_claim(fetch, &owner);
	return claim > 0 ? -EEXIST : claim;
}

/* One more try: STEM.number. */
SL_SUSPENDS
static int
try_number(struct fetch *fetch, unsigned number)
{
	struct sl_buf name = { 0 };
	sl_buf_printf(&name, "%s.%u", fetch->stem, number);
	int code = name.failed ? -ENOMEM : set_name(fetch, sl_buf_span(&name), sl_buf_span(&name));
	if (!code)
		code = set_path(fetch);
	if (!code)
		code = claim_if_free(fetch);
	sl_buf_release(&name);
	return code;
}

int
target_rename(struct fetch *fetch)
{
	if (!fetch->stem)
		fetch->stem = sl_span_dup(sl_span_str(fetch->name));
	char *key = fetch->stem ? key_of(fetch, fetch->stem, "") : NULL;
	unsigned number = 0;
	int code = -EEXIST;
	while (code == -EEXIST && number < NUMBERS_MAX) {
		number = key ? sl_names_next_number(&fetch->batch->names, key) : 0;
		code = number > 0 ? try_number(fetch, number) : -ENOMEM;
	}
	free(key);
	if (code)
		sl_fail_code(&fetch->error, SL_PHASE_CREATE, code, "no free name for '%s'",
			fetch->stem ? fetch->stem : "");
	return code;
}

/* ---- options of the entry ---- */

bool
target_wants_time(const struct fetch *fetch)
{
	enum sl_entry_choice choice = fetch->entry.remote_time;
	return choice == SL_ENTRY_UNSET ? fetch->batch->options.remote_time
					: choice == SL_ENTRY_YES;
}

/* A field of its own option, unless there is a header= line for it. */
static size_t
add_field(struct sl_http_header *out, size_t count, const char *name, struct sl_span value)
{
	for (size_t i = 0; i < count; i++)
		if (sl_span_is_nocase(out[i].name, name))
			return count;
	if (value.len > 0)
		out[count++] = (struct sl_http_header){ sl_span_str(name), value };
	return count;
}

size_t
target_headers(const struct fetch *fetch, struct sl_http_header *out)
{
	size_t count = 0;
	for (size_t i = 0; i < fetch->entry.header_count; i++) {
		struct sl_span line = fetch->entry.headers[i];
		const char *colon = line.len ? memchr(line.data, ':', line.len) : NULL;
		size_t name_len = colon ? (size_t)(colon - line.data) : line.len;
		out[count].name = sl_span(line.data, name_len);
		out[count].value = colon ? sl_span_trim(sl_span(colon + 1, line.len - name_len - 1))
					 : sl_span("", 0);
		count++;
	}
	count = add_field(out, count, "Referer", fetch->entry.referer);
	return add_field(out, count, "User-Agent", fetch->entry.user_agent);
}

/* What the client would refuse is refused before anything is made. */
static int
check_headers(struct fetch *fetch)
{
	struct sl_http_header headers[TARGET_HEADERS];
	size_t count = target_headers(fetch, headers);
	int code = 0;
	for (size_t i = 0; i < count && !code; i++)
		code = sl_request_check_header(&headers[i], &fetch->error);
	return code;
}

/* ---- all of it ---- */

static int
to_stdout(struct fetch *fetch)
{
	fetch->target = TARGET_STREAM;
	fetch->stream_fd = STDOUT_FILENO;
	fetch->path = sl_span_dup(sl_span_str("-"));
	fetch->view.path = fetch->path ? fetch->path : "";
	return fetch->path ? 0 : -ENOMEM;
}

/* With --if-exists=rename: another name if this one is an input's or a file's already. Streams are
 * written to, whatever the policy. */
SL_SUSPENDS
static int
claim_or_rename(struct fetch *fetch)
{
	struct statx st = { 0 };
	int code = claim(fetch);
	if (fetch->batch->options.if_exists != SL_EXISTS_RENAME || (code && code != SL_E_TWICE))
		return code;
	sl_error_clear(&fetch->error);
	bool there = sl_io_stat(fetch->directory->fd, fetch->name, 0, STATX_BASIC_STATS, &st) == 0;
	bool is_taken =
		there && !existing_is_stream(fetch, &st) && existing_own_descriptor(fetch, &st) < 0;
	return code || is_taken ? target_rename(fetch) : 0;
}

int
target_claim(struct fetch *fetch)
{
	const struct sl_batch_options *options = &fetch->batch->options;
	int code = check_headers(fetch);
	if (code)
		return code;
	if (options->output && strcmp(options->output, "-") == 0)
		return to_stdout(fetch);
	code = options->output ? set_by_output(fetch) : set_by_entry(fetch);
	if (!code)
		code = set_path(fetch);
	return code ? code : claim_or_rename(fetch);
}
