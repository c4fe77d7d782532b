/*
 * rotation.h - the names that logs get when they are rotated. Pure.
 *
 *	app.log.1  app.log.2.gz  app.log-20260131  app.log-20260131.xz  app-20260131.log.gz
 *
 * Names decide only where the rest of a log is looked for, and which of several rotated logs is
 * older; whether a file is the log is decided by its identity and content.
 */
#ifndef SLUICE_FOLLOW_ROTATION_H
#define SLUICE_FOLLOW_ROTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if `other`, in the same directory, may be a rotated `name`. */
bool sl_rotation_may_be(const char *name, const char *other);

/* All names of which `other` may be a rotated one. {.other = ...} is before the first of them. */
struct sl_rotation_names {
	const char *other;
	size_t separator, extension; /* private: offsets */
};

/* The next one, some of them more than once, to `name`, which has room for `other`; false after the
 * last. */
bool sl_rotation_next_name(struct sl_rotation_names *names, char *name);

/* True if `other` is `name` and the suffix of a compressed format. */
bool sl_rotation_is_compressed(const char *name, const char *other);

/* The name of the log that one with this name may be a generation of; the same if it looks like
 * none. `base` has room for all of it. */
void sl_rotation_base(const char *name, char *base);

/* The generation of a rotated log. */
struct sl_rotation_age {
	bool is_known; /* a number or a date, and nothing else before the suffix of a format */
	bool is_date;  /* at least six digits: greater is newer; else greater is older */
	uint64_t number;
};

/* sl_rotation_may_be(name, other). */
struct sl_rotation_age sl_rotation_age(const char *name, const char *other);

/* True if both have ages that can be compared, and `a` is the newer one. */
bool sl_rotation_is_newer(struct sl_rotation_age a, struct sl_rotation_age b);

#endif
