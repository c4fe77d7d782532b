/*
 * name_list.h - names of inputs with some numbers each, in little memory: scans may have millions
 * of inputs. Of each name only what differs from the one before is kept, so that sorted names of a
 * directory take some 15 bytes. Pure.
 */
#ifndef SLUICE_SINK_NAME_LIST_H
#define SLUICE_SINK_NAME_LIST_H

#include "sluice/base/bytes.h"

#define SL_NAME_LIST_NUMBERS 3u

/* {0} is empty. */
struct sl_name_list {
	size_t count; /* readable */

	/* Private. */
	struct sl_buf entries;
	struct sl_buf last; /* the name that was added last */
	size_t *marks;      /* offsets of entries that have their whole name */
	size_t mark_cap;
};

/* Small numbers take a byte each. Returns 0 or -ENOMEM. */
int sl_name_list_add(struct sl_name_list *list, struct sl_span name,
	const uint64_t numbers[SL_NAME_LIST_NUMBERS]) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_name_list_release(struct sl_name_list *list);

/* Reads a list that does not change in the meantime. {.list = ...} is before the first entry. */
struct sl_name_list_reader {
	const struct sl_name_list *list;
	uint64_t numbers[SL_NAME_LIST_NUMBERS];
	struct sl_buf name; /* both of the entry that was read last */

	/* Private. */
	size_t next, at; /* an entry: its index and its offset */
};

/* The next entry. False if there are no more, or memory is exhausted, which name.failed shows. */
bool sl_name_list_next(struct sl_name_list_reader *reader);

/* The entry with this first number, of a list whose first numbers ascend; false as above. */
bool sl_name_list_find(struct sl_name_list_reader *reader, uint64_t number);

/* Harmless on {0}. */
void sl_name_list_reader_release(struct sl_name_list_reader *reader);

#endif
