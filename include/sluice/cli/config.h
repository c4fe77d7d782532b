/*
 * config.h - the text of a configuration file: options, one a line, and sections for commands.
 * Pure; which options exist is not decided here.
 *
 *	# comment                   on a line of its own, or after a value in quotes
 *	jobs = 32                   the long name of an option, and its value
 *	dir "/data/my files"        without '=', in quotes
 *	[scan]                      from here on for `sluice scan` only
 *	ignore-case                 an option without a value
 *
 *  - A value without quotes is the rest of the line, without blanks at its ends. A '#' after a
 *    blank in it is refused, since it may be meant as a comment.
 *  - In double quotes a backslash stands before a double quote, another backslash, or t for a
 *    TAB; in single quotes every byte stands for itself.
 *  - Lines end with LF or CRLF. A byte order mark before the first line is ignored. NUL bytes and
 *    other control bytes, but for TAB, are refused.
 */
#ifndef SLUICE_CLI_CONFIG_H
#define SLUICE_CLI_CONFIG_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

/* Limits; sluice-config(5) names them. */
#define SL_CONFIG_BYTES (256 * SL_KIB) /* of a file */
#define SL_CONFIG_LINE (16 * SL_KIB)   /* bytes of a line */
#define SL_CONFIG_ITEMS 1000u          /* options and sections */

/* An option, or the beginning of a section. */
struct sl_config_item {
	unsigned line; /* from 1 */
	bool is_section;
	const char *name;  /* as written, dashes before it included */
	const char *value; /* NULL = none; "" is an empty one */
};

/* {0} is an empty file. The strings of the items are in `store`. */
struct sl_config {
	struct sl_config_item *items; /* in the order of the file */
	size_t count;
	char *store; /* with values that may be secret */
	size_t store_len;
	char *path;             /* for messages, safe to print; NULL = no file */
	bool is_read_by_others; /* other users may read the file */
};

/*
 * Add what `text` holds to *out, which is {0} but for `path`. Returns 0; SL_E_USAGE with the path,
 * the line and what is wrong in *err; -ENOMEM. Release *out in any case.
 */
int sl_config_parse(struct sl_config *out, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

/* Record a failure as sl_fail does, with the file and the line before the text. */
int sl_config_fail(const struct sl_config *config, unsigned line, int code, const char *why,
	struct sl_error *err);

/* Wipes the values. Harmless on {0}. */
void sl_config_release(struct sl_config *config);

#endif
