/*
 * Shapes that ask for Digest or bearer credentials (RFC 7616, 6750). What the client sent is
 * checked by a reading of its own, not by the client's modules. A nonce is "n" and the number of
 * the 401 that brought it, and each count of a nonce may be used once.
 *
 * KINDS of a Digest route are words with '+' between them:
 *	sha256, md5  challenges of that algorithm, in this order
 *	plain        one of MD5 without algorithm and qop
 *	sess         one with SHA-256-sess, in front
 *	basic        a Basic one in front, in the same field
 *	fields       each challenge in a field of its own
 *	stale        a nonce is too old after 3 requests
 *	next         each answer brings the nonce to be used next, and the one before is refused
 */
#include "support/origin_exchange.h"

#include "sluice/base/number.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#define STALE_AFTER 3u
#define USED_MAX 8192u

/* state: of all origins of the process, counts that were used of each nonce */
static struct {
	pthread_mutex_t lock;
	unsigned nonces;
	unsigned latest; /* that "next" has given out */
	size_t used_count;
	struct {
		unsigned nonce, count;
	} used[USED_MAX];
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

static unsigned
new_nonce(void)
{
	pthread_mutex_lock(&state.lock);
	unsigned nonce = ++state.nonces;
	pthread_mutex_unlock(&state.lock);
	return nonce;
}

/* False if it was used before. */
static bool
use_count(unsigned nonce, unsigned count)
{
	bool is_new = true;

	pthread_mutex_lock(&state.lock);
	for (size_t i = 0; i < SL_MIN(state.used_count, (size_t)USED_MAX); i++)
		is_new = is_new && (state.used[i].nonce != nonce || state.used[i].count != count);
	state.used[state.used_count % USED_MAX].nonce = nonce;
	state.used[state.used_count++ % USED_MAX].count = count;
	pthread_mutex_unlock(&state.lock);
	return is_new;
}

/* The nonce that "next" accepts. */
static bool
is_latest(unsigned nonce)
{
	pthread_mutex_lock(&state.lock);
	bool is = state.latest == nonce;
	pthread_mutex_unlock(&state.lock);
	return is;
}

static void
set_latest(unsigned nonce)
{
	pthread_mutex_lock(&state.lock);
	state.latest = nonce;
	pthread_mutex_unlock(&state.lock);
}

/* ---- what the client sent ---- */

/* The value of name=value or name="value" in the list; "" if it is not there. */
static void
find(struct sl_span list, const char *name, char *out, size_t cap)
{
	size_t name_len = strlen(name);

	out[0] = '\0';
	for (size_t i = 0; i + name_len + 1 < list.len; i++) {
		const char *at = list.data + i;

		if ((i > 0 && at[-1] != ' ') || strncmp(at, name, name_len) != 0 ||
			at[name_len] != '=')
			continue;
		at += name_len + 1;
		bool is_quoted = *at == '"';
		size_t len = strcspn(at + is_quoted, is_quoted ? "\"" : ",\r\n");
		snprintf(out, cap, "%.*s", (int)len, at + is_quoted);
		return;
	}
}

static void
hash(const char *text, bool is_md5, char hex[65])
{
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	EVP_Digest(text, strlen(text), value, &len, is_md5 ? EVP_md5() : EVP_sha256(), NULL);
	for (unsigned i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", value[i]);
}

struct sent {
	char user[64], realm[64], nonce[64], uri[1024], algorithm[64], response[80], qop[16],
		nc[16], cnonce[80], opaque[64];
};

static bool
read_sent(const struct sl_origin_exchange *x, struct sent *sent)
{
	struct sl_span value;

	if (!sl_origin_find_header(x, "Authorization", &value) || value.len < 7 ||
		strncasecmp(value.data, "Digest ", 7) != 0)
		return false;
	find(value, "username", sent->user, sizeof(sent->user));
	find(value, "realm", sent->realm, sizeof(sent->realm));
	find(value, "nonce", sent->nonce, sizeof(sent->nonce));
	find(value, "uri", sent->uri, sizeof(sent->uri));
	find(value, "algorithm", sent->algorithm, sizeof(sent->algorithm));
	find(value, "response", sent->response, sizeof(sent->response));
	find(value, "qop", sent->qop, sizeof(sent->qop));
	find(value, "nc", sent->nc, sizeof(sent->nc));
	find(value, "cnonce", sent->cnonce, sizeof(sent->cnonce));
	find(value, "opaque", sent->opaque, sizeof(sent->opaque));
	return true;
}

/* The algorithm has to be the strongest that was offered. */
static bool
is_right(const struct sl_origin_exchange *x, const struct sl_origin_args *args,
	const struct sent *sent)
{
	bool is_md5 = strstr(args->w[2], "sha256") == NULL;
	bool is_plain = is_md5 && !strstr(args->w[2], "md5");
	char text[2048], who[65], what[65], want[65];
	const char *algorithm = is_plain ? "" : is_md5 ? "MD5" : "SHA-256";
	const char *target = x->head.data + (x->head_only ? 5 : 4);
	size_t uri_len = strlen(sent->uri);

	if (strcmp(sent->user, args->w[0]) != 0 || strcmp(sent->realm, "tests, \\") != 0 ||
		strcmp(sent->algorithm, algorithm) != 0 || strcmp(sent->opaque, "o=1") != 0 ||
		strcmp(sent->qop, is_plain ? "" : "auth") != 0 ||
		strncmp(target, sent->uri, uri_len) != 0 || target[uri_len] != ' ')
		return false;
	snprintf(text, sizeof(text), "%s:tests, \"x\":%s", args->w[0], args->w[1]);
	hash(text, is_md5, who);
	snprintf(text, sizeof(text), "%s:%s", x->head_only ? "HEAD" : "GET", sent->uri);
	hash(text, is_md5, what);
	if (is_plain)
		snprintf(text, sizeof(text), "%s:%s:%s", who, sent->nonce, what);
	else
		snprintf(text, sizeof(text), "%s:%s:%s:%s:auth:%s", who, sent->nonce, sent->nc,
			sent->cnonce, what);
	hash(text, is_md5, want);
	return strcmp(want, sent->response) == 0;
}

/* ---- answers ---- */

static void
add_challenge(struct sl_buf *out, unsigned nonce, const char *algorithm, bool is_stale)
{
	if (out->len > 0)
		sl_buf_add_str(out, ", ");
	sl_buf_printf(
		out, "Digest realm=\"tests, \\\"x\\\"\", nonce=\"n%u\", opaque=\"o=1\"", nonce);
	if (algorithm)
		sl_buf_printf(out, ", qop=\"auth-int, auth\", algorithm=%s", algorithm);
	if (is_stale)
		sl_buf_add_str(out, ", stale=true");
}

static void
put_challenges(struct sl_origin_exchange *x, struct sl_buf *text, bool is_one)
{
	if (text->len > 0 && !is_one)
		sl_origin_add_header(x, "WWW-Authenticate", text->data);
	if (!is_one)
		sl_buf_clear(text);
}

static void
challenge(struct sl_origin_exchange *x, const char *kinds, bool is_stale)
{
	static const struct {
		const char *kind, *algorithm;
	} all[] = { { "sess", "SHA-256-sess" }, { "sha256", "SHA-256" }, { "md5", "MD5" },
		{ "plain", NULL } };
	static const char text[] = "this is not the file\n";
	struct sl_buf value = { 0 };
	bool is_one = strstr(kinds, "fields") == NULL;
	unsigned nonce = new_nonce();

	if (strstr(kinds, "basic"))
		sl_buf_add_str(&value, "Basic realm=\"tests\"");
	put_challenges(x, &value, is_one);
	for (size_t i = 0; i < SL_COUNT_OF(all); i++)
		if (strstr(kinds, all[i].kind)) {
			add_challenge(&value, nonce, all[i].algorithm, is_stale);
			put_challenges(x, &value, is_one);
		}
	put_challenges(x, &value, false);
	sl_buf_release(&value);
	if (strstr(kinds, "next"))
		set_latest(nonce);
	sl_origin_answer_text(x, 401, text, sizeof(text) - 1);
}

static void
offer_next(struct sl_origin_exchange *x)
{
	char text[64];
	unsigned nonce = new_nonce();

	set_latest(nonce);
	snprintf(text, sizeof(text), "qop=auth, nextnonce=\"n%u\"", nonce);
	sl_origin_add_header(x, "Authentication-Info", text);
}

static void
shape_digest(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	static const char twice[] = "this count was used before\n";
	const char *kinds = args->w[2];
	struct sent sent = { .user = "" };
	bool is_sent = read_sent(x, &sent);
	unsigned nonce = (unsigned)strtoul(sent.nonce + (sent.nonce[0] == 'n'), NULL, 10);
	unsigned count = (unsigned)strtoul(sent.nc, NULL, 16);
	bool is_old = (strstr(kinds, "stale") && count > STALE_AFTER) ||
		      (strstr(kinds, "next") && !is_latest(nonce));

	if (!is_sent || !is_right(x, args, &sent) || is_old) {
		challenge(x, kinds, is_sent && is_old);
		return;
	}
	if (!strstr(kinds, "plain") && !use_count(nonce, count)) {
		sl_origin_answer_text(x, 400, twice, sizeof(twice) - 1);
		return;
	}
	if (strstr(kinds, "next"))
		offer_next(x);
	sl_origin_route(x);
}

static void
shape_bearer(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	static const char text[] = "this is not the file\n";
	char want[SL_ORIGIN_WORD + 16];
	struct sl_span value;

	snprintf(want, sizeof(want), "Bearer %s", args->w[0]);
	if (sl_origin_find_header(x, "Authorization", &value) && sl_span_is(value, want)) {
		sl_origin_route(x);
		return;
	}
	sl_origin_add_header(x, "WWW-Authenticate", "Bearer realm=\"tests\"");
	sl_origin_answer_text(x, 401, text, sizeof(text) - 1);
}

const struct sl_origin_route sl_origin_auth_routes[] = {
	{ "digest", "www", shape_digest,
		"/USER/PASSWORD/KINDS/...: with Digest credentials; KINDS: see origin_auth.c" },
	{ "bearer", "w", shape_bearer, "/TOKEN/...: with this token" },
	{ 0 },
};
