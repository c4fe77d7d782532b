/*
 * entry.h - one file to download, as the command line or a list describes it. Pure.
 */
#ifndef SLUICE_DOWNLOAD_ENTRY_H
#define SLUICE_DOWNLOAD_ENTRY_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/download/checksum.h"
#include "sluice/download/pieces.h"

#define SL_ENTRY_SOURCES 32 /* URLs of one file */
#define SL_ENTRY_HEADERS 32 /* header= lines of one file */

/* An option that is yes or no, and may be absent. */
enum sl_entry_choice { SL_ENTRY_UNSET, SL_ENTRY_YES, SL_ENTRY_NO };

/* The spans are borrowed; where an entry comes from states for how long. */
struct sl_entry {
	struct sl_span sources[SL_ENTRY_SOURCES];
	size_t source_count;
	struct sl_span headers[SL_ENTRY_HEADERS]; /* "Name: value" */
	size_t header_count;
	struct sl_span out;                 /* len 0 = from the URL */
	struct sl_span dir;                 /* len 0 = the directory of the run */
	struct sl_span referer, user_agent; /* header fields; len 0 = none, the client's own */
	struct sl_span user, password;      /* for URLs without their own; user.len 0 = none */
	struct sl_checksum checksum;
	struct sl_pieces pieces; /* digests borrowed as the spans are */
	uint64_t size;           /* of the file, as the list has it; valid with has_size */
	bool has_size;
	enum sl_entry_choice remote_time;
	bool from_list; /* its names must stay under the directory of the run */
	uint64_t line;  /* where it began, 1-based; 0 = command line */
};

/* A copy whose spans and digests point into *memory, the caller's to free. Returns 0 or -ENOMEM. */
int sl_entry_copy(struct sl_entry *out, const struct sl_entry *entry, char **memory) SL_MUST_CHECK;

#endif
