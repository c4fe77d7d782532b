/* cnonce_int.h - what the client adds to a Digest, to an origin's or a proxy's. */
#ifndef SLUICE_HTTP_CNONCE_INT_H
#define SLUICE_HTTP_CNONCE_INT_H

#include "sluice/http/digest_auth.h"

/* 128 random bits, in hexadecimal: a server cannot choose what is hashed with the password (RFC
 * 7616 5.9). */
void sl_cnonce_make(char cnonce[static SL_DIGEST_CNONCE]);

#endif
