/*
 * level.h - the severity of a log line, as the program that wrote it has set it. Pure; allocates
 * nothing.
 *
 * A word in the text that only means an error is not a level. Looked at, in this order:
 *
 *	<11>...                         the priority of syslog, at the beginning
 *	E1018 18:01:47.978901 ...       klog; so are E/Tag and the letters of Android, MongoDB
 *	... ERROR ..., ERROR:root:...   a level in capitals, in the first bytes
 *	[error], [core:error], |warn|   a level in brackets, there
 *	sshd[1]: error: ..., error[E7]: a level with a colon, first or behind ": " or "] "
 *	2015-10-18 18:01:47 error ...   a level directly behind a time stamp that has a year
 *	ERRO[0001] ...                  logrus
 *	level=error, severity="error"   logfmt, anywhere in the line; numbers too
 *	{"level":"error"}, {"level":50} JSON: words, the numbers of bunyan and pino, and of
 *	                                syslog; in the text of {"log":"..."}, as Docker writes
 *	                                it, all above
 *	"GET /a HTTP/1.1" 502           access logs: 5xx is an error, 4xx a warning, others info
 *
 * The first one found counts. Words are looked for in the first SL_LEVEL_PREFIX bytes, the rest in
 * the first SL_LEVEL_LINE.
 */
#ifndef SLUICE_LOGLINE_LEVEL_H
#define SLUICE_LOGLINE_LEVEL_H

#include "sluice/base/bytes.h"

#define SL_LEVEL_PREFIX 160u
#define SL_LEVEL_LINE 65536u

enum sl_level {
	SL_LEVEL_NONE, /* the line has none */
	SL_LEVEL_TRACE,
	SL_LEVEL_DEBUG,
	SL_LEVEL_INFO,
	SL_LEVEL_NOTICE,
	SL_LEVEL_WARNING,
	SL_LEVEL_ERROR,
	SL_LEVEL_CRITICAL, /* critical, fatal, alert, emergency, panic */
	SL_LEVELS
};

struct sl_level_found {
	enum sl_level level;
	size_t begin, end; /* of the text in the line that says so; 0, 0 if the level is NONE */
};

struct sl_level_found sl_level_find(struct sl_span line);

/* The level that a word stands for, in any case: "error", "WARN", "fatal"; NONE if it is none. */
enum sl_level sl_level_of_name(struct sl_span name);

/* "error"; "none". Static text. */
const char *sl_level_name(enum sl_level level);

#endif
