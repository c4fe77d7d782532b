/*
 * inputs.c - the entries of a run, from its URLs and lists.
 *
 *  - One list is read at a time, piece by piece. Each piece is parsed twice: at once to be counted,
 *    for progress as "3 of 10", and as far as entries are taken.
 *  - Sizes in a piece are compared with the space that is free once the piece is counted (space.c).
 *  - What ends a list early (a failed read, text that is not a list) is returned in place of an
 *    entry, so it counts as a failed input of the run, and the entries before it are used.
 */
#include "sluice/download/inputs.h"

#include "sluice/base/log.h"
#include "sluice/download/list_reader.h"
#include "sluice/download/manifest.h"
#include "sluice/download/space.h"
#include "sluice/download/sums.h"
#include "sluice/download/url_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The list that is being read. */
struct reading {
	struct sl_list_reader *reader;
	struct sl_manifest *manifest; /* NULL: the list is not begun */
	struct sl_manifest *counter;  /* a second parser of the same pieces */
	bool is_counted;              /* up to its end */
	char *base_url;               /* NULL = none */
};

struct sl_inputs {
	struct sl_inputs_options options;
	struct sl_group group; /* tasks that fetch lists */
	struct sl_list_reader **readers;
	size_t next_url, next_list;
	uint64_t next_index, next_counted; /* of all entries */
	uint64_t returned, counted;        /* of the shard */
	struct reading list;
	struct sl_space space;
	struct sl_list_reader *sums_reader;
	struct sl_sums sums;
	uint64_t without_sum; /* entries */
	char *first_without;  /* name of the first of them */
};

/* ---- the base of names ---- */

/* The URL of the directory of `url`, as text: up to the last slash of the path. NULL if out of
 * memory. */
static char *
directory_of_url(const char *url)
{
	const char *scheme = strstr(url, "://");
	const char *authority = scheme ? scheme + 3 : url;
	size_t end = (size_t)(authority - url) + strcspn(authority, "?#");
	size_t path = (size_t)(authority - url) + strcspn(authority, "/?#");
	struct sl_buf out = { 0 };
	while (end > path && url[end - 1] != '/')
		end--;
	sl_buf_add(&out, url, end);
	if (end == path)
		sl_buf_add_char(&out, '/');
	return sl_buf_detach(&out);
}

/* --base-url names a directory, with or without a slash at its end. */
static int
check_base(const char *text, struct sl_error *err)
{
	struct sl_url url;
	int code = sl_url_parse(&url, sl_span_str(text), err);
	if (!code && strpbrk(text, "?#"))
		code = sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"the base URL of names in lists must not have a query or a fragment");
	sl_url_release(&url);
	return code;
}

/* 0 with *out NULL if the names of this list have no base. */
static int
find_base(const struct sl_inputs *inputs, const char *list, char **out)
{
	const char *base = inputs->options.base_url;
	struct sl_buf text = { 0 };
	*out = NULL;
	if (!base && !sl_url_reader_takes(list))
		return 0;
	if (base) {
		sl_buf_printf(&text, "%s%s", base, base[strlen(base) - 1] == '/' ? "" : "/");
		*out = sl_buf_detach(&text);
	} else {
		*out = directory_of_url(list);
	}
	return *out ? 0 : -ENOMEM;
}

/* ---- shards ---- */

static bool
is_of_shard(const struct sl_inputs *inputs, uint64_t index)
{
	const struct sl_inputs_options *options = &inputs->options;
	return options->shard_count <= 1 || index % options->shard_count == options->shard_index;
}

/* True if it is of the shard. */
static bool
count(struct sl_inputs *inputs)
{
	bool counts = is_of_shard(inputs, inputs->next_counted++);
	inputs->counted += counts;
	return counts;
}

/* ---- one list ---- */

static int
begin_list(struct sl_inputs *inputs)
{
	struct reading *list = &inputs->list;
	struct sl_manifest_options options = { 0 };
	int code = find_base(inputs, inputs->options.lists[inputs->next_list], &list->base_url);
	options.base_url = list->base_url;
	list->reader = inputs->readers[inputs->next_list];
	if (!code)
		code = sl_manifest_new(&list->manifest, &options);
	if (!code)
		code = sl_manifest_new(&list->counter, &options);
	return code;
}

static void
warn_about_ignored(const struct reading *list)
{
	struct sl_buf names = { 0 };
	sl_manifest_add_ignored(list->manifest, &names);
	if (names.len > 0)
		sl_log_warn(
			"ignored in the list (not supported): %.*s", (int)names.len, names.data);
	sl_buf_release(&names);
}

static void
end_list(struct sl_inputs *inputs)
{
	struct reading *list = &inputs->list;
	if (list->manifest)
		warn_about_ignored(list);
	if (list->reader)
		sl_list_reader_stop(list->reader);
	sl_manifest_free(list->manifest);
	sl_manifest_free(list->counter);
	free(list->base_url);
	*list = (struct reading){ 0 };
	inputs->next_list++;
}

static void
count_piece(struct sl_inputs *inputs, struct sl_span bytes, bool is_last)
{
	struct sl_manifest *counter = inputs->list.counter;
	struct sl_entry entry;
	enum sl_manifest_result result;
	sl_manifest_feed(counter, bytes, is_last);
	while ((result = sl_manifest_next(counter, &entry, NULL)) == SL_MANIFEST_ENTRY ||
		result == SL_MANIFEST_BAD)
		if (count(inputs) && result == SL_MANIFEST_ENTRY)
			sl_space_add(&inputs->space, &entry);
}

SL_SUSPENDS
static int
read_piece(struct sl_inputs *inputs, struct sl_error *err)
{
	struct sl_span bytes = { 0 };
	bool is_last = false;
	int code = sl_list_reader_read(inputs->list.reader, &bytes, &is_last, err);
	if (code)
		return code;
	count_piece(inputs, bytes, is_last);
	inputs->list.is_counted = is_last;
	sl_space_check(&inputs->space);
	sl_manifest_feed(inputs->list.manifest, bytes, is_last);
	return 0;
}

/* Names alone do not tell where the files are. */
static int
check_source(const struct sl_entry *entry, struct sl_error *err)
{
	if (entry->source_count > 0)
		return 0;
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"the list has names of files but no URLs: give the URL of their directory with "
		"--base-url");
}

/* The rest of the list is lost: one input, in every shard, in place of what was counted of it. */
static void
break_list(struct sl_inputs *inputs)
{
	inputs->counted = inputs->returned + 1;
	inputs->next_counted = inputs->next_index;
	end_list(inputs);
}

/* Of several lists, the message names the one it is about. */
static int
fail_in_list(
	const struct sl_inputs *inputs, const struct sl_error *why, int code, struct sl_error *err)
{
	const struct sl_list_reader *reader = inputs->readers[inputs->next_list];
	if (!why->code)
		return sl_fail_code(err, SL_PHASE_NONE, code, "cannot read the list '%s'",
			sl_list_reader_name(reader));
	if (inputs->options.list_count > 1)
		sl_fail(err, why->phase, code, "list '%s': %s", sl_list_reader_name(reader),
			why->text);
	else
		sl_fail(err, why->phase, code, "%s", why->text);
	if (err)
		err->http_status = why->http_status;
	return code;
}

/* Returns 1; 0 at the end of the list; or a code: *is_bad tells an entry that cannot be used from
 * the end of a list that cannot be read. */
SL_SUSPENDS
static int
next_of_list(struct sl_inputs *inputs, struct sl_entry *out, bool *is_bad, struct sl_error *err)
{
	struct sl_error why = { 0 };
	enum sl_manifest_result result = SL_MANIFEST_MORE;
	int code = inputs->list.manifest ? 0 : begin_list(inputs);
	while (!code && result == SL_MANIFEST_MORE) {
		result = sl_manifest_next(inputs->list.manifest, out, &why);
		if (result == SL_MANIFEST_MORE)
			code = read_piece(inputs, &why);
	}
	*is_bad = result == SL_MANIFEST_BAD;
	if (result == SL_MANIFEST_ENTRY)
		code = check_source(out, &why);
	if (result == SL_MANIFEST_BAD || result == SL_MANIFEST_BROKEN)
		code = why.code;
	if (code)
		(void)fail_in_list(inputs, &why, code, err);
	if (code && !*is_bad && !sl_task_cancelled())
		break_list(inputs);
	if (code || result == SL_MANIFEST_ENTRY)
		return code ? code : 1;
	end_list(inputs);
	return 0;
}

/* ---- sums ---- */

/* Those in what was fed. */
static int
add_sums(struct sl_inputs *inputs, struct sl_manifest *manifest, struct sl_error *err)
{
	struct sl_entry entry;
	enum sl_manifest_result result = SL_MANIFEST_ENTRY;
	int code = 0;
	while (!code && (result = sl_manifest_next(manifest, &entry, err)) == SL_MANIFEST_ENTRY)
		code = sl_sums_add(&inputs->sums, &entry, err);
	if (result == SL_MANIFEST_BAD || result == SL_MANIFEST_BROKEN)
		code = err->code;
	return code;
}

SL_SUSPENDS
static int
read_sums_to_end(struct sl_inputs *inputs, struct sl_manifest *manifest, struct sl_error *err)
{
	bool is_last = false;
	int code = 0;
	while (!code && !is_last) {
		struct sl_span bytes;
		code = sl_list_reader_read(inputs->sums_reader, &bytes, &is_last, err);
		if (code)
			break;
		sl_manifest_feed(manifest, bytes, is_last);
		code = add_sums(inputs, manifest, err);
	}
	return code;
}

/* All of them, before the first entry. A line that cannot be used may be the checksum of one. */
SL_SUSPENDS
static int
read_sums(struct sl_inputs *inputs, struct sl_error *err)
{
	const struct sl_inputs_options *options = &inputs->options;
	const struct sl_manifest_options wanted = { 0 };
	struct sl_error why = { 0 };
	struct sl_manifest *manifest = NULL;
	int code = sl_list_reader_new(&inputs->sums_reader, options->sums, options->client,
		&options->retry, &inputs->group, &why);
	if (!code)
		code = sl_manifest_new(&manifest, &wanted);
	if (!code)
		code = read_sums_to_end(inputs, manifest, &why);
	sl_manifest_free(manifest);
	if (!code)
		return 0;
	sl_fail_code(&why, SL_PHASE_NONE, code, "cannot read it");
	sl_fail(err, why.phase, code, "cannot use the checksums of --sums: %s", why.text);
	if (err)
		err->http_status = why.http_status;
	return code;
}

static void
apply_sums(struct sl_inputs *inputs, struct sl_entry *entry)
{
	if (!inputs->options.sums || sl_sums_apply(&inputs->sums, entry))
		return;
	struct sl_buf shown = { 0 };
	sl_url_show(&shown, entry->out.len > 0 ? entry->out : entry->sources[0]);
	sl_log_info("no checksum for '%s' in '%s'", shown.data ? shown.data : "",
		sl_list_reader_name(inputs->sums_reader));
	if (inputs->without_sum++ == 0)
		inputs->first_without = sl_buf_detach(&shown);
	sl_buf_release(&shown);
}

void
sl_inputs_report(const struct sl_inputs *inputs)
{
	const struct sl_sums *sums = &inputs->sums;
	const char *name = inputs->sums_reader ? sl_list_reader_name(inputs->sums_reader) : "";
	if (inputs->without_sum > 0)
		sl_log_warn("%llu of the files have no checksum in '%s' and were not verified; the "
			    "first is '%s'",
			(unsigned long long)inputs->without_sum, name,
			inputs->first_without ? inputs->first_without : "");
	if (sums->used < sums->count)
		sl_log_info("%llu of %llu checksums in '%s' are for other files",
			(unsigned long long)(sums->count - sums->used),
			(unsigned long long)sums->count, name);
}

/* ---- all of them ---- */

static void
next_of_urls(struct sl_inputs *inputs, struct sl_entry *out)
{
	const struct sl_inputs_options *options = &inputs->options;
	*out = (struct sl_entry){ .checksum = options->checksum };
	out->sources[out->source_count++] = sl_span_str(options->urls[inputs->next_url++]);
	for (size_t i = 0; i < options->mirror_count; i++)
		out->sources[out->source_count++] = sl_span_str(options->mirrors[i]);
}

int
sl_inputs_next(struct sl_inputs *inputs, struct sl_entry *out, struct sl_error *err)
{
	const struct sl_inputs_options *options = &inputs->options;
	while (inputs->next_url < options->url_count || inputs->next_list < options->list_count) {
		bool is_entry = true, is_bad = false;
		int got = 1;
		if (inputs->next_url < options->url_count)
			next_of_urls(inputs, out);
		else
			got = next_of_list(inputs, out, &is_bad, err);
		is_entry = got == 1 || is_bad;
		if (!is_entry && got == 0)
			continue;
		if (!is_entry || is_of_shard(inputs, inputs->next_index++)) {
			if (got == 1)
				apply_sums(inputs, out);
			inputs->returned++;
			return got;
		}
		if (err)
			sl_error_clear(err);
	}
	return 0;
}

uint64_t
sl_inputs_count(const struct sl_inputs *inputs, bool *is_all)
{
	*is_all = inputs->next_list + inputs->list.is_counted == inputs->options.list_count;
	return inputs->counted;
}

int
sl_inputs_new(struct sl_inputs **out, const struct sl_inputs_options *options, struct sl_error *err)
{
	struct sl_inputs *inputs = calloc(1, sizeof(*inputs));
	*out = NULL;
	if (!inputs)
		return -ENOMEM;
	inputs->options = *options;
	inputs->space.dir = options->space_dir;
	sl_group_enter(&inputs->group, SL_GROUP_COLLECT);
	inputs->readers = calloc(options->list_count + 1, sizeof(struct sl_list_reader *));
	int code = inputs->readers ? 0 : -ENOMEM;
	if (!code && options->base_url)
		code = check_base(options->base_url, err);
	for (size_t i = 0; !code && i < options->list_count; i++)
		code = sl_list_reader_new(&inputs->readers[i], options->lists[i], options->client,
			&inputs->options.retry, &inputs->group, err);
	if (!code && options->sums)
		code = read_sums(inputs, err);
	for (size_t i = 0; i < options->url_count; i++)
		(void)count(inputs);
	*out = inputs;
	if (code) {
		sl_inputs_free(inputs);
		*out = NULL;
	}
	return code;
}

void
sl_inputs_free(struct sl_inputs *inputs)
{
	if (!inputs)
		return;
	sl_group_cancel(&inputs->group, -ECANCELED);
	sl_group_leave(&inputs->group);
	if (inputs->list.reader)
		end_list(inputs);
	for (size_t i = 0; inputs->readers && i < inputs->options.list_count; i++)
		sl_list_reader_free(inputs->readers[i]);
	sl_list_reader_free(inputs->sums_reader);
	sl_sums_release(&inputs->sums);
	sl_space_release(&inputs->space);
	free(inputs->first_without);
	free(inputs->readers);
	free(inputs);
}
