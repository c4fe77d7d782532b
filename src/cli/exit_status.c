/*
 * exit_status.c - the exit status of a failed `sluice get`, from the code first, and for kernel
 * codes from the phase in which they occurred.
 */
#include "sluice/cli/exit_status.h"

#include <errno.h>

static enum sl_exit
by_http_status(int status)
{
	switch (status) {
	case 404:
	case 410:
		return SL_EXIT_NOT_FOUND;
	case 401:
	case 403:
	case 407:
		return SL_EXIT_AUTH;
	case 429:
	case 502:
	case 503:
	case 504:
		return SL_EXIT_UNAVAILABLE;
	default:
		return SL_EXIT_PROTOCOL;
	}
}

static enum sl_exit
by_phase(enum sl_phase phase)
{
	switch (phase) {
	case SL_PHASE_RESOLVE:
		return SL_EXIT_RESOLVE;
	case SL_PHASE_CONNECT:
	case SL_PHASE_PROXY:
	case SL_PHASE_REQUEST:
	case SL_PHASE_HEAD:
	case SL_PHASE_BODY:
		return SL_EXIT_CONNECT;
	case SL_PHASE_TLS:
		return SL_EXIT_TLS;
	case SL_PHASE_DIRECTORY:
		return SL_EXIT_DIRECTORY;
	case SL_PHASE_OPEN:
		return SL_EXIT_OPEN;
	case SL_PHASE_CREATE:
		return SL_EXIT_CREATE;
	case SL_PHASE_READ:
	case SL_PHASE_WRITE:
	case SL_PHASE_SYNC:
		return SL_EXIT_IO;
	case SL_PHASE_RENAME:
		return SL_EXIT_RENAME;
	case SL_PHASE_NONE:
		break;
	}
	return SL_EXIT_OTHER;
}

enum sl_exit
sl_exit_status(const struct sl_error *err)
{
	switch (err->code) {
	case SL_E_STATUS:
		return by_http_status(err->http_status);
	case SL_E_PROTO:
	case SL_E_LIMIT:
	case SL_E_SHORT_BODY:
	case SL_E_CHANGED:
	case SL_E_DECODE:
		return SL_EXIT_PROTOCOL;
	case SL_E_RESOLVE:
	case SL_E_DNS_FAILURE:
		return SL_EXIT_RESOLVE;
	case SL_E_TLS:
		return SL_EXIT_TLS;
	case SL_E_AUTH:
		return SL_EXIT_AUTH;
	case SL_E_REDIRECT:
		return SL_EXIT_REDIRECT;
	case SL_E_CHECKSUM:
		return SL_EXIT_CHECKSUM;
	case SL_E_IN_USE:
		return SL_EXIT_IN_USE;
	case SL_E_TWICE:
		return SL_EXIT_EXISTS;
	case SL_E_NAME:
	case SL_E_USAGE:
		return SL_EXIT_USAGE;
	case SL_E_UNSUPPORTED: /* of what was asked for, or of what a server sent */
		return err->phase == SL_PHASE_HEAD || err->phase == SL_PHASE_BODY ? SL_EXIT_PROTOCOL
										  : SL_EXIT_USAGE;
	case -EEXIST:
		return SL_EXIT_EXISTS;
	case -ETIMEDOUT:
	case SL_E_SLOW:
		return SL_EXIT_TIMEOUT;
	case -ENOSPC:
	case -EDQUOT:
		return SL_EXIT_NO_SPACE;
	case -ENOMEM:
	case -EMFILE: /* also while connecting: not a failure of the server */
	case -ENFILE:
		return SL_EXIT_OTHER;
	default:
		return by_phase(err->phase);
	}
}
