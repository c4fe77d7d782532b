/*
 * exit_status.h - the exit statuses, which scripts rely on (EXIT STATUS in the man pages), and
 * which of them a failure of `sluice get` gets. Pure.
 */
#ifndef SLUICE_CLI_EXIT_STATUS_H
#define SLUICE_CLI_EXIT_STATUS_H

#include "sluice/base/error.h"

/* aria2's numbers, for the failures that aria2 has a number for. */
enum sl_exit {
	SL_EXIT_DONE = 0,
	SL_EXIT_OTHER = 1, /* also: io_uring is not permitted, out of memory */
	SL_EXIT_TIMEOUT = 2,
	SL_EXIT_NOT_FOUND = 3, /* 404, 410 */
	SL_EXIT_CONNECT = 6,   /* refused, reset, unreachable */
	SL_EXIT_NO_SPACE = 9,
	SL_EXIT_IN_USE = 11, /* by another run */
	SL_EXIT_EXISTS = 13, /* the file exists, or a name is used twice */
	SL_EXIT_RENAME = 14,
	SL_EXIT_OPEN = 15,
	SL_EXIT_CREATE = 16,
	SL_EXIT_IO = 17,
	SL_EXIT_DIRECTORY = 18,
	SL_EXIT_RESOLVE = 19,
	SL_EXIT_PROTOCOL = 22, /* another HTTP status, bad framing; a body that is cut short or
				  cannot be decoded */
	SL_EXIT_REDIRECT = 23,
	SL_EXIT_AUTH = 24, /* 401, 403, 407 */
	SL_EXIT_USAGE = 28,
	SL_EXIT_UNAVAILABLE = 29, /* 429, 502, 503, 504 */
	SL_EXIT_CHECKSUM = 32,
	SL_EXIT_TLS = 35,
};

/* grep's, for `sluice scan`. */
enum sl_exit_scan {
	SL_EXIT_SCAN_FOUND = 0,
	SL_EXIT_SCAN_NONE = 1,
	SL_EXIT_SCAN_TROUBLE = 2, /* usage, or something could not be read or decided */
};

/* The status for a failure of `sluice get`; err->code is not 0. */
enum sl_exit sl_exit_status(const struct sl_error *err);

#endif
