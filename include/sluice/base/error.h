/*
 * error.h - error codes, and descriptions of failures.
 *
 * Every fallible function returns int: 0 or a documented count, or a negative code. -1..-4095 are
 * the kernel's errno values exactly as completions deliver them; our own start at -5000. No
 * function here reads errno.
 *
 * The description for the user is stored in a caller-owned struct sl_error. Only the layer cli
 * prints it.
 */
#ifndef SLUICE_BASE_ERROR_H
#define SLUICE_BASE_ERROR_H

#include "sluice/base/def.h"

#include <stdbool.h>

enum sl_code {
	SL_E_PROTO = -5000,       /* the peer violated its protocol */
	SL_E_LIMIT = -5001,       /* a named limit was reached */
	SL_E_RESOLVE = -5002,     /* a name does not resolve */
	SL_E_TLS = -5003,         /* handshake, verification or record layer */
	SL_E_STATUS = -5004,      /* an HTTP status other than success, in sl_error.http_status */
	SL_E_REDIRECT = -5005,    /* too many, looping or refused redirects */
	SL_E_SHORT_BODY = -5006,  /* the body ended before its announced end */
	SL_E_CHECKSUM = -5007,    /* the content does not match the given checksum */
	SL_E_IN_USE = -5008,      /* another run holds the lock */
	SL_E_USAGE = -5009,       /* invalid arguments or input */
	SL_E_UNSUPPORTED = -5010, /* valid, but not supported */
	SL_E_STALE = -5011,       /* a kept-alive connection was closed before the response */
	SL_E_REPLACED = -5012,    /* another program changed or replaced a file of this run */
	SL_E_NAME = -5013,        /* a file name that is not allowed */
	SL_E_UNDECIDED = -5014,   /* a limit was reached before a match could be decided */
	SL_E_INTERRUPTED = -5015, /* a signal asked the run to end */
	SL_E_TWICE = -5016,       /* two inputs of a run have the same file name */
	SL_E_CHANGED = -5017,     /* the server has another version than before */
	SL_E_DECODE = -5018,      /* compressed data that is damaged or cannot be decoded */
	SL_E_DNS_FAILURE = -5019, /* a name lookup failed; a later one may bring an answer */
	SL_E_AUTH = -5020, /* credentials are missing, or were refused, other than by a status */
	SL_E_SLOW = -5021, /* less data came than is wanted at least */
};

/* The operation that failed; with the code it determines the exit status. */
enum sl_phase {
	SL_PHASE_NONE,
	SL_PHASE_RESOLVE,
	SL_PHASE_CONNECT,
	SL_PHASE_PROXY, /* what a proxy was asked for, or how it is named */
	SL_PHASE_TLS,
	SL_PHASE_REQUEST,
	SL_PHASE_HEAD,
	SL_PHASE_BODY,
	SL_PHASE_DIRECTORY,
	SL_PHASE_OPEN,
	SL_PHASE_CREATE,
	SL_PHASE_READ,
	SL_PHASE_WRITE,
	SL_PHASE_SYNC,
	SL_PHASE_RENAME,
};

/* Whether it is one of the server, or of the way to it: another attempt or source may do better. */
static inline bool
sl_phase_is_network(enum sl_phase phase)
{
	return phase >= SL_PHASE_RESOLVE && phase <= SL_PHASE_BODY;
}

#define SL_ERROR_TEXT 768

/* Caller-allocated; {0} = nothing has failed. text is ready to print, without full
 * stop. */
struct sl_error {
	int code;
	enum sl_phase phase;
	int http_status;
	/* With http_status: the wait that the server asked for; 0 = none. Of 403 above 0 only if a
	 * rate limit was reached. */
	unsigned retry_after_s;
	bool names_limit; /* of -ETIMEDOUT: the text has the option that sets the limit */
	char text[SL_ERROR_TEXT];
};

/*
 * Record a failure and return `code`:
 *	return sl_fail(err, SL_PHASE_WRITE, -ENOSPC, "cannot write '%s'", path);
 * If *err holds a failure already, it is kept. err may be NULL: then only the code is returned. A
 * text of more than SL_ERROR_TEXT - 1 bytes loses its middle.
 */
int sl_fail(struct sl_error *err, enum sl_phase phase, int code, const char *fmt, ...)
	SL_PRINTF(4, 5);

/* As sl_fail, with ": " and sl_code_text(code) appended. */
int sl_fail_code(struct sl_error *err, enum sl_phase phase, int code, const char *fmt, ...)
	SL_PRINTF(4, 5);

/* Clear a recorded failure before another attempt. */
void sl_error_clear(struct sl_error *err);

/* A short text for any code, such as "no space left on device"; lower case for all codes that users
 * see. Static storage. */
const char *sl_code_text(int code);

#endif
