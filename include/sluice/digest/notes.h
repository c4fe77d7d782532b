/*
 * notes.h - lines that were masked, one by one, in the order in which they came: by the number of
 * the masked line in a dictionary, with its place, its time and its text as an example. A piece of
 * a log with some thousand error lines needs no table of kinds of its own: its notes are read once,
 * when it is merged. They are of lines of one input. Pure.
 *
 * Of lines that are equal once masked, the text of the first one is kept, unless an earlier one
 * comes later.
 */
#ifndef SLUICE_DIGEST_NOTES_H
#define SLUICE_DIGEST_NOTES_H

#include "sluice/digest/dictionary.h"
#include "sluice/digest/times.h"

/* Where a line stands. In a digest of a piece, `line` counts from the beginning of the piece. */
struct sl_kinds_place {
	uint64_t input; /* number */
	uint64_t line;  /* from 0 */
};

static inline bool
sl_kinds_place_is_before(struct sl_kinds_place a, struct sl_kinds_place b)
{
	return a.input < b.input || (a.input == b.input && a.line < b.line);
}

struct sl_note {
	int64_t at_s;        /* time; see sl_times_moment */
	uint64_t place_line; /* of the place */
	uint32_t line;       /* number in the dictionary */
	uint32_t example_at; /* in the notes' examples */
	uint16_t example_len;
	uint16_t dictionary; /* index */
	bool has_year;
};

#define SL_NOTES_DICTIONARIES 8u

/* {0} is empty. */
struct sl_notes {
	uint64_t input; /* number; of all places */
	struct sl_note *items;
	size_t count, cap;
	char *examples;
	size_t used, size;                                         /* bytes */
	struct sl_dictionary *dictionaries[SL_NOTES_DICTIONARIES]; /* a reference to each */
	size_t dictionary_count;
};

/* What a note is made of. */
struct sl_noted {
	struct sl_dictionary *dictionary;
	uint32_t line;
	struct sl_span example;
	struct sl_kinds_place place;
	struct sl_times_moment time;
};

/* Bytes of memory: now, and if so many notes with so many bytes of examples come in addition. */
size_t sl_notes_bytes(const struct sl_notes *notes);
size_t sl_notes_bytes_with(const struct sl_notes *notes, size_t more, size_t examples);

/* False if the notes are of another input, or refer to as many other dictionaries as they can. */
bool sl_notes_can_refer(
	const struct sl_notes *notes, const struct sl_dictionary *dictionary, uint64_t input);
bool sl_notes_has_room_for(
	const struct sl_notes *notes, const struct sl_notes *more, struct sl_kinds_place base);

/* Add one; `digest` is a number that no other notes have, and fields of the dictionary's line are
 * set to it. The notes can refer to it. Returns 0 or -ENOMEM. */
int sl_notes_add(
	struct sl_notes *notes, const struct sl_noted *line, uint64_t digest) SL_MUST_CHECK;

/* Add all of `more`, for which there is room, and whose places move by `base`. Returns 0 or
 * -ENOMEM. */
int sl_notes_append(struct sl_notes *notes, const struct sl_notes *more,
	struct sl_kinds_place base) SL_MUST_CHECK;

/* What a note was made of; valid until the notes change. */
struct sl_noted sl_notes_at(const struct sl_notes *notes, size_t index);

/* The line of a note will be used: fetch it. */
void sl_notes_prefetch(const struct sl_notes *notes, size_t index);

/* No more memory than they need. */
void sl_notes_trim(struct sl_notes *notes);

/* No notes; memory is kept. */
void sl_notes_clear(struct sl_notes *notes);

/* And {0} again. */
void sl_notes_release(struct sl_notes *notes);

#endif
