/*
 * digest.c - digests by OpenSSL's EVP. A failure of the library is kept until the digest is
 * checked: it is never taken for a match.
 */
#include "sluice/download/digest.h"

#include "sluice/base/text.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct sl_digest {
	EVP_MD_CTX *context;
	bool failed;
};

static const EVP_MD *
method_of(enum sl_checksum_kind kind)
{
	switch (kind) {
	case SL_CHECKSUM_MD5:
		return EVP_md5();
	case SL_CHECKSUM_SHA1:
		return EVP_sha1();
	case SL_CHECKSUM_SHA256:
		return EVP_sha256();
	case SL_CHECKSUM_BLAKE2B:
		return EVP_blake2b512();
	case SL_CHECKSUM_BLAKE2S:
		return EVP_blake2s256();
	default:
		return EVP_sha512();
	}
}

int
sl_digest_new(struct sl_digest **out, enum sl_checksum_kind kind)
{
	struct sl_digest *digest = calloc(1, sizeof(*digest));
	if (!digest)
		return -ENOMEM;
	digest->context = EVP_MD_CTX_new();
	if (!digest->context) {
		free(digest);
		return -ENOMEM;
	}
	if (EVP_DigestInit_ex(digest->context, method_of(kind), NULL) != 1) {
		sl_digest_free(digest);
		return SL_E_UNSUPPORTED;
	}
	*out = digest;
	return 0;
}

void
sl_digest_free(struct sl_digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->context);
	free(digest);
}

void
sl_digest_add(struct sl_digest *digest, const void *data, size_t len)
{
	if (EVP_DigestUpdate(digest->context, data, len) != 1)
		digest->failed = true;
}

struct job {
	struct sl_digest *digest;
	const void *data;
	size_t len;
};

static int
add_on_worker(void *arg)
{
	const struct job *job = arg;
	sl_digest_add(job->digest, job->data, job->len);
	return 0;
}

int
sl_digest_offload(struct sl_digest *digest, const void *data, size_t len)
{
	struct job job = { digest, data, len };
	return sl_offload(add_on_worker, &job);
}

bool
sl_digest_is(struct sl_digest *digest, const unsigned char *value, size_t len)
{
	unsigned char got[EVP_MAX_MD_SIZE];
	unsigned got_len = 0;
	return !digest->failed && EVP_DigestFinal_ex(digest->context, got, &got_len) == 1 &&
	       got_len == len && memcmp(got, value, len) == 0;
}

void
sl_digest_restart(struct sl_digest *digest)
{
	digest->failed = EVP_DigestInit_ex(digest->context, NULL, NULL) != 1;
}

int
sl_digest_check(struct sl_digest *digest, const struct sl_checksum *expected, const char *what,
	struct sl_error *err)
{
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (digest->failed || EVP_DigestFinal_ex(digest->context, value, &len) != 1)
		return sl_fail(err, SL_PHASE_NONE, SL_E_CHECKSUM,
			"cannot compute the checksum of '%s'", what);
	if (len == expected->len && memcmp(value, expected->value, len) == 0)
		return 0;
	char got[2 * EVP_MAX_MD_SIZE + 1], wanted[2 * SL_CHECKSUM_MAX + 1];
	sl_text_write_hex(got, value, len);
	sl_text_write_hex(wanted, expected->value, expected->len);
	return sl_fail(err, SL_PHASE_NONE, SL_E_CHECKSUM,
		"checksum of '%s' does not match: %s is %s, %s %s", what,
		sl_checksum_name(expected->kind), got,
		expected->from_server ? "the server sent" : "expected", wanted);
}
