/*
 * header.h - values of header fields that are numbers or lists (RFC 9110 5.6.1, 8.6). Pure.
 */
#ifndef SLUICE_HTTP_HEADER_H
#define SLUICE_HTTP_HEADER_H

#include "sluice/http/head.h"

#define SL_HEADER_NO_LENGTH UINT64_MAX

/*
 * Content-Length over all its fields and list members ("6, 6" is 6); SL_HEADER_NO_LENGTH if there
 * is none. Returns 0; SL_E_PROTO if a member is not all digits, is above 2^63 - 1, or differs from
 * another.
 */
int sl_header_content_length(
	const struct sl_head *head, uint64_t *length, struct sl_error *err) SL_MUST_CHECK;

/* The media type in Content-Type without its parameters, "text/html"; empty if there is none. */
struct sl_span sl_header_media_type(const struct sl_head *head);

/* Walks the comma-separated members of all fields of one name. */
struct sl_header_list {
	const struct sl_head *head;
	const char *name;
	size_t nth;
	struct sl_span rest;
};

/* `name` and the head are borrowed for the walk. */
void sl_header_list_init(struct sl_header_list *list, const struct sl_head *head, const char *name);

/* The next member without blanks around it; empty ones are skipped. False at the end. Commas inside
 * quotes split. */
bool sl_header_list_next(struct sl_header_list *list, struct sl_span *member);

/* True if a member of the list is `token`, in any case. */
bool sl_header_has_token(const struct sl_head *head, const char *name, const char *token);

#endif
