/*
 * challenge.h - the challenges of WWW-Authenticate and Proxy-Authenticate (RFC 9110 11.6.1), and
 * lists of parameters such as Authentication-Info. Pure.
 *
 * One field may hold several challenges, and there may be several fields. Where a field stops being
 * a list of challenges, what was read of it counts and its rest is skipped.
 */
#ifndef SLUICE_HTTP_CHALLENGE_H
#define SLUICE_HTTP_CHALLENGE_H

#include "sluice/http/head.h"

/* Spans of the head's text. */
struct sl_challenge {
	struct sl_span scheme;     /* "Basic", in any case */
	struct sl_span parameters; /* as sent; a token68 has none */
};

struct sl_challenges {
	const struct sl_head *head;
	const char *name;
	size_t nth;
	struct sl_span rest;
};

/* `name` and the head are borrowed for the walk. */
void sl_challenges_init(struct sl_challenges *walk, const struct sl_head *head, const char *name);

/* The challenges of one value, which is borrowed. */
void sl_challenges_init_value(struct sl_challenges *walk, struct sl_span value);

/* False at the end. */
bool sl_challenges_next(struct sl_challenges *walk, struct sl_challenge *challenge);

/* Append the value of the first parameter of that name (in any case), without quotes and their
 * backslashes. False if there is none. */
bool sl_challenge_find(
	const struct sl_challenge *challenge, const char *name, struct sl_buf *value);

#endif
