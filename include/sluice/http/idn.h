/*
 * idn.h - host names beyond ASCII (IDNA2008, mapped by UTS #46, non-transitional).
 */
#ifndef SLUICE_HTTP_IDN_H
#define SLUICE_HTTP_IDN_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

/*
 * Append the ASCII form ("xn--...") of a host name in UTF-8 to *out. Returns 0; SL_E_USAGE with the
 * reason in *err if the name is not valid UTF-8 or not allowed; -ENOMEM. The result still has to be
 * checked as an ASCII host name: the mapping can produce any ASCII character.
 */
int sl_idn_to_ascii(struct sl_buf *out, struct sl_span host, struct sl_error *err) SL_MUST_CHECK;

#endif
