/*
 * file_part.c - what has a file's name already, and the part that it is fetched to.
 */
#include "batch_int.h"

#include "sluice/base/log.h"
#include "sluice/download/takeover.h"

#include <errno.h>


bool
file_may_replace_any(const struct file *file)
{
	return file->batch->options.if_exists == SL_EXISTS_REPLACE;
}

bool
file_replaces(const struct file *file)
{
	return file_may_replace_any(file) || file->present.kind == SL_PRESENT_REPLACE;
}

bool
file_replaces_examined(const struct file *file)
{
	return file->present.kind == SL_PRESENT_REPLACE && !file_may_replace_any(file);
}

static bool
renames(const struct file *file)
{
	return file->batch->options.if_exists == SL_EXISTS_RENAME;
}

int
file_find_other_name(struct file *file)
{
	if (!renames(file))
		return -EEXIST;
	sl_error_clear(&file->error);
	int code = sl_place_rename(&file->batch->places, &file->place, &file->error);
	return code ? code : sl_part_set_final_name(&file->part, file->place.name);
}

/* By a request, which has been answered. */
static bool
is_compared_with_source(const struct file *file)
{
	return !file->present.unverified && !sl_present_is_by_checksum(&file->place, &file->entry);
}

static struct sl_takeover
takeover_of(struct file *file)
{
	return (struct sl_takeover){ .options = &file->batch->transfer,
		.place = &file->place,
		.sources = &file->sources,
		.at_hand = file->present.at_hand,
		.err = &file->error,
		.may_replace = file_may_replace_any(file) };
}

/* What is there is replaced: it can be used, in a copy; or not, and may be. */
static void
set_replaced(struct file *file)
{
	file->present.kind = SL_PRESENT_REPLACE;
	file->present.has_rights = true;
}

/* It has been completed, and did not match the checksum. */
static bool
is_known_as_wrong(const struct file *file)
{
	return file->is_alone && file_may_replace_any(file);
}

/* It cannot be taken over: `code` is 0 now if all of it is to be downloaded instead. A server that
 * refuses the samples, which are ranges, may refuse only those. */
static int
replace_instead(struct file *file, int code)
{
	bool is_refused =
		code == SL_E_STATUS && sl_retry_classify(&file->error) == SL_RETRY_PERMANENT;
	if ((code != -EEXIST && !is_refused) || !file_may_replace_any(file))
		return code;
	sl_log_warn("%s: downloading all of it", file->error.text);
	sl_error_clear(&file->error);
	file->is_copied = false;
	set_replaced(file);
	return 0;
}

/* It becomes the part, or is replaced by a copy that was completed. */
SL_SUSPENDS
static int
compare_at_hand(struct file *file)
{
	struct sl_takeover takeover = takeover_of(file);
	int code = sl_takeover_compare(&takeover);
	if (code) {
		file_drop_at_hand(file);
		return replace_instead(file, code);
	}
	file->is_copied = !file->present.at_hand->is_moved;
	if (file->is_copied)
		set_replaced(file);
	return 0;
}

/* Of a file that was found with `code`. */
SL_SUSPENDS
static void
remove_stale_journal(struct file *file, int code)
{
	const struct sl_place *place = &file->place;
	bool is_complete = !code && file->present.kind == SL_PRESENT_SAME;
	sl_part_remove_stale_journal(place->directory, place->name,
		is_complete ? file->present.size : SL_LENGTH_UNKNOWN);
}

SL_SUSPENDS
static int
look_once(struct file *file)
{
	file_drop_at_hand(file);
	file->is_copied = false;
	int code = sl_present_look(&file->batch->present, &file->place, &file->sources,
		file->remote, &file->present, &file->error);
	if (file->present.has_journal && !file->batch->options.dry_run)
		remove_stale_journal(file, code);
	if (code || file->present.kind != SL_PRESENT_USABLE)
		return code;
	if (!is_known_as_wrong(file))
		return compare_at_hand(file);
	file_drop_at_hand(file);
	set_replaced(file);
	return 0;
}

int
file_look(struct file *file)
{
	struct sl_present *present = &file->present;
	int code = look_once(file);
	while (code && !file->remote && attempt_next_source(file))
		code = look_once(file);
	if (code)
		return code;
	switch (present->kind) {
	case SL_PRESENT_ABSENT:
	case SL_PRESENT_REPLACE:
	case SL_PRESENT_USABLE:
		break;
	case SL_PRESENT_TAKEN:
		return sl_place_rename(&file->batch->places, &file->place, &file->error);
	case SL_PRESENT_SAME:
		if (is_compared_with_source(file))
			attempt_succeeded(file);
		return FILE_SKIPPED;
	case SL_PRESENT_STREAM:
		file->is_stream = true;
		file->stream_fd = present->stream_fd;
		break;
	}
	return 0;
}

uint32_t
file_part_mode(const struct file *file)
{
	return file->present.has_rights ? SL_PART_PRIVATE : SL_PART_NEW;
}

/* What another run holds, or another program's file has, as the name of a part. */
static bool
is_part_taken(int code)
{
	return code == SL_E_IN_USE || code == -EEXIST || code == -ELOOP || code == -EISDIR;
}

size_t
file_hash_sources(const struct file *file, uint64_t out[SL_ENTRY_SOURCES])
{
	size_t count = 0;
	out[count++] = sl_journal_url_hash(&file->sources.url);
	for (size_t i = 0; i < file->entry.source_count; i++) {
		struct sl_sources other;
		struct sl_error err = { 0 };
		if (i == file->sources.index)
			continue;
		sl_sources_init(&other, &file->entry);
		if (sl_sources_use(&other, i, &err) == 0)
			out[count++] = sl_journal_url_hash(&other.url);
		sl_sources_release(&other);
	}
	return count;
}

SL_SUSPENDS
static int
resume_or_create(struct file *file)
{
	uint64_t hashes[SL_ENTRY_SOURCES];
	const struct sl_journal_urls urls = { hashes, file_hash_sources(file, hashes) };
	return sl_part_resume(&file->part, file->place.directory, file->place.name,
		file_part_mode(file), &urls, &file->error);
}

/* A new one; or what an earlier run has left of the same file. That has bytes as they came, not
 * decoded. */
SL_SUSPENDS
static int
open_part(struct file *file)
{
	struct sl_directory *directory = file->place.directory;
	const char *name = file->place.name;
	bool resumes = file->batch->options.resume && file->place.codec == SL_CODEC_NONE;
	int code = resumes ? resume_or_create(file)
			   : sl_part_create(&file->part, directory, name, file_part_mode(file),
				     &file->error);
	if (code)
		return code;
	file->is_kept = false;
	file->is_taken = file->part.journal && sl_journal_taken(file->part.journal);
	return 0;
}

/* What is at hand becomes the part of an earlier run, as it were. */
SL_SUSPENDS
static int
take_over(struct file *file)
{
	struct sl_present *present = &file->present;
	struct sl_takeover takeover = takeover_of(file);
	if (!present->at_hand)
		return 0;
	int code = sl_takeover_make_part(&takeover);
	file->keeps_journal = present->at_hand->has_journal;
	file->is_fresh = !code && !takeover.was_left;
	bool has_grown = file->batch->options.append && present->at_hand->is_beginning;
	file->transfer.known_len = !code && has_grown ? present->at_hand->file.size : 0;
	file_drop_at_hand(file);
	return replace_instead(file, code);
}

/* Nothing but what was examined has the final name: the new file gets the rights of that. */
static bool
is_name_as_expected(const struct file *file)
{
	return !file->part.name_taken ||
	       (file_replaces(file) && file->present.kind != SL_PRESENT_ABSENT);
}

int
file_make_part(struct file *file)
{
	if (file->part.fd >= 0) /* by file_prepare */
		return 0;
	int code = 0;
	while (!code && !file->is_stream) {
		code = take_over(file);
		if (!code)
			code = open_part(file);
		if (!code && is_name_as_expected(file))
			break;
		if (!code) { /* another run has just finished the file, or it was put back */
			sl_part_discard(&file->part);
			code = file_look(file);
		} else if (renames(file) && is_part_taken(code)) {
			sl_error_clear(&file->error);
			code = sl_place_rename(&file->batch->places, &file->place, &file->error);
		}
	}
	return code;
}
