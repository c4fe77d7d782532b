/*
 * fetch.c - the steps of one file: what has its name already and its part (file_part.c), its
 * transfer (file_transfer.c), its commit.
 * Sources of one file are tried in turn (attempt.c). What can be resumed of the part stays: the
 * next one goes on with what is missing if it has the same bytes. One that has others is passed
 * over as long as the source of the part may still complete it: two sources that fail now and then
 * must not discard each other's bytes. Only then does it begin at byte 0.
 *
 * With --content-disposition the first answer gives the name: the transfer begins without a part,
 * and the first two steps are taken once its head has come.
 */
#include "batch_int.h"

#include "sluice/base/log.h"

#include <errno.h>

/* A log may grow while what was appended to it is fetched: so often it is compared again. */
#define COPY_CHANGES_MAX 3u

/* ---- what an earlier run has left ---- */

SL_SUSPENDS
static int
verify_part(struct file *file)
{
	struct sl_journal_verified verified = { 0 };
	struct sl_journal *journal = file->part.journal;
	bool wants_verify = file->batch->options.verify_resume && !file->is_fresh;
	if (!wants_verify && !sl_journal_needs_verify(journal))
		return 0;
	int code = sl_journal_verify(journal, file->batch->options.pool, &verified, &file->error);
	if (!code && verified.bad_bytes > 0)
		sl_log_warn("'%s': %llu bytes are not what was written to it: they are fetched "
			    "again",
			file->part.part_name, (unsigned long long)verified.bad_bytes);
	return code;
}

static bool
can_resume_part(const struct file *file)
{
	const struct sl_journal_content *content = sl_journal_content(file->part.journal);
	return content->has_resource && content->count > 0;
}

/* It has nothing that could be used, but a length and bytes that the file need not have. */
SL_SUSPENDS
static int
replace_part(struct file *file)
{
	sl_part_discard(&file->part);
	return file_make_part(file);
}

/* The part was taken over: the transfer goes on with what is missing, or from the start with an
 * empty one. */
SL_SUSPENDS
static int
resume_part(struct file *file)
{
	struct sl_transfer *transfer = &file->transfer;
	int code = 0;
	transfer->sources = &file->sources;
	while (!code && file->part.journal && !transfer->is_ranged) {
		if (!file->no_ranges)
			code = verify_part(file);
		if (code)
			break;
		if (file->no_ranges || !can_resume_part(file)) {
			code = replace_part(file);
			continue;
		}
		code = sl_transfer_resume(transfer, sl_journal_content(file->part.journal));
		file->view.resumed = SL_MIN(transfer->resumed, file->left);
		sl_log_info("'%s': resuming with %llu of %llu bytes", file->part.part_name,
			(unsigned long long)transfer->resumed, (unsigned long long)transfer->total);
	}
	return code;
}

SL_SUSPENDS
static int
fetch_missing(struct file *file)
{
	int code = resume_part(file);
	return code ? code : file_run_transfer(file);
}

SL_SUSPENDS
static void
begin_anew(struct file *file)
{
	sl_part_discard(&file->part);
	sl_transfer_reset(&file->transfer);
	file->view.resumed = 0;
}

/* The part has, or is, a file that was there. If it is of no use, that file stays as it was, or is
 * put back; and what is to become of it is found out anew. */
static bool
completes_file(const struct file *file)
{
	return file->is_copied || file->is_taken;
}

/* What is at hand came from another source than the one in use, which has not joined it. */
static bool
is_of_other_source(const struct file *file)
{
	const struct sl_transfer *transfer = &file->transfer;
	return transfer->is_ranged && transfer->source_index != file->sources.index;
}

/* The version that is at hand is not known to be out of date: what has failed is a source that has
 * another one, or that cannot be compared. */
static bool
is_part_still_valid(const struct file *file)
{
	return is_of_other_source(file) || file->transfer.failed_elsewhere;
}

/* Bytes that do not match the checksum may be of several versions: those of several sources, or
 * those that an earlier run has left, from whatever sources that had them; so may those of a file
 * that was there, which is fetched whole if it may be replaced. A piece that is bad has been
 * requested again. */
static bool
may_be_mixed(const struct file *file)
{
	bool has_pieces = file->entry.pieces.kind != SL_CHECKSUM_NONE;
	bool is_of_earlier_run = file->view.resumed > 0 && !has_pieces &&
				 (!completes_file(file) || file_may_replace_any(file));
	return !file->is_alone && (is_of_earlier_run || sl_transfer_is_mixed(&file->transfer));
}

/* The part is of no use as it is, but the same source may give all of the file. If that has changed
 * twice, or nodes of the service do not agree about it, only a single response is sure to be of one
 * version. If bytes of several sources are not the file, each is tried alone. */
static bool
may_begin_anew(struct file *file, int code)
{
	struct sl_transfer *transfer = &file->transfer;
	bool was_refused = code == SL_E_UNSUPPORTED, was_changed = code == SL_E_CHANGED;
	bool was_mixed = code == SL_E_CHECKSUM && may_be_mixed(file);
	bool is_of_other = is_of_other_source(file);
	if (sl_task_cancelled() || !transfer->is_ranged || sl_transfer_has_streamed(transfer) ||
		(!was_refused && !was_changed && !was_mixed))
		return false;
	if (!was_mixed && transfer->failed_elsewhere)
		return false;
	if (!was_mixed && is_of_other && attempt_pass_over(file))
		return false;
	bool completes = completes_file(file);
	if (!is_of_other)
		file->changes += was_changed || (was_refused && completes);
	if (completes && file->changes > COPY_CHANGES_MAX)
		return false;
	file->no_ranges = !completes && (was_refused || file->changes > 1);
	file->is_alone = file->is_alone || was_mixed;
	sl_log_warn("%s; beginning again from the start", file->error.text);
	sl_error_clear(&file->error);
	return true;
}

/* What follows the bytes that a reader has got does not come as a range, but all of the same
 * version may. */
static bool
may_skip_written(struct file *file, int code)
{
	if (code != SL_E_UNSUPPORTED || sl_task_cancelled() ||
		!sl_transfer_skip_written(&file->transfer))
		return false;
	sl_log_warn("%s; requesting all of it, to skip the %llu bytes that were written",
		file->error.text, (unsigned long long)sl_transfer_received(&file->transfer));
	sl_error_clear(&file->error);
	return true;
}

/* The source, or its version, is another one, and the part is gone: what was to be completed by it,
 * without --if-exists=replace, is compared again. 0; FILE_SKIPPED; a code. */
SL_SUSPENDS
static int
look_again(struct file *file)
{
	struct sl_transfer *transfer = &file->transfer;
	if (!completes_file(file))
		return 0;
	transfer->base = 0;
	transfer->base_at = transfer->counts.received;
	return file_look(file);
}

/* One source, from the request to a complete and checked part. */
SL_SUSPENDS
static int
try_source(struct file *file)
{
	if (file->tried_index != file->sources.index) {
		file->tried_index = file->sources.index;
		file->changes = 0;
		file->no_ranges = false;
	}
	/* Of a part that this run has kept, no more than before is an earlier run's. A transfer
	 * that goes on with another source has resumed it already; and where the part cannot be
	 * opened, what was resumed of it still counts. */
	bool is_new = !file->transfer.is_ranged;
	if (is_new)
		file->left = file->is_kept ? file->view.resumed : UINT64_MAX;
	int code = file->place.awaits_name ? 0 : file_make_part(file);
	if (is_new && !code)
		file->view.resumed = 0;
	if (!code)
		code = fetch_missing(file);
	if (code == FILE_RESUME || may_skip_written(file, code))
		code = fetch_missing(file);
	while (code < 0 && may_begin_anew(file, code)) {
		begin_anew(file);
		code = look_again(file);
		if (!code)
			code = file_make_part(file);
		if (!code)
			code = fetch_missing(file);
	}
	return code;
}

/* It is not finished by this attempt. What can be resumed by the next one, or by a later run, stays
 * unless its bytes are wrong. */
SL_SUSPENDS
static void
give_up_part(struct file *file, int code)
{
	const struct sl_transfer *transfer = &file->transfer;
	bool has_other = code == SL_E_CHANGED || (code == SL_E_UNSUPPORTED && file->is_taken);
	bool is_wrong = code == SL_E_CHECKSUM || (has_other && !is_part_still_valid(file));
	bool has_ranges = transfer->is_ranged && transfer->written.done_bytes > 0;
	bool is_left = file->part.journal && can_resume_part(file); /* not begun: as it was */
	bool is_useful = (has_ranges || is_left) && !is_wrong && file->wish != FILE_REMOVE;
	if (file->part.fd >= 0) /* else what the attempt before has left is as it was */
		file->is_kept = is_useful && sl_part_keep(&file->part);
	sl_part_discard(&file->part);
	if (!file->is_stream || !sl_transfer_can_resume(transfer))
		sl_transfer_reset(&file->transfer);
}

/* It is complete, and could not be sealed, or could not get its name, which may be the fault of a
 * directory or of memory: the next run has nothing to fetch. What a failed sync may have lost is of
 * no use, nor is what another program has changed, or put under the name. */
SL_SUSPENDS
static void
give_up_complete(struct file *file, int code)
{
	bool is_useful = file->transfer.is_ranged && file->error.phase != SL_PHASE_SYNC &&
			 code != SL_E_REPLACED && code != -EEXIST && file->wish != FILE_REMOVE;
	if (file->part.fd >= 0)
		file->is_kept = is_useful && sl_part_keep(&file->part);
	sl_part_discard(&file->part);
}

/* ---- the commit ---- */

static void
set_commit(struct file *file, bool is_there)
{
	file->commit = (struct sl_commit){ .place = &file->place,
		.part = &file->part,
		.is_there = is_there,
		.replace = file_replaces(file),
		.replaced = file_replaces_examined(file) ? &file->present.file : NULL,
		.length = is_there ? 0 : sl_transfer_length(&file->transfer),
		.err = &file->error };
}

SL_SUSPENDS
static int
hand_over(struct file *file, bool is_there)
{
	set_commit(file, is_there);
	sl_transfer_is_not_expected(&file->transfer);
	file->view.waiting = true;
	file->state = FILE_COMMITTING;
	int code = sl_committer_hand_over(&file->batch->committer, &file->commit);
	if (!code)
		return FILE_HANDED_OVER;
	file->view.waiting = false;
	file->state = FILE_ACTIVE;
	return code;
}

/* What has been written in pieces; a whole one was sealed as it was written. A sibling's failure
 * does not touch it any more. */
SL_SUSPENDS
static int
seal(struct file *file)
{
	struct sl_shield shield;
	int code = file->part.is_sealed ? 0 : sl_commit_shield_begin(&shield);
	if (file->part.is_sealed || code)
		return code;
	file->part.keeps_journal = file->keeps_journal || file->batch->options.keep_journal;
	code = sl_part_seal(&file->part, &file->transfer.attributes, &file->error);
	sl_shield_end(&shield);
	return code;
}

/* Once a run. */
static void
note_time(struct file *file)
{
	if (!file->part.time_refused || file->batch->time_noted)
		return;
	file->batch->time_noted = true;
	sl_log_warn(
		"'%s': this file system did not keep the modification time that the server "
		"reported, so a later run cannot compare it (reported once; use --no-remote-time "
		"to leave times alone)",
		file->place.path);
}

/* Large files, and others with a journal, by themselves; small ones in groups. */
SL_SUSPENDS
static int
commit(struct file *file)
{
	file->part.has_control = file->present.has_control;
	bool alone = file->batch->options.sync == SL_SYNC_ALL || file->part.journal ||
		     file->part.has_control || file_replaces_examined(file) ||
		     sl_transfer_length(&file->transfer) > SL_PART_SMALL;
	if (!alone)
		return hand_over(file, false);
	set_commit(file, false);
	return sl_committer_commit(&file->batch->committer, &file->commit);
}

/* ---- all of it ---- */

/* A file that was there may not be on disk yet. */
SL_SUSPENDS
static int
skip(struct file *file)
{
	return file->present.needs_sync ? hand_over(file, true) : FILE_SKIPPED;
}

/* What becomes of the part before it is known whether the name is free. After a file that was there
 * the next one will be too, as in a second run: then creating is not tried first. */
SL_SUSPENDS
static enum sl_part_first
create_first(struct file *file, int *stop)
{
	if (file->batch->finds_files)
		return SL_PART_NAME_TAKEN;
	return sl_part_create_first(
		&file->part, file->place.directory, file->place.name, file_part_mode(file), stop);
}

SL_SUSPENDS
static int
prepare(struct file *file)
{
	int stop = 0;
	if (file->is_stream || file->place.awaits_name)
		return 0;
	switch (create_first(file, &stop)) {
	case SL_PART_CREATED:
		return 0;
	case SL_PART_STOPPED:
		return stop;
	case SL_PART_NAME_TAKEN:
		break;
	}
	int code = file_look(file);
	file->batch->finds_files = file->present.kind != SL_PRESENT_ABSENT;
	return code == FILE_SKIPPED ? skip(file) : code;
}

/* Another source is compared with what the one before it has left. */
static bool
can_go_on_with_next(const struct file *file)
{
	const struct sl_transfer *transfer = &file->transfer;
	return sl_transfer_can_resume(transfer) && transfer->written.done_bytes > 0;
}

/* The next source of this round, which goes on with what is at hand if it has the same bytes. With
 * none left, in the last round, one that was passed over has all of the file to itself. */
SL_SUSPENDS
static bool
use_next_source(struct file *file, bool *goes_on)
{
	if (attempt_next_source(file)) {
		*goes_on = can_go_on_with_next(file);
		return true;
	}
	*goes_on = false;
	return attempt_return_to_passed(file);
}

SL_SUSPENDS
static int
run(struct file *file)
{
	int code = try_source(file);
	bool goes_on = true;
	while (code < 0 && use_next_source(file, &goes_on)) {
		code = 0;
		if (!goes_on) {
			begin_anew(file);
			code = look_again(file);
		}
		if (!code)
			code = try_source(file);
	}
	if (code)
		give_up_part(file, code);
	if (code == FILE_SKIPPED)
		return skip(file);
	if (!code)
		file->view.checked = sl_transfer_is_verified(&file->transfer);
	if (code || file->is_stream)
		return code;
	file->is_transferred = true;
	uint64_t before_ns = sl_now();
	code = seal(file);
	if (!code)
		note_time(file);
	if (!code)
		code = commit(file);
	file->batch->summary.commit_ns += sl_now() - before_ns;
	if (code < 0)
		give_up_complete(file, code);
	return code;
}

/* ---- the task ---- */

int
file_task(void *arg)
{
	struct file *file = arg;
	bool dry_run = file->batch->options.dry_run;
	file->transfer.is_expected = true;
	sl_admission_expect(file->batch->transfer.admission);
	int code = dry_run ? file_plan(file) : prepare(file);
	if (!code && !dry_run)
		code = attempt_admit(file);
	if (!code && !dry_run)
		code = run(file);
	if (code != FILE_HANDED_OVER)
		sl_transfer_is_not_expected(&file->transfer);
	if (code != FILE_HANDED_OVER)
		file->group = NULL; /* it cannot be stopped any more */
	return code;
}
