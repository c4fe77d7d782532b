/*
 * fetch.c - the steps of one file: what has its name already, its part, its transfer, its commit.
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
#include "sluice/base/text.h"
#include "sluice/download/answer.h"
#include "sluice/download/probe.h"
#include "sluice/download/retry.h"
#include "sluice/download/takeover.h"
#include "sluice/http/disposition.h"

#include <errno.h>

/* A log may grow while what was appended to it is fetched: so often it is compared again. */
#define COPY_CHANGES_MAX 3u

#define NAME_SHOWN_MAX 120u /* bytes of a name in a message */

/* ---- the part ---- */

static bool
may_replace_any(const struct file *file)
{
	return file->batch->options.if_exists == SL_EXISTS_REPLACE;
}

static bool
replaces(const struct file *file)
{
	return may_replace_any(file) || file->present.kind == SL_PRESENT_REPLACE;
}

/* What is there is replaced for what was found of it, and only as long as that holds. */
static bool
replaces_examined(const struct file *file)
{
	return file->present.kind == SL_PRESENT_REPLACE && !may_replace_any(file);
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
		.may_replace = may_replace_any(file) };
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
	return file->is_alone && may_replace_any(file);
}

/* It cannot be taken over: `code` is 0 now if all of it is to be downloaded instead. A server that
 * refuses the samples, which are ranges, may refuse only those. */
static int
replace_instead(struct file *file, int code)
{
	bool is_refused =
		code == SL_E_STATUS && sl_retry_classify(&file->error) == SL_RETRY_PERMANENT;
	if ((code != -EEXIST && !is_refused) || !may_replace_any(file))
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

/* What has the name: 0 = go on, with a part or a stream; FILE_SKIPPED; a code. */
SL_SUSPENDS
static int
look(struct file *file)
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

static uint32_t
mode_of_part(const struct file *file)
{
	return file->present.has_rights ? SL_PART_PRIVATE : SL_PART_NEW;
}

/* What another run holds, or another program's file has, as the name of a part. */
static bool
is_part_taken(int code)
{
	return code == SL_E_IN_USE || code == -EEXIST || code == -ELOOP || code == -EISDIR;
}

/* Of all sources, the one in use first; returns their count. What was made with another one is
 * compared before the transfer goes on with it. */
static size_t
hash_sources(const struct file *file, uint64_t out[SL_ENTRY_SOURCES])
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
	const struct sl_journal_urls urls = { hashes, hash_sources(file, hashes) };
	return sl_part_resume(&file->part, file->place.directory, file->place.name,
		mode_of_part(file), &urls, &file->error);
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
			   : sl_part_create(&file->part, directory, name, mode_of_part(file),
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
	       (replaces(file) && file->present.kind != SL_PRESENT_ABSENT);
}

/* Before the request: a directory that takes no file, or another run at work, costs the server
 * nothing. 0; FILE_SKIPPED; a code. */
SL_SUSPENDS
static int
make_part(struct file *file)
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
			code = look(file);
		} else if (renames(file) && is_part_taken(code)) {
			sl_error_clear(&file->error);
			code = sl_place_rename(&file->batch->places, &file->place, &file->error);
		}
	}
	return code;
}

/* ---- the server's name ---- */

static void
warn_unusable(const struct file *file, struct sl_span suggested, const char *why)
{
	struct sl_buf shown = { 0 };
	sl_text_show(&shown, suggested, NAME_SHOWN_MAX);
	sl_log_warn("%s: the file name '%s' that the server suggested is refused: %s; the URL "
		    "gives the name",
		sl_sources_show(&file->sources), shown.data ? shown.data : "", why);
	sl_buf_release(&shown);
}

/* Claim the name that the answer suggests, or else that of the URL. 0; FILE_REPEAT; a code. */
SL_SUSPENDS
static int
claim_servers_name(struct file *file, const struct sl_head *head)
{
	struct sl_span field = sl_head_find(head, "Content-Disposition", 0);
	struct sl_buf name = { 0 };
	const char *why = NULL;
	int code = sl_disposition_parse(field, &name, &why);
	if (code == SL_DISPOSITION_UNUSABLE) {
		warn_unusable(file, sl_buf_span(&name), why);
		name.len = 0;
	}
	if (code >= 0)
		code = opening_settle(
			file, sl_place_claim_name(&file->batch->places, &file->place,
				      &file->sources, sl_buf_span(&name), &file->error));
	sl_buf_release(&name);
	return code;
}

/* What else is done before the request: the name, what has it, and the part. What is there is
 * compared with the answer at hand. 0; FILE_SKIPPED; FILE_REPEAT; FILE_RESUME if an earlier run has
 * left a part of that name; a code. */
SL_SUSPENDS
static int
accept_name(struct file *file, const struct sl_http_exchange *exchange)
{
	struct sl_resource remote = sl_http_resource(exchange);
	int code = claim_servers_name(file, sl_http_head(exchange));
	file->remote = &remote;
	if (!code)
		code = look(file);
	if (!code && !file->batch->options.dry_run)
		code = make_part(file);
	if (!code && file->part.journal)
		code = FILE_RESUME;
	file->remote = NULL;
	file->transfer.attributes.replaces = file->present.has_rights;
	return code;
}

/* ---- the transfer ---- */

static bool
wants_time(const struct file *file)
{
	enum sl_entry_choice choice = file->entry.remote_time;
	return choice == SL_ENTRY_UNSET ? file->batch->options.remote_time : choice == SL_ENTRY_YES;
}

/* Others need not wait for the end of a long body to know that the origin works. */
SL_SUSPENDS
static int
accept_response(void *ctx, const struct sl_http_exchange *exchange)
{
	struct file *file = ctx;
	attempt_succeeded(file);
	if (!file->place.awaits_name)
		return 0;
	int code = accept_name(file, exchange);
	if (!code && file->tee)
		sl_tee_open(file->tee, sl_sources_show(&file->sources), file->place.path);
	return code;
}

/* A stamp is as durable as the size and the time that it holds for. Without syncs, a power cut may
 * leave all three, and zeros instead of the data. */
static bool
wants_stamp(const struct file *file)
{
	return file->batch->options.sync != SL_SYNC_NONE;
}

/* They move to the summary. */
static void
add_counts(struct sl_segments_counts *to, struct sl_segments_counts *from)
{
	to->requests += from->requests;
	to->split += from->split;
	to->hedged += from->hedged;
	to->replaced += from->replaced;
	*from = (struct sl_segments_counts){ 0 };
}

static uint64_t
syncs_of(const struct file *file)
{
	return file->part.journal ? sl_journal_syncs(file->part.journal) : 0;
}

static struct sl_tee_counts
tee_counts(const struct file *file)
{
	return file->tee ? file->tee->counts : (struct sl_tee_counts){ 0 };
}

SL_SUSPENDS
static int
run_transfer(struct file *file)
{
	struct sl_transfer *transfer = &file->transfer;
	struct sl_batch_summary *summary = &file->batch->summary;
	struct sl_segment_counts before = transfer->counts; /* which only grow */
	uint64_t hash_ns = transfer->hasher.waited_ns;
	transfer->place = &file->place;
	transfer->sources = &file->sources;
	transfer->part = file->is_stream ? NULL : &file->part;
	transfer->stream_fd = file->stream_fd;
	transfer->tee = file->tee;
	transfer->no_ranges = file->no_ranges;
	transfer->is_alone = file->is_alone;
	transfer->wants_time = wants_time(file);
	transfer->wants_stamp = wants_stamp(file);
	transfer->attributes.replaces = file->present.has_rights;
	transfer->accept = accept_response;
	transfer->may_ask = attempt_may_ask;
	transfer->note_source = attempt_note_source;
	transfer->ctx = file;
	uint64_t read_back = transfer->hasher.read_back, syncs = syncs_of(file);
	struct sl_tee_counts tee = tee_counts(file);
	int code = sl_transfer_run(transfer, &file->error);
	attempt_abandon_other_probes(file);
	file_count_received(file);
	summary->network_ns += transfer->counts.network_ns - before.network_ns;
	summary->limited_ns += transfer->counts.limited_ns - before.limited_ns;
	uint64_t deliver_ns = transfer->counts.deliver_ns - before.deliver_ns;
	uint64_t decode_ns = transfer->decode.waited_ns;
	uint64_t tee_ns = tee_counts(file).waited_ns - tee.waited_ns;
	summary->disk_ns += deliver_ns - SL_MIN(deliver_ns, decode_ns + tee_ns);
	summary->decode_ns += decode_ns;
	summary->tee_ns += tee_ns;
	summary->tee_read += tee_counts(file).read - tee.read;
	summary->hash_ns += transfer->hasher.waited_ns - hash_ns;
	summary->read_back += transfer->hasher.read_back - read_back;
	summary->journal_syncs += syncs_of(file) - syncs;
	add_counts(&summary->segments, &transfer->segments.counts);
	return code;
}

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
	return make_part(file);
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
	return code ? code : run_transfer(file);
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
				 (!completes_file(file) || may_replace_any(file));
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
	return look(file);
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
	 * that goes on with another source has resumed it already. */
	if (!file->transfer.is_ranged) {
		file->left = file->is_kept ? file->view.resumed : UINT64_MAX;
		file->view.resumed = 0;
	}
	int code = file->place.awaits_name ? 0 : make_part(file);
	if (!code)
		code = fetch_missing(file);
	if (code == FILE_RESUME || may_skip_written(file, code))
		code = fetch_missing(file);
	while (code < 0 && may_begin_anew(file, code)) {
		begin_anew(file);
		code = look_again(file);
		if (!code)
			code = make_part(file);
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
		.replace = replaces(file),
		.replaced = replaces_examined(file) ? &file->present.file : NULL,
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
		     file->part.has_control || replaces_examined(file) ||
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
		&file->part, file->place.directory, file->place.name, mode_of_part(file), stop);
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
	int code = look(file);
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

/* ---- the attempt ---- */

/* Unless the batch has done it: 0, FILE_LATER or a code; then no part is left. */
SL_SUSPENDS
static int
begin_attempt(struct file *file)
{
	int code = 0;
	if (file->attempts.is_admitted)
		return 0;
	switch (attempt_begin(file)) {
	case ATTEMPT_NOW:
		return 0;
	case ATTEMPT_LATER:
		code = FILE_LATER;
		break;
	case ATTEMPT_REFUSED:
		code = file->error.code;
		break;
	}
	sl_part_discard(&file->part);
	return code;
}

/* ---- a dry run ---- */

/* What a run would go on with: the part of an earlier run, or what is at hand. */
SL_SUSPENDS
static void
find_present(struct file *file, struct sl_plan_file *planned)
{
	uint64_t hashes[SL_ENTRY_SOURCES];
	const struct sl_journal_urls urls = { hashes, hash_sources(file, hashes) };
	const struct sl_at_hand *at_hand = file->present.at_hand;
	struct sl_part_left left = { .bytes = 0 };
	bool may_resume = file->batch->options.resume && file->place.codec == SL_CODEC_NONE &&
			  !file->place.directory->is_missing;
	if (at_hand) {
		planned->present = at_hand->ranges.done_bytes;
		planned->allocated = at_hand->is_moved ? at_hand->allocated : 0;
	}
	if (!may_resume || sl_part_look(file->place.directory, file->place.name, mode_of_part(file),
				   &urls, &left) != 0)
		return;
	if (left.bytes < planned->present ||
		sl_resource_compare(&left.version, &file->planned) != SL_RESOURCE_SAME)
		return;
	planned->present = left.bytes;
	planned->allocated = left.allocated;
}

SL_SUSPENDS
static int
add_to_plan(struct file *file, uint64_t latency_ns)
{
	const struct sl_directory *directory = file->is_stream ? NULL : file->place.directory;
	struct sl_plan_file planned = { .host = file->sources.url.host,
		.length = file->planned.length,
		.latency_ns = latency_ns };
	if (directory) {
		planned.path = directory->path;
		planned.dev_major = directory->dev_major;
		planned.dev_minor = directory->dev_minor;
		planned.free_bytes = directory->free_bytes;
		find_present(file, &planned);
	}
	file->view.present = planned.present;
	file->view.remote = &file->planned;
	file->view.replaces = file->present.kind == SL_PRESENT_REPLACE;
	return sl_plan_add(&file->batch->plan, &planned);
}

/* The size in a list is that of the response to GET: servers may send another one for HEAD. */
SL_SUSPENDS
static int
probe_source(struct file *file, struct sl_probe *probe)
{
	for (;;) {
		int code = sl_probe_run(probe, &file->error);
		if (!code)
			code = sl_answer_check_size(
				&file->entry, file->planned.length, file->place.path, &file->error);
		if (code != SL_E_CHECKSUM || probe->only_get)
			return code;
		sl_error_clear(&file->error);
		probe->only_get = true;
	}
}

/* A name is taken from the response that would be stored: many servers send it for GET only. */
SL_SUSPENDS
static int
plan(struct file *file)
{
	uint64_t latency_ns = 0;
	struct sl_probe probe = { .client = file->batch->options.client,
		.sources = &file->sources,
		.only_get = file->place.awaits_name,
		.ctx = file,
		.resource = &file->planned,
		.latency_ns = &latency_ns };
	int code = file->is_stream || file->place.awaits_name ? 0 : look(file);
	if (!code)
		code = begin_attempt(file);
	if (code)
		return code;
	do {
		probe.accept = accept_response;
		code = probe_source(file, &probe);
	} while (code < 0 && attempt_next_source(file));
	return code ? code : add_to_plan(file, latency_ns);
}

/* ---- the task ---- */

int
file_task(void *arg)
{
	struct file *file = arg;
	bool dry_run = file->batch->options.dry_run;
	file->transfer.is_expected = true;
	sl_admission_expect(file->batch->transfer.admission);
	int code = dry_run ? plan(file) : prepare(file);
	if (!code && !dry_run)
		code = begin_attempt(file);
	if (!code && !dry_run)
		code = run(file);
	if (code != FILE_HANDED_OVER)
		sl_transfer_is_not_expected(&file->transfer);
	if (code != FILE_HANDED_OVER)
		file->group = NULL; /* it cannot be stopped any more */
	return code;
}
