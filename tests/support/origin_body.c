#include "support/origin_body.h"

#include "sluice/base/def.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define WORD sizeof(uint64_t)

static uint64_t
word_at(uint64_t seed, uint64_t index)
{
	uint64_t z = seed * 0xd1342543de82ef95ull + (index + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	z ^= z >> 31;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	z = __builtin_bswap64(z);
#endif
	return z;
}

void
sl_origin_body_fill(uint64_t seed, uint64_t off, void *data, size_t len)
{
	char *to = data;
	uint64_t index = off / WORD, word;
	size_t skip = (size_t)(off % WORD);

	if (skip > 0 && len > 0) {
		size_t n = SL_MIN(WORD - skip, len);

		word = word_at(seed, index++);
		memcpy(to, (const char *)&word + skip, n);
		to += n;
		len -= n;
	}
	for (; len >= WORD; to += WORD, len -= WORD) {
		word = word_at(seed, index++);
		memcpy(to, &word, WORD);
	}
	word = word_at(seed, index);
	memcpy(to, &word, len);
}

int
sl_origin_body_sum(uint64_t seed, uint64_t size, char text[SL_ORIGIN_SUM_TEXT])
{
	unsigned char block[16 * SL_KIB], digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);

	for (uint64_t off = 0; ok && off < size; off += sizeof(block)) {
		size_t len = (size_t)SL_MIN((uint64_t)sizeof(block), size - off);

		sl_origin_body_fill(seed, off, block, len);
		ok = EVP_DigestUpdate(context, block, len);
	}
	ok = ok && EVP_DigestFinal_ex(context, digest, &digest_len);
	EVP_MD_CTX_free(context);
	if (!ok)
		return -ENOMEM;
	for (unsigned i = 0; i < digest_len && i < 32; i++)
		snprintf(text + (size_t)2 * i, 3, "%02x", digest[i]);
	return 0;
}
