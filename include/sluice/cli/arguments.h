/*
 * arguments.h - the words of a command line, copied: the words themselves are shown to other users
 * by ps(1), so that secrets in them are overwritten once they were copied.
 */
#ifndef SLUICE_CLI_ARGUMENTS_H
#define SLUICE_CLI_ARGUMENTS_H

#include "sluice/base/error.h"

#include <stddef.h>

struct sl_arguments {
	int count;
	char **words; /* NULL behind the last one */
	size_t len;   /* bytes of all words */
};

/* Copy all words of argv, of which argv[1] is the command, and overwrite there what may be secret:
 * passwords in URLs and of --user and --proxy-user, signatures and tokens in queries, values of
 * --header. Returns 0; -ENOMEM. */
int sl_arguments_take(struct sl_arguments *out, int argc, char **argv) SL_MUST_CHECK;

/* Harmless on {0}; the words are wiped. */
void sl_arguments_release(struct sl_arguments *arguments);

#endif
