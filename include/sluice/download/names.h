/*
 * names.h - the file names used in this run, so that two inputs never write the same file, and an
 * input given twice is detected. Pure.
 *
 * A name is kept as a hash of 128 bits, so a million of them take 64 MiB, however long they are.
 * Two different names with one hash would be reported as the same name: the later input would be
 * refused. That cannot be brought about, and happens by chance once in 10^26 runs of a million
 * names.
 */
#ifndef SLUICE_DOWNLOAD_NAMES_H
#define SLUICE_DOWNLOAD_NAMES_H

#include "sluice/base/bytes.h"
#include "sluice/base/siphash.h"

#include <stdbool.h>

/* The input that uses a name. */
struct sl_names_owner {
	uint64_t
		source; /* hash of what it downloads: equal for inputs that are the same download */
	uint32_t index; /* of the input; below SL_NAMES_MAX */
	int16_t code;   /* why it failed; 0 = it has not */
	int16_t http_status; /* that goes with SL_E_STATUS */
};

#define SL_NAMES_MAX (UINT32_MAX - 1)

struct sl_names_slot {
	struct sl_siphash key; /* of the name; {0} = free */
	struct sl_names_owner owner;
};

/* Open-addressed; grows. */
struct sl_names_table {
	struct sl_names_slot *slots;
	size_t count, cap;
};

/* {0} is empty. */
struct sl_names {
	struct sl_names_table claims;
	struct sl_names_table
		numbers; /* owner.index = the last that sl_names_next_number returned */
};

void sl_names_release(struct sl_names *names);

enum sl_names_result { SL_NAMES_CLAIMED, SL_NAMES_TAKEN };

/* Reserve `path` for `owner`. Returns an sl_names_result or -ENOMEM; if it is taken, *other is its
 * owner. */
int sl_names_claim(struct sl_names *names, const char *path, const struct sl_names_owner *owner,
	struct sl_names_owner *other) SL_MUST_CHECK;

/* The owner of `path`, NULL if it was not claimed. Valid until the table changes; the caller may
 * set how it ended. */
struct sl_names_owner *sl_names_find(const struct sl_names *names, const char *path);

/* It may be claimed again. Harmless if it was not claimed. */
void sl_names_give_up(struct sl_names *names, const char *path);

/* The next number for names that are made from `path`, claimed or not: 1, 2, ... Each is returned
 * once, so that a thousand equal names cost a thousand steps. 0 if out of memory. */
unsigned sl_names_next_number(struct sl_names *names, const char *path);

/* Extend a hash of 64 bits (FNV-1a; 0 begins one) by `text` and a separator. */
uint64_t sl_names_hash(uint64_t hash, struct sl_span text);

#endif
