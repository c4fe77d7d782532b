#include "support/certs.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DAY_S (24L * 60 * 60)
#define LIFE_DAYS 3650

enum signer { BY_CA, BY_INTERMEDIATE, BY_STRANGER, BY_NO_AUTHORITY, SIGNERS, BY_ITSELF };

enum trait { ORDINARY, WEAK_DIGEST, WEAK_KEY, FOR_CLIENTS, ENCRYPTED };

/* Too short for every security level of OpenSSL, and long enough for its signatures. */
#define WEAK_BITS 768

struct spec {
	const char *name;
	const char *common_name; /* "" = one with a NUL in it */
	const char *names;       /* subjectAltName as x509v3_config(5) writes it; NULL = none */
	enum signer signer;
	long from_days, to_days; /* from now */
	bool sends_signer;       /* the signer's certificate stands behind its own */
	enum trait trait;
};

struct authority {
	X509 *cert;
	EVP_PKEY *key;
};

#define GOOD_NAMES \
	"DNS:localhost,DNS:sluice.test,DNS:*.wild.test,DNS:p*.part.test,IP:127.0.0.1,IP:::1"

static const struct spec specs[] = {
	{ "server", "localhost", GOOD_NAMES, BY_CA, -1, LIFE_DAYS, false, ORDINARY },
	{ "expired", "localhost", GOOD_NAMES, BY_CA, -10, -1, false, ORDINARY },
	{ "future", "localhost", GOOD_NAMES, BY_CA, 1, LIFE_DAYS, false, ORDINARY },
	{ "wronghost", "other.example", "DNS:other.example", BY_CA, -1, LIFE_DAYS, false,
		ORDINARY },
	{ "nosan", "localhost", NULL, BY_CA, -1, LIFE_DAYS, false, ORDINARY },
	{ "nulname", "sluice test", "", BY_CA, -1, LIFE_DAYS, false, ORDINARY },
	{ "nulcommon", "", NULL, BY_CA, -1, LIFE_DAYS, false, ORDINARY },
	{ "selfsigned", "localhost", GOOD_NAMES, BY_ITSELF, -1, LIFE_DAYS, false, ORDINARY },
	{ "stranger", "localhost", GOOD_NAMES, BY_STRANGER, -1, LIFE_DAYS, false, ORDINARY },
	{ "incomplete", "localhost", GOOD_NAMES, BY_INTERMEDIATE, -1, LIFE_DAYS, false, ORDINARY },
	{ "chained", "localhost", GOOD_NAMES, BY_INTERMEDIATE, -1, LIFE_DAYS, true, ORDINARY },
	{ "falseca", "localhost", GOOD_NAMES, BY_NO_AUTHORITY, -1, LIFE_DAYS, true, ORDINARY },
	{ "weakdigest", "localhost", GOOD_NAMES, BY_CA, -1, LIFE_DAYS, false, WEAK_DIGEST },
	{ "weakkey", "localhost", GOOD_NAMES, BY_CA, -1, LIFE_DAYS, false, WEAK_KEY },
	{ "wildaddress", "*.0.0.1", "DNS:*.0.0.1", BY_CA, -1, LIFE_DAYS, false, ORDINARY },
	{ "dnsaddress", "127.0.0.1", "DNS:127.0.0.1,DNS:::1", BY_CA, -1, LIFE_DAYS, false,
		ORDINARY },
	{ "wildtop", "*", "DNS:*,DNS:*.test,DNS:*.*.test,DNS:a.*.test", BY_CA, -1, LIFE_DAYS, false,
		ORDINARY },
	{ "client", "some client", GOOD_NAMES, BY_CA, -1, LIFE_DAYS, false, FOR_CLIENTS },
	{ "client2", "other client", NULL, BY_INTERMEDIATE, -1, LIFE_DAYS, true, FOR_CLIENTS },
	{ "encrypted", "some client", NULL, BY_CA, -1, LIFE_DAYS, false, ENCRYPTED },
};

static bool
set_serial(X509 *cert)
{
	/* Random, so that a browser or a cache never meets two certificates of one issuer and
	 * number. */
	BIGNUM *number = BN_new();
	bool good = number && BN_rand(number, 63, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
		    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	return good;
}

static const char nul_text[] = "localhost\0.evil.example";

static bool
set_subject(X509 *cert, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(cert);
	bool has_nul = !common_name[0];
	const unsigned char *text = (const unsigned char *)(has_nul ? nul_text : common_name);
	return X509_NAME_add_entry_by_txt(
		       name, "O", MBSTRING_ASC, (const unsigned char *)"sluice tests", -1, -1, 0) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text,
		       has_nul ? (int)sizeof(nul_text) - 1 : -1, -1, 0);
}

static bool
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	bool good = extension && X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return good;
}

/* The text form of an extension cannot hold a NUL, so this one is put together by hand. */
static bool
add_nul_name(X509 *cert)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *string = ASN1_IA5STRING_new();
	bool good =
		names && name && string && ASN1_STRING_set(string, nul_text, sizeof(nul_text) - 1);
	if (good) {
		GENERAL_NAME_set0_value(name, GEN_DNS, string);
		string = NULL;
		good = sk_GENERAL_NAME_push(names, name) > 0;
		if (good)
			name = NULL;
	}
	good = good && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1;
	ASN1_IA5STRING_free(string);
	GENERAL_NAME_free(name);
	GENERAL_NAMES_free(names);
	return good;
}

static X509 *
begin_cert(EVP_PKEY *key, const char *common_name, long from_days, long to_days)
{
	X509 *cert = X509_new();
	if (cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
		set_subject(cert, common_name) && X509_set_pubkey(cert, key) &&
		X509_gmtime_adj(X509_getm_notBefore(cert), from_days * DAY_S) &&
		X509_gmtime_adj(X509_getm_notAfter(cert), to_days * DAY_S))
		return cert;
	X509_free(cert);
	return NULL;
}

/* One that signs and must not. */
static bool
make_no_authority(struct authority *out, const struct authority *signer)
{
	out->key = EVP_EC_gen("P-256");
	out->cert = out->key ? begin_cert(out->key, "no authority", -1, LIFE_DAYS) : NULL;
	return out->cert && X509_set_issuer_name(out->cert, X509_get_subject_name(signer->cert)) &&
	       add_extension(out->cert, signer->cert, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(out->cert, signer->cert, NID_subject_key_identifier, "hash") &&
	       X509_sign(out->cert, signer->key, EVP_sha256());
}

/* Signed by `signer`, or by itself if that is NULL. */
static bool
make_authority(struct authority *out, const char *common_name, const struct authority *signer)
{
	out->key = EVP_EC_gen("P-256");
	out->cert = out->key ? begin_cert(out->key, common_name, -1, LIFE_DAYS) : NULL;
	if (!signer)
		signer = out;
	return out->cert && X509_set_issuer_name(out->cert, X509_get_subject_name(signer->cert)) &&
	       add_extension(out->cert, signer->cert, NID_basic_constraints, "critical,CA:TRUE") &&
	       add_extension(
		       out->cert, signer->cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	       add_extension(out->cert, signer->cert, NID_subject_key_identifier, "hash") &&
	       X509_sign(out->cert, signer->key, EVP_sha256());
}

static void
release_authority(struct authority *authority)
{
	X509_free(authority->cert);
	EVP_PKEY_free(authority->key);
}

static bool
add_names(X509 *cert, X509 *issuer, const char *names)
{
	if (!names)
		return true;
	if (!*names)
		return add_nul_name(cert);
	return add_extension(cert, issuer, NID_subject_alt_name, names);
}

static X509 *
make_leaf(const struct spec *spec, EVP_PKEY *key, const struct authority *signer)
{
	X509 *cert = begin_cert(key, spec->common_name, spec->from_days, spec->to_days);
	if (!cert)
		return NULL;
	X509 *issuer = signer ? signer->cert : cert;
	const EVP_MD *digest = spec->trait == WEAK_DIGEST ? EVP_sha1() : EVP_sha256();
	bool of_client = spec->trait == FOR_CLIENTS || spec->trait == ENCRYPTED;
	if (X509_set_issuer_name(cert, X509_get_subject_name(issuer)) &&
		add_extension(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
		add_extension(
			cert, issuer, NID_ext_key_usage, of_client ? "clientAuth" : "serverAuth") &&
		add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
		(!signer || add_extension(cert, issuer, NID_authority_key_identifier, "keyid")) &&
		add_names(cert, issuer, spec->names) &&
		X509_sign(cert, signer ? signer->key : key, digest))
		return cert;
	X509_free(cert);
	return NULL;
}

/* `behind` = one more certificate of the chain, or NULL. */
static int
write_pair(const char *dir, const char *name, X509 *cert, X509 *behind, EVP_PKEY *key,
	const EVP_CIPHER *cipher, struct sl_error *err)
{
	char passphrase[] = "secret";
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s.pem", dir, name);
	FILE *file = fopen(path, "we");
	bool good = file && PEM_write_X509(file, cert) && (!behind || PEM_write_X509(file, behind));
	good = file && fclose(file) == 0 && good;
	if (!good)
		return sl_fail(err, SL_PHASE_WRITE, -EIO, "cannot write '%s'", path);
	snprintf(path, sizeof(path), "%s/%s.key", dir, name);
	file = fopen(path, "we");
	good = file &&
	       PEM_write_PrivateKey(file, key, cipher, NULL, 0, NULL, cipher ? passphrase : NULL);
	good = file && fclose(file) == 0 && good;
	return good ? 0 : sl_fail(err, SL_PHASE_WRITE, -EIO, "cannot write '%s'", path);
}

static int
write_leaf(const char *dir, const struct spec *spec, const struct authority *authorities,
	struct sl_error *err)
{
	const struct authority *signer =
		spec->signer == BY_ITSELF ? NULL : &authorities[spec->signer];
	EVP_PKEY *key = spec->trait == WEAK_KEY ? EVP_RSA_gen(WEAK_BITS) : EVP_EC_gen("P-256");
	const EVP_CIPHER *cipher = spec->trait == ENCRYPTED ? EVP_aes_128_cbc() : NULL;
	X509 *cert = key ? make_leaf(spec, key, signer) : NULL;
	X509 *behind = signer && spec->sends_signer ? signer->cert : NULL;
	int code = cert ? write_pair(dir, spec->name, cert, behind, key, cipher, err)
			: sl_fail(err, SL_PHASE_TLS, SL_E_TLS, "cannot make certificate %s",
				  spec->name);
	X509_free(cert);
	EVP_PKEY_free(key);
	return code;
}

int
certs_write(const char *dir, struct sl_error *err)
{
	struct authority authorities[SIGNERS] = { { NULL, NULL } };
	struct authority *ca = &authorities[BY_CA];
	struct authority *intermediate = &authorities[BY_INTERMEDIATE];
	int code = 0;
	if (!make_authority(ca, "sluice test authority", NULL) ||
		!make_no_authority(&authorities[BY_NO_AUTHORITY], ca) ||
		!make_authority(intermediate, "sluice test intermediate", ca) ||
		!make_authority(&authorities[BY_STRANGER], "stranger's authority", NULL))
		code = sl_fail(err, SL_PHASE_TLS, SL_E_TLS, "cannot make an authority");
	if (code == 0)
		code = write_pair(dir, "ca", ca->cert, NULL, ca->key, NULL, err);
	if (code == 0)
		code = write_pair(dir, "intermediate", intermediate->cert, NULL, intermediate->key,
			NULL, err);
	for (size_t i = 0; code == 0 && i < SL_COUNT_OF(specs); i++)
		code = write_leaf(dir, &specs[i], authorities, err);
	for (size_t i = 0; i < SIGNERS; i++)
		release_authority(&authorities[i]);
	return code;
}

const char *
certs_name(size_t index)
{
	if (index < 2)
		return index == 0 ? "ca" : "intermediate";
	return index - 2 < SL_COUNT_OF(specs) ? specs[index - 2].name : NULL;
}
