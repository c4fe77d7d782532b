/*
 * answer.h - what follows from the head of a successful response: notes about its content coding,
 * and warnings about an HTML page under the name of another type of file, and a name that the
 * server suggests and the file does not get; a digest to verify; and whether the size is the one
 * that was declared.
 */
#ifndef SLUICE_DOWNLOAD_ANSWER_H
#define SLUICE_DOWNLOAD_ANSWER_H

#include "sluice/codec/codec.h"
#include "sluice/download/place.h"
#include "sluice/http/head.h"

/* Log them. The file is downloaded all the same: curl and wget store such files, and often they are
 * the wanted ones. `decoded` = the coding that is decoded; SL_CODEC_NONE = what comes is stored. */
void sl_answer_note(const struct sl_head *head, enum sl_codec decoded, const struct sl_url *url,
	const struct sl_place *place);

/* The digest of the file that the server sent, to be verified where none was given. False if there
 * is none, or a content coding was applied: then the digest may be that of the file without it. */
bool sl_answer_digest(const struct sl_head *head, struct sl_checksum *out) SL_MUST_CHECK;

/* Compare the size in a list with `length`, that of the response or of what was received
 * (SL_LENGTH_UNKNOWN = unknown). Returns 0, also if either is unknown; SL_E_CHECKSUM with both in
 * *err. */
int sl_answer_check_size(const struct sl_entry *entry, uint64_t length, const char *path,
	struct sl_error *err) SL_MUST_CHECK;

#endif
