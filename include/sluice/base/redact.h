/*
 * redact.h - removes secrets from text before it is printed or stored.
 */
#ifndef SLUICE_BASE_REDACT_H
#define SLUICE_BASE_REDACT_H

#include "sluice/base/bytes.h"

/*
 * Append `text` to *out with secrets replaced by "***": the userinfo of every "//user:pass@", with
 * any scheme or none before it, the values of query parameters whose names suggest secrets (token,
 * signature, sig, secret, password, key, credential, auth, ...), and the values of header lines
 * that carry credentials (Authorization, Proxy-Authorization, Cookie, Set-Cookie, X-Api-Key,
 * X-Auth-Token and any name with "token", "secret" or "password" in it). Header lines are
 * recognised where a line or a word begins, parameters after ? & ; and #.
 */
void sl_redact(struct sl_buf *out, struct sl_span text);

/* The same for the beginning of a document, cut anywhere, that a server sent: the values of such
 * names are also masked in JSON ("token": "..."), XML (<Token>...</Token>) and name=value. For some
 * hundred bytes: the time grows with the square of the length. */
void sl_redact_document(struct sl_buf *out, struct sl_span text);

#endif
