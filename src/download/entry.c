#include "sluice/download/entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void
move_span(struct sl_span *span, char **to)
{
	if (span->len == 0)
		return;
	memcpy(*to, span->data, span->len);
	span->data = *to;
	*to += span->len;
}

int
sl_entry_copy(struct sl_entry *out, const struct sl_entry *entry, char **memory)
{
	*out = *entry;
	struct sl_span *single[] = { &out->out, &out->dir, &out->referer, &out->user_agent,
		&out->user, &out->password };
	struct sl_span digests = { (const char *)out->pieces.digests,
		out->pieces.count * sl_checksum_len(out->pieces.kind) };
	size_t total = 1 + digests.len; /* never an allocation of nothing */
	for (size_t i = 0; i < out->source_count; i++)
		total += out->sources[i].len;
	for (size_t i = 0; i < out->header_count; i++)
		total += out->headers[i].len;
	for (size_t i = 0; i < SL_COUNT_OF(single); i++)
		total += single[i]->len;
	char *to = malloc(total);
	*memory = to;
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < out->source_count; i++)
		move_span(&out->sources[i], &to);
	for (size_t i = 0; i < out->header_count; i++)
		move_span(&out->headers[i], &to);
	for (size_t i = 0; i < SL_COUNT_OF(single); i++)
		move_span(single[i], &to);
	move_span(&digests, &to);
	out->pieces.digests = (const unsigned char *)digests.data;
	return 0;
}
