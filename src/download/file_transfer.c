/*
 * file_transfer.c - the transfer of a file, and the name that its first answer gives it.
 */
#include "batch_int.h"

#include "sluice/base/log.h"
#include "sluice/base/text.h"
#include "sluice/http/disposition.h"

#include <errno.h>

#define NAME_SHOWN_MAX 120u /* bytes of a name in a message */


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
		code = file_look(file);
	if (!code && !file->batch->options.dry_run)
		code = file_make_part(file);
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

int
file_accept_response(void *ctx, const struct sl_http_exchange *exchange)
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

int
file_run_transfer(struct file *file)
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
	transfer->accept = file_accept_response;
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
	summary->decode_ns += decode_ns + transfer->counts.decode_ns - before.decode_ns;
	summary->tee_ns += tee_ns;
	summary->tee_read += tee_counts(file).read - tee.read;
	summary->hash_ns += transfer->hasher.waited_ns - hash_ns;
	summary->read_back += transfer->hasher.read_back - read_back;
	summary->journal_syncs += syncs_of(file) - syncs;
	add_counts(&summary->segments, &transfer->segments.counts);
	return code;
}
