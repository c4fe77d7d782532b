/*
 * record_search.h - where the last record of a text begins (logline/record.h), which comes in
 * pieces. Pure.
 *
 * The text may begin anywhere: then lines up to the first one that begins a record whatever comes
 * before it are not decided.
 */
#ifndef SLUICE_FOLLOW_RECORD_SEARCH_H
#define SLUICE_FOLLOW_RECORD_SEARCH_H

#include "sluice/logline/record.h"

#include <stdint.h>

#define SL_RECORD_SEARCH_NONE UINT64_MAX

/* What decides about a line: bytes at its beginning, and the last two. */
#define SL_RECORD_SEARCH_KEEP (SL_RECORD_LOOK + 2u)

/* In its owner's memory; fields are the module's, but for reading `last` and `state`. */
struct sl_record_search {
	uint64_t last; /* where the last record begins; SL_RECORD_SEARCH_NONE if none does, as far
			  as is known */
	enum sl_record_state state; /* after the last line, if is_known */
	bool is_known;
	enum sl_record_look before; /* of the last line; only used until is_known */
	bool is_skipping;           /* the line that the text begins in */

	/* The line that is not complete. */
	uint64_t line;     /* where it begins */
	uint64_t line_len; /* bytes so far */
	char text[SL_RECORD_SEARCH_KEEP + 2];
};

/* The text begins at `off`, with a line, in this state. */
void sl_record_search_begin(
	struct sl_record_search *search, uint64_t off, enum sl_record_state state);

/* The text begins at `off`, which may be inside a line. */
void sl_record_search_begin_inside(struct sl_record_search *search, uint64_t off);

/* The text goes on. Lines count once their newline has come. */
void sl_record_search_add(struct sl_record_search *search, struct sl_span text);

#endif
