/* The credentials that the port "digest" of the test proxy requires: Digest with MD5 (RFC 7616) for
 * user:secret, with counts that grow, as squid has it. */
#include "support/proxy_wire.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONCES 4096
#define VALUE_MAX 512

/* By the number in the nonce: the highest count so far. */
static unsigned long counts[NONCES];
static unsigned issued;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
hash(char hex[33], const char *text)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (EVP_Digest(text, strlen(text), sum, &len, EVP_md5(), NULL) != 1)
		abort();
	for (unsigned i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
}

/* The value of a parameter in `field`, with or without quotes; "" if it is missing. */
static void
find(char value[VALUE_MAX], const char *field, const char *name)
{
	char wanted[32];
	const char *end = strstr(field, "\r\n"), *at = field;
	size_t len = (size_t)snprintf(wanted, sizeof(wanted), "%s=", name);
	value[0] = '\0';
	while ((at = strstr(at, wanted)) && at < end && at[-1] != ' ' && at[-1] != ',')
		at += len;
	if (!at || at >= end)
		return;
	at += len;
	if (*at == '"')
		sscanf(at + 1, "%511[^\"]", value);
	else
		sscanf(at, "%511[^, \r]", value);
}

static bool
is_response_right(const char *field, const char *method)
{
	char uri[VALUE_MAX], nonce[VALUE_MAX], nc[VALUE_MAX], cnonce[VALUE_MAX],
		response[VALUE_MAX], text[4 * VALUE_MAX], a1[33], a2[33], wanted[33];
	find(uri, field, "uri");
	find(nonce, field, "nonce");
	find(nc, field, "nc");
	find(cnonce, field, "cnonce");
	find(response, field, "response");
	hash(a1, "user:proxy:secret");
	snprintf(text, sizeof(text), "%s:%s", method, uri);
	hash(a2, text);
	snprintf(text, sizeof(text), "%s:%s:%s:%s:auth:%s", a1, nonce, nc, cnonce, a2);
	hash(wanted, text);
	return strcmp(wanted, response) == 0;
}

/* Its nonce was issued, and its count is higher than any before. */
static bool
is_fresh(const char *field)
{
	char nonce[VALUE_MAX], nc[VALUE_MAX];
	unsigned number = 0;
	find(nonce, field, "nonce");
	find(nc, field, "nc");
	unsigned long count = strtoul(nc, NULL, 16);
	if (sscanf(nonce, "nonce-%u", &number) != 1 || number >= NONCES)
		return false;
	pthread_mutex_lock(&lock);
	bool fresh = number < issued && count > counts[number];
	if (fresh)
		counts[number] = count;
	pthread_mutex_unlock(&lock);
	return fresh;
}

enum proxy_digest
proxy_check_digest(const char *head, const char *method)
{
	const char *field = strstr(head, "\r\nProxy-Authorization: Digest ");
	if (!field || !is_response_right(field + 2, method))
		return PROXY_DIGEST_WRONG;
	return is_fresh(field + 2) ? PROXY_DIGEST_RIGHT : PROXY_DIGEST_STALE;
}

unsigned
proxy_make_nonce(void)
{
	pthread_mutex_lock(&lock);
	unsigned number = issued++;
	pthread_mutex_unlock(&lock);
	return number;
}
