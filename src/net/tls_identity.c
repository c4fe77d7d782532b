#include "sluice/net/tls_identity.h"

#include "sluice/net/tls_reason.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>

/* OpenSSL asks for a passphrase on the terminal unless this refuses; *user notes that it would. */
static int /* NOLINTNEXTLINE(readability-non-const-parameter): a type of OpenSSL's */
refuse_passphrase(char *text, int size, int for_writing, void *user)
{
	bool *is_encrypted = user;
	(void)text;
	(void)size;
	(void)for_writing;
	*is_encrypted = true;
	return -1;
}

/* True if the last read found no further certificate, rather than a damaged one. */
static bool
is_at_end(void)
{
	unsigned long code = ERR_peek_last_error();
	return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static int
fail_certificate(const char *path, struct sl_error *err)
{
	if (is_at_end())
		return sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
			"'%s' holds no client certificate: it must be a PEM file", path);
	return sl_fail(err, SL_PHASE_TLS, SL_E_TLS, "cannot use the client certificate in '%s': %s",
		path, sl_tls_reason(true, SL_TLS_1_2));
}

static int
load_certificates(SSL_CTX *context, BIO *bio, const char *path, struct sl_error *err)
{
	bool is_encrypted = false;
	X509 *cert = PEM_read_bio_X509(bio, NULL, refuse_passphrase, &is_encrypted);
	bool is_fine = cert && SSL_CTX_use_certificate(context, cert) == 1;
	X509_free(cert);
	if (!is_fine)
		return fail_certificate(path, err);
	while ((cert = PEM_read_bio_X509(bio, NULL, refuse_passphrase, &is_encrypted))) {
		if (SSL_CTX_add0_chain_cert(context, cert) == 1)
			continue;
		X509_free(cert);
		return fail_certificate(path, err);
	}
	int code = is_at_end() ? 0 : fail_certificate(path, err);
	ERR_clear_error();
	return code;
}

static int
fail_key(const struct sl_tls_identity *identity, bool is_encrypted, struct sl_error *err)
{
	const char *path = identity->key_path ? identity->key_path : identity->cert_path;
	if (is_encrypted)
		return sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
			"the private key in '%s' is encrypted, which is not supported: decrypt it "
			"with 'openssl pkey -in FILE -out FILE2', and keep that readable only by "
			"you",
			path);
	return sl_fail(err, SL_PHASE_TLS, SL_E_TLS, "'%s' holds no readable private key (%s)", path,
		identity->key_path ? "it must be a PEM file" : "name its file with --key FILE");
}

static int
load_key(SSL_CTX *context, BIO *bio, const struct sl_tls_identity *identity, struct sl_error *err)
{
	bool is_encrypted = false;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &is_encrypted);
	if (!key)
		return fail_key(identity, is_encrypted, err);
	bool fits = X509_check_private_key(SSL_CTX_get0_certificate(context), key) == 1;
	bool is_fine = fits && SSL_CTX_use_PrivateKey(context, key) == 1;
	EVP_PKEY_free(key);
	if (is_fine)
		return 0;
	return sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
		"the private key in '%s' does not belong to the certificate in '%s'",
		identity->key_path ? identity->key_path : identity->cert_path, identity->cert_path);
}

int
sl_tls_identity_load(SSL_CTX *context, const struct sl_tls_identity *identity, struct sl_error *err)
{
	ERR_clear_error();
	BIO *cert = BIO_new_mem_buf(identity->cert.data, (int)identity->cert.len);
	BIO *key = BIO_new_mem_buf(identity->key.data, (int)identity->key.len);
	int code = cert && key ? load_certificates(context, cert, identity->cert_path, err)
			       : sl_fail(err, SL_PHASE_TLS, SL_E_TLS, "cannot set up OpenSSL: %s",
					 sl_tls_reason(true, SL_TLS_1_2));
	if (code == 0)
		code = load_key(context, key, identity, err);
	ERR_clear_error();
	BIO_free(cert);
	BIO_free(key);
	return code;
}
