/*
 * fragment.h - the text of a part of a line, bounded, and how parts that follow each other become
 * one. Pure.
 *
 * Of a line longer than `keep` only a part is kept: its first bytes if the pattern confirms
 * candidates, since checks see no others, or selects lines without a literal; else those around its
 * first literal. Which ones depends
 * on the line alone, not on where it was cut nor on the order in which its parts were added. For
 * that a fragment keeps more than it shows; fragment.c says what, and why it is enough: at most
 * twice `keep`, and of a fragment up to `keep` just its bytes.
 */
#ifndef SLUICE_SCAN_FRAGMENT_H
#define SLUICE_SCAN_FRAGMENT_H

#include "sluice/match/matcher.h"

/* What is kept of a line. */
struct sl_fragment_rule {
	const struct sl_match_plan *plan;
	bool keeps_text;  /* else only lengths */
	bool confirms;    /* keep the first bytes, which is all that checks see; else those around
			    the first literal of the plan */
	bool keeps_first; /* the first bytes as well, for lines that are shown without a match */
	size_t keep;      /* bytes, at least SL_FRAGMENT_KEEP_MIN */
};

#define SL_FRAGMENT_KEEP_MIN (2u * SL_MATCH_LITERAL_LEN)

/* Of what is kept of a long line: bytes before its first literal, at most. */
static inline size_t
sl_fragment_before(const struct sl_fragment_rule *rule)
{
	return rule->keep / 2;
}

#define SL_FRAGMENT_NO_LITERAL UINT64_MAX

/* A part of a line, without its newline. {0} has no bytes. */
struct sl_fragment {
	uint64_t len;
	bool begins_line;   /* its first byte is the line's; set by the owner while it is empty */
	bool is_searched;   /* `literal` is known; if not, all bytes are kept */
	unsigned char last; /* byte */
	uint64_t literal;   /* where the first one begins */
	struct sl_buf text; /* bytes [0, first), then those from rest_off on */
	size_t first;
	uint64_t rest_off;
};

/* Borrowed text of a part of a line: of a fragment, or in memory of others. */
struct sl_fragment_view {
	uint64_t len;
	bool is_searched;
	unsigned char last;
	uint64_t literal;
	const unsigned char *first, *rest; /* NULL: zeros, or only the length is known */
	uint64_t first_len, rest_off, rest_len;
};

void sl_fragment_release(struct sl_fragment *fragment);

/* No bytes; the buffer is kept. */
void sl_fragment_clear(struct sl_fragment *fragment);

/* Valid until the fragment changes. */
struct sl_fragment_view sl_fragment_view(const struct sl_fragment *fragment);

/* All of data[0, len). NULL: zeros, any number in constant time. */
struct sl_fragment_view sl_fragment_of(const unsigned char *data, uint64_t len);

/*
 * The bytes of *more follow. It was kept by the same rule, and does not begin a line unless the
 * fragment is empty. Returns 0, or -ENOMEM: then the fragment can only be cleared or released.
 */
int sl_fragment_add(const struct sl_fragment_rule *rule, struct sl_fragment *fragment,
	const struct sl_fragment_view *more) SL_MUST_CHECK;

/* What is shown of a line: text[0, len) with `skipped` bytes of the line before it. */
struct sl_fragment_cut {
	const unsigned char *text;
	size_t len;
	uint64_t skipped;
};

/* Of a view that is a whole line. Searches it for the first literal if it is long and was not
 * searched yet. */
struct sl_fragment_cut sl_fragment_cut(
	const struct sl_fragment_rule *rule, const struct sl_fragment_view *line);

/* The same, but its first bytes. The rule must have kept them. */
struct sl_fragment_cut sl_fragment_cut_first(
	const struct sl_fragment_rule *rule, const struct sl_fragment_view *line);

#endif
