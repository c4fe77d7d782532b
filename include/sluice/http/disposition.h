/*
 * disposition.h - the name that a server suggests for a file, in Content-Disposition (RFC 6266).
 * Pure.
 */
#ifndef SLUICE_HTTP_DISPOSITION_H
#define SLUICE_HTTP_DISPOSITION_H

#include "sluice/base/bytes.h"

enum sl_disposition {
	SL_DISPOSITION_NONE,
	SL_DISPOSITION_NAME,
	SL_DISPOSITION_UNUSABLE, /* what was suggested cannot be the name of a file */
};

/*
 * Append the name that the field's value has to *name: filename*= if that can be decoded, else
 * filename=. Only its last component, behind any '/' and '\', is taken, and a leading '-' or '.'
 * gets '_' before it; it is valid UTF-8 without control bytes of ASCII, and has at most
 * SL_URL_FILE_NAME_MAX bytes. For UNUSABLE the reason goes to *why, static text, and what was
 * suggested to *name, which is to be made safe before it is shown. Returns an sl_disposition or
 * -ENOMEM.
 */
int sl_disposition_parse(struct sl_span value, struct sl_buf *name, const char **why) SL_MUST_CHECK;

#endif
