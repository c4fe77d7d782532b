/*
 * division.h - how the memory of a scan is divided among its parts. Pure.
 *
 * Less a fixed share for everything small, it goes to what consumers have of their own, the steps
 * in which they read, decoders, and the chunks of readers. Steps and chunks shrink before their
 * number does.
 *
 * Usually decoders have two thirds of what steps leave: one third for the front, the input that is
 * reported next, and one for all others together. With little memory neither would be enough for
 * the windows that zstd and xz data usually have. There, files with windows are decoded one at a
 * time, each with all that there is for decoders, and chunks and steps get less.
 */
#ifndef SLUICE_SCAN_DIVISION_H
#define SLUICE_SCAN_DIVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_SCAN_BATCH 64u /* small files that an opener takes at a time, at most */
#define SL_SCAN_OPENERS 3u
#define SL_SCAN_SMALLS_SIZE (256u * 1024u) /* bytes an opener reads at a time */
#define SL_SCAN_READERS 16u /* ranges read at a time: what a fast disk takes at 1 MiB each */

/* What is there to be divided, and what a scan wants of it. */
struct sl_scan_needs {
	uint64_t max_memory;
	uint64_t taken; /* of it, by patterns and by what the caller has for its sinks */
	unsigned workers;
	size_t chunk;   /* bytes of one that is asked for, a multiple of 4096 */
	unsigned queue; /* chunks */
	bool has_expressions;
	bool has_kinds, has_timeline;
	bool has_marks;   /* chunks have a bit for each byte */
	bool has_period;  /* a second one */
	/* If lines are counted for each pattern: what a piece has for that, and a consumer. */
	uint64_t tally_part, tally_counter;
	bool keeps_bytes; /* chunks wait for the merger: consumers read none in steps */
	bool has_context;
	bool has_before; /* lines before a match are wanted */
};

struct sl_scan_division {
	unsigned consumers;
	size_t step, chunk, chunks; /* two sizes, a number */
	uint64_t kinds;             /* for the digests of all pieces */
	size_t memo;                /* of each consumer and opener, and one more */
	uint64_t before;            /* for lines before a match */
	/* For decoders: of the front, of all behind it together, and of one that works alone. */
	uint64_t decode_share, decode_alone;
	bool decodes_alone; /* files with windows are decoded one at a time */
};

/* Not more chunks than can be in use. */
struct sl_scan_division sl_scan_divide(const struct sl_scan_needs *needs);

/* All of it, with what is taken: at most max_memory, unless that is less than the least of each
 * part. Windows and other memory of decoders count as if they were used. */
uint64_t sl_scan_division_sum(
	const struct sl_scan_needs *needs, const struct sl_scan_division *division);

#endif
