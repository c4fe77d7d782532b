/*
 * at_hand.h - what a file that exists has of the one to be downloaded: the beginning that another
 * program has left, what aria2's control file lists, or what is not damaged. It can be taken over
 * (takeover.h).
 */
#ifndef SLUICE_DOWNLOAD_AT_HAND_H
#define SLUICE_DOWNLOAD_AT_HAND_H

#include "sluice/download/directory.h"
#include "sluice/download/file_id.h"
#include "sluice/download/pieces.h"
#include "sluice/download/ranges.h"
#include "sluice/http/resource.h"
#include "sluice/rt/chunk.h"

struct sl_at_hand {
	struct sl_ranges ranges;    /* its total is the size of the complete file */
	struct sl_resource version; /* that they are of; the length alone unless has_version */
	bool has_version;
	bool is_beginning;      /* and nothing else; how long the whole file is was only asked */
	bool is_left;           /* half-done, by another program, which must not be at work on it */
	bool is_moved;          /* the file itself becomes the part; else a copy */
	bool is_aria2s;         /* it has a control file */
	bool has_holes;         /* parts of it were never written, and are not at hand */
	bool has_journal;       /* a journal was kept for it */
	size_t gaps;            /* of a complete file: damaged ranges */
	uint64_t damage;        /* bytes of them */
	struct sl_file_id file; /* that has it, as it was when that was found out */
	uint64_t allocated;     /* of its bytes, on the disk */
};

/* Nothing is at hand of a file of `total` bytes. Returns 0 or -ENOMEM. */
int sl_at_hand_new(struct sl_at_hand **out, uint64_t total) SL_MUST_CHECK;

/* NULL is fine. */
void sl_at_hand_free(struct sl_at_hand *at_hand);

/* It is in this file. */
void sl_at_hand_set_file(struct sl_at_hand *at_hand, const struct statx *st);

/*
 * What was written to a range of the open file, in whole chunks: all of it, or with has_holes what
 * has no hole. A chunk beside a hole is left out too. Returns 0; -ENOMEM; a kernel's code.
 */
SL_SUSPENDS
int sl_at_hand_add_written(struct sl_at_hand *at_hand, int fd, struct sl_range range) SL_MUST_CHECK;

/*
 * What aria2 has of `name`, of which `size` bytes exist, by its control file NAME.aria2. Returns 0;
 * -ENOENT without such a file; with the reason in *err what sl_aria2_control_read returns, or
 * SL_E_REPLACED for a control file that is not a regular file or is of a shorter one; a kernel's
 * code. *out is NULL after a failure.
 */
SL_SUSPENDS
int sl_at_hand_of_aria2(struct sl_at_hand **out, struct sl_directory *directory, const char *name,
	uint64_t size, struct sl_error *err) SL_MUST_CHECK;

/* What sl_at_hand_verify needs of a complete file. */
struct sl_at_hand_file {
	struct sl_directory *directory;
	const char *name, *path;        /* path: for messages */
	uint64_t url_hash;              /* sl_journal_url_hash */
	const struct sl_pieces *pieces; /* kind SL_CHECKSUM_NONE = there are none */
	uint64_t size;                  /* it should have; SL_LENGTH_UNKNOWN = that of the file */
	struct sl_chunk_pool *pool;
};

/*
 * Read a complete file and compare it with the digests of its pieces, or else with the journal that
 * was kept for it. *out is NULL if it is as it was, if there is nothing to compare it with (the
 * reason is logged), or if nothing of it is right. Returns 0; a code with words in *err.
 */
SL_SUSPENDS
int sl_at_hand_verify(struct sl_at_hand **out, const struct sl_at_hand_file *file,
	struct sl_error *err) SL_MUST_CHECK;

#endif
