/*
 * file_plan.c - the one step of a file in a dry run: it is asked for, and added to the plan.
 */
#include "batch_int.h"

#include "sluice/download/answer.h"
#include "sluice/download/probe.h"

/* What a run would go on with: the part of an earlier run, or what is at hand. */
SL_SUSPENDS
static void
find_present(struct file *file, struct sl_plan_file *planned)
{
	uint64_t hashes[SL_ENTRY_SOURCES];
	const struct sl_journal_urls urls = { hashes, file_hash_sources(file, hashes) };
	const struct sl_at_hand *at_hand = file->present.at_hand;
	struct sl_part_left left = { .bytes = 0 };
	bool may_resume = file->batch->options.resume && file->place.codec == SL_CODEC_NONE &&
			  !file->place.directory->is_missing;
	if (at_hand) {
		planned->present = at_hand->ranges.done_bytes;
		planned->allocated = at_hand->is_moved ? at_hand->allocated : 0;
	}
	if (!may_resume || sl_part_look(file->place.directory, file->place.name,
				   file_part_mode(file), &urls, &left) != 0)
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

int
file_plan(struct file *file)
{
	uint64_t latency_ns = 0;
	struct sl_probe probe = { .client = file->batch->options.client,
		.sources = &file->sources,
		.codings =
			file->batch->options.compressed ? SL_CODINGS_COMPARE : SL_CODINGS_AS_SENT,
		.only_get = file->place.awaits_name,
		.ctx = file,
		.resource = &file->planned,
		.latency_ns = &latency_ns };
	int code = file->is_stream || file->place.awaits_name ? 0 : file_look(file);
	if (!code)
		code = attempt_admit(file);
	if (code)
		return code;
	do {
		probe.accept = file_accept_response;
		code = probe_source(file, &probe);
	} while (code < 0 && attempt_next_source(file));
	return code ? code : add_to_plan(file, latency_ns);
}
