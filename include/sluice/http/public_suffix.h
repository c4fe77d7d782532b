/*
 * public_suffix.h - whether a domain is one below which anybody may register names, such as "com"
 * or "co.uk" (https://publicsuffix.org). Pure: the list is compiled into libpsl.
 */
#ifndef SLUICE_HTTP_PUBLIC_SUFFIX_H
#define SLUICE_HTTP_PUBLIC_SUFFIX_H

#include <stdbool.h>

/* `domain` is in lower case and ASCII. A libpsl without a list reports true for all of them. */
bool sl_public_suffix_is(const char *domain);

/* Of libpsl, static text. */
const char *sl_public_suffix_version(void);

#endif
