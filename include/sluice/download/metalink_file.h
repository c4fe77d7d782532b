/*
 * metalink_file.h - one <file> of a Metalink document, put together from its elements. Pure.
 *
 * The first fault of a file is kept in `fault`; the others, and what comes after it, do no harm.
 */
#ifndef SLUICE_DOWNLOAD_METALINK_FILE_H
#define SLUICE_DOWNLOAD_METALINK_FILE_H

#include "sluice/download/entry.h"

#define SL_METALINK_TEXT SL_MIB /* bytes of name and URLs of a file: 300 mirrors have 30 KiB */

#define SL_METALINK_LAST 1000000u /* rank of a URL without priority: below all that have one */

struct sl_metalink_url {
	size_t off, len; /* in text */
	uint32_t rank;   /* lower is better */
};

/* What has no effect, over all files of a document. */
struct sl_metalink_ignored {
	uint64_t torrents; /* <metaurl>, and URLs of torrents in Metalink 3 */
	uint64_t schemes;  /* URLs other than http and https */
	uint64_t surplus;  /* URLs beyond the best SL_ENTRY_SOURCES */
	uint64_t digests;  /* of unknown algorithms */
};

/* {0} before the first begin. */
struct sl_metalink_file {
	struct sl_error fault;
	uint64_t line;
	struct sl_buf text; /* the name, then URLs */
	size_t name_len;
	struct sl_metalink_url urls[SL_ENTRY_SOURCES]; /* best first */
	size_t url_count;
	struct sl_checksum checksum; /* the strongest so far */
	uint64_t size;
	bool has_size;
	struct sl_buf digests; /* of pieces */
	enum sl_checksum_kind pieces_kind;
	uint64_t piece_length;
	bool takes_pieces; /* those that come are kept */
	struct sl_metalink_ignored ignored;
};

void sl_metalink_file_release(struct sl_metalink_file *file);

/* Another file; the counts of what was ignored continue. A missing name is NULL. */
void sl_metalink_file_begin(struct sl_metalink_file *file, uint64_t line, const char *name);

/* Text of elements, without white space around it. `line` is that of the element. */
void sl_metalink_file_size(struct sl_metalink_file *file, uint64_t line, struct sl_span text);
void sl_metalink_file_hash(
	struct sl_metalink_file *file, uint64_t line, const char *type, struct sl_span hex);
void sl_metalink_file_url(
	struct sl_metalink_file *file, uint64_t line, uint32_t rank, struct sl_span url);

/* Attributes may be NULL. */
void sl_metalink_file_pieces(
	struct sl_metalink_file *file, uint64_t line, const char *type, const char *length);

/* `number`: attribute of Metalink 3, counted from 0; NULL if there is none. */
void sl_metalink_file_piece(
	struct sl_metalink_file *file, uint64_t line, const char *number, struct sl_span hex);

/* Record a fault. */
void sl_metalink_file_refuse(struct sl_metalink_file *file, uint64_t line, const char *why);

/* Set *out, which points into *file until its next begin. Returns 0; SL_E_USAGE with *err; -ENOMEM.
 */
int sl_metalink_file_end(
	struct sl_metalink_file *file, struct sl_entry *out, struct sl_error *err) SL_MUST_CHECK;

#endif
