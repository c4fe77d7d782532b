/*
 * arguments.h - passwords on the command line, which other users of the machine can see in the list
 * of processes until they are overwritten there.
 */
#ifndef SLUICE_CLI_ARGUMENTS_H
#define SLUICE_CLI_ARGUMENTS_H

#include "sluice/base/def.h"

/*
 * Overwrite users and passwords of URLs in the words with '*'. argv gets copies of such words, as
 * they were typed, which are never freed. Returns 0 or -ENOMEM.
 */
int sl_arguments_hide_urls(int argc, char **argv) SL_MUST_CHECK;

/* What was taken from an option is not needed in its word any more: overwrite all of `text`, a word
 * or the rest of one. */
void sl_arguments_hide(const char *text);

/* The same for what follows the first colon of USER:PASSWORD. */
void sl_arguments_hide_password(const char *text);

/* The same for what precedes the '@' of a URL, which may have no scheme. */
void sl_arguments_hide_userinfo(const char *url);

#endif
