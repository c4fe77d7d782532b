#include "sluice/follow/fingerprint.h"

#include "sluice/base/siphash.h"

/* Fixed: the hashes are stored. Against chance, not against an attacker, who writes the log
 * anyway. */
#define KEY0 0x736c756963652066ull
#define KEY1 0x6f6c6c6f77206c67ull

static uint64_t
hash(struct sl_span text)
{
	return sl_siphash(KEY0, KEY1, text).low;
}

struct sl_fingerprint
sl_fingerprint_of(struct sl_span head, struct sl_span tail)
{
	return (struct sl_fingerprint){ .head_len = (unsigned)head.len,
		.tail_len = (unsigned)tail.len,
		.head = hash(head),
		.tail = hash(tail) };
}

bool
sl_fingerprint_equal(const struct sl_fingerprint *a, const struct sl_fingerprint *b)
{
	return a->head_len > 0 && a->head_len == b->head_len && a->tail_len == b->tail_len &&
	       a->head == b->head && a->tail == b->tail;
}

void
sl_fingerprinter_add(struct sl_fingerprinter *printer, struct sl_span text)
{
	if (printer->len < SL_FINGERPRINT_HEAD) {
		size_t at = (size_t)printer->len;
		memcpy(printer->head + at, text.data, SL_MIN(text.len, SL_FINGERPRINT_HEAD - at));
	}
	size_t kept = SL_MIN(text.len, (size_t)SL_FINGERPRINT_TAIL);
	for (size_t i = text.len - kept; i < text.len; i++)
		printer->tail[(printer->len + i) % SL_FINGERPRINT_TAIL] =
			(unsigned char)text.data[i];
	printer->len += text.len;
}

uint64_t
sl_fingerprinter_head(const struct sl_fingerprinter *printer, unsigned head_len)
{
	return hash(sl_span((const char *)printer->head, head_len));
}

struct sl_fingerprint
sl_fingerprinter_end(const struct sl_fingerprinter *printer)
{
	char tail[SL_FINGERPRINT_TAIL];
	unsigned head_len = sl_fingerprint_len(printer->len, SL_FINGERPRINT_HEAD);
	unsigned tail_len = sl_fingerprint_len(printer->len, SL_FINGERPRINT_TAIL);
	for (unsigned i = 0; i < tail_len; i++)
		tail[i] = (char)printer->tail[(printer->len - tail_len + i) % SL_FINGERPRINT_TAIL];
	return sl_fingerprint_of(
		sl_span((const char *)printer->head, head_len), sl_span(tail, tail_len));
}
