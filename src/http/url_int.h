/*
 * url_int.h - what the two sources of url.h share.
 */
#ifndef SLUICE_HTTP_URL_INT_H
#define SLUICE_HTTP_URL_INT_H

#include "sluice/http/url.h"

/* Append the text of a URL, good or bad, as far as a message may show it: safe, masked and cut. */
void sl_url_show(struct sl_buf *out, struct sl_span text);

#endif
