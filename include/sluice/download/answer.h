/*
 * answer.h - warnings that follow from the head of a successful response: a content coding that was
 * not requested, an HTML page under the name of another type of file, and a name that the server
 * suggests and the file does not get.
 */
#ifndef SLUICE_DOWNLOAD_ANSWER_H
#define SLUICE_DOWNLOAD_ANSWER_H

#include "sluice/download/place.h"
#include "sluice/http/head.h"

/* Log them. The file is downloaded all the same: curl and wget store such files, and often they are
 * the wanted ones. */
void sl_answer_note(
	const struct sl_head *head, const struct sl_url *url, const struct sl_place *place);

#endif
