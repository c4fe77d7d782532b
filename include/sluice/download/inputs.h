/*
 * inputs.h - what a run downloads, one entry after the other: the URLs of the command line, then
 * the lists, in their order. Lists are read while the run is under way, in bounded memory.
 *
 * Shards: entry k of all inputs, counted from 0, belongs to shard k mod `shard_count`. Every entry
 * counts, also one that cannot be used or repeats another, so the shards of the same inputs are
 * disjoint and cover all of them. Each shard reports that a list could not be read to its end.
 */
#ifndef SLUICE_DOWNLOAD_INPUTS_H
#define SLUICE_DOWNLOAD_INPUTS_H

#include "sluice/download/entry.h"
#include "sluice/download/retry.h"
#include "sluice/http/client.h"
#include "sluice/rt/task.h"

/* Borrowed for the life of the inputs. */
struct sl_inputs_options {
	const char *const *urls;
	size_t url_count;
	const char *const *mirrors;  /* other sources of each of the URLs: there is only one then */
	size_t mirror_count;         /* below SL_ENTRY_SOURCES */
	struct sl_checksum checksum; /* likewise; kind NONE = none */
	const char *const *lists;    /* paths, "-", or URLs */
	size_t list_count;
	const char *base_url;  /* directory of the names in lists; NULL = that of the list's URL */
	const char *sums;      /* checksums for entries without one; as one of `lists`, or NULL */
	const char *space_dir; /* where files go: their sizes in lists are checked; NULL = not */
	uint64_t shard_index;  /* from 0 */
	uint64_t shard_count;  /* 0 or 1 = all entries */
	struct sl_http_client *client; /* for lists and sums from URLs */
	struct sl_retry_policy retry;  /* of these */
};

struct sl_inputs;

/* Opens the lists, and reads the sums. Returns 0; SL_E_USAGE for a base URL or sums that cannot be
 * used; what sl_list_reader_new and sl_list_reader_read return. The calling task owns a group from
 * here to sl_inputs_free. */
SL_SUSPENDS
int sl_inputs_new(struct sl_inputs **out, const struct sl_inputs_options *options,
	struct sl_error *err) SL_MUST_CHECK;

/* Ends what still runs. NULL is fine. */
SL_SUSPENDS
void sl_inputs_free(struct sl_inputs *inputs);

/*
 * The next entry of the shard into *out, as an sl_batch_source; its spans are valid until the next
 * call. Returns 1; 0 at the end; a code with *err for an entry that cannot be used, or in place of
 * the rest of a list that cannot be read; the next call continues behind it.
 */
SL_SUSPENDS
int sl_inputs_next(
	struct sl_inputs *inputs, struct sl_entry *out, struct sl_error *err) SL_MUST_CHECK;

/* At the end of the run: logs which files the sums have left without a checksum. */
void sl_inputs_report(const struct sl_inputs *inputs);

/* Entries of the shard in what was read so far, including those sl_inputs_next has not returned
 * yet. *is_all: there are no others. */
uint64_t sl_inputs_count(const struct sl_inputs *inputs, bool *is_all);

#endif
