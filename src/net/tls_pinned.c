#include "sluice/net/tls_pinned.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

/* Of a SubjectPublicKeyInfo in DER. */
static bool
hash(const unsigned char *der, size_t len, unsigned char out[static SL_PIN_SIZE])
{
	unsigned out_len = 0;
	return EVP_Digest(der, len, out, &out_len, EVP_sha256(), NULL) == 1 &&
	       out_len == SL_PIN_SIZE;
}

/* The bytes as they are: encoding the key anew may give others than the server sends. */
static bool
hash_pem(struct sl_span text, unsigned char out[static SL_PIN_SIZE])
{
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len = 0;
	BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
	bool is_fine = bio && PEM_read_bio(bio, &name, &header, &der, &len) == 1 &&
		       strcmp(name, PEM_STRING_PUBLIC) == 0 && hash(der, (size_t)len, out);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
	return is_fine;
}

static bool
hash_der(struct sl_span text, unsigned char out[static SL_PIN_SIZE])
{
	const unsigned char *from = (const unsigned char *)text.data, *end = from;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &end, (long)text.len);
	bool is_all = key && end == from + text.len;
	EVP_PKEY_free(key);
	return is_all && hash(from, text.len, out);
}

int
sl_tls_pinned_load(
	struct sl_pins *pins, struct sl_span text, const char *path, struct sl_error *err)
{
	bool is_fine = hash_pem(text, pins->hashes[0]) || hash_der(text, pins->hashes[0]);
	ERR_clear_error();
	if (!is_fine)
		return sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
			"'%s' holds no public key in PEM or DER, as 'openssl x509 -in CERT -pubkey "
			"-noout' writes it; a list of hashes begins with sha256//",
			path);
	pins->count = 1;
	return 0;
}

int
sl_tls_pinned_check(const struct sl_pins *pins, X509 *cert, const char *host, struct sl_error *err)
{
	unsigned char *der = NULL, own[SL_PIN_SIZE];
	int len = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : -1;
	bool is_known = len > 0 && hash(der, (size_t)len, own);
	OPENSSL_free(der);
	ERR_clear_error();
	if (is_known && sl_pins_has(pins, own))
		return 0;
	struct sl_buf text = { 0 };
	if (is_known)
		sl_pins_format(&text, own);
	int code = sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
		"the public key of '%s' is not one of those given with --pinnedpubkey (it is %s); "
		"if the server has a new one, add that",
		host, text.data ? text.data : "not readable");
	sl_buf_release(&text);
	return code;
}
