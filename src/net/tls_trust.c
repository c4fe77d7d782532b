/*
 * The trusted certificates, and whether there are any.
 *
 * OpenSSL reads the system's file at once and searches its directory when it needs an issuer. It
 * does not report that nothing was found: on a machine without the package ca-certificates every
 * server looks untrusted. So both places are checked here, under the names that OpenSSL uses.
 */
#include "sluice/net/tls_trust.h"

#include "sluice/net/tls_reason.h"
#include "sluice/rt/io.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names in the directory of trusted certificates are 8 hexadecimal digits, a dot and a number
 * (openssl-rehash(1)). */
#define HASH_DIGITS 8

/* The bundles of systems have a quarter of a MiB. */
#define FILE_MAX (16u * 1024u * 1024u)

static bool
is_hash_name(const char *name)
{
	for (int i = 0; i < HASH_DIGITS; i++)
		if (!isxdigit((unsigned char)name[i]))
			return false;
	return name[HASH_DIGITS] == '.' && isdigit((unsigned char)name[HASH_DIGITS + 1]);
}

static bool
has_hash_names(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	bool found = false;
	if (!directory)
		return false;
	while (!found && (entry = readdir(directory)))
		found = is_hash_name(entry->d_name);
	closedir(directory);
	return found;
}

/* `paths` as in SSL_CERT_DIR: separated by colons. */
static bool
any_has_hash_names(const char *paths)
{
	bool found = false;
	char *copy = strdup(paths), *rest = copy;
	for (char *path; !found && (path = strsep(&rest, ":"));)
		found = has_hash_names(path);
	free(copy);
	return found;
}

/* The place that OpenSSL takes: the environment's, else its own. */
static const char *
place(const char *variable, const char *standard)
{
	/* allowed: OpenSSL reads it too; here it is only named */
	const char *value = secure_getenv(variable);
	return value ? value : standard;
}

static int
load_system_store(struct sl_tls_trust *trust, SSL_CTX *context, struct sl_error *err)
{
	if (!SSL_CTX_set_default_verify_paths(context))
		return sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
			"cannot use the system's trusted certificates: %s", sl_tls_reason(true));
	const char *file = place(X509_get_default_cert_file_env(), X509_get_default_cert_file());
	const char *paths = place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	if (sk_X509_OBJECT_num(X509_STORE_get0_objects(store)) == 0 && !any_has_hash_names(paths))
		snprintf(trust->searched, sizeof(trust->searched), "'%s' and '%s'", file, paths);
	return 0;
}

/* As SSL_CTX_load_verify_file does. A passphrase is given because OpenSSL would ask the user for
 * one if the file has an encrypted key. */
static int
load_pem(SSL_CTX *context, struct sl_span pem)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	char passphrase[] = "";
	STACK_OF(X509_INFO) *found =
		bio ? PEM_X509_INFO_read_bio(bio, NULL, NULL, passphrase) : NULL;
	int count = 0;
	for (int i = 0; i < sk_X509_INFO_num(found) && count >= 0; i++) {
		const X509_INFO *info = sk_X509_INFO_value(found, i);
		bool is_fine = (!info->x509 || X509_STORE_add_cert(store, info->x509)) &&
			       (!info->crl || X509_STORE_add_crl(store, info->crl));
		count = is_fine ? count + (info->x509 || info->crl) : -1;
	}
	sk_X509_INFO_pop_free(found, X509_INFO_free);
	BIO_free(bio);
	return count;
}

static int
load_file(SSL_CTX *context, const char *path, struct sl_span pem, struct sl_error *err)
{
	if (load_pem(context, pem) > 0)
		return 0;
	return sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
		"'%s' holds no readable certificate: it must be a PEM file", path);
}

int
sl_tls_trust_load(struct sl_tls_trust *trust, SSL_CTX *context, const char *cacert,
	struct sl_span pem, struct sl_error *err)
{
	*trust = (struct sl_tls_trust){ .from_file = cacert != NULL };
	/* Any trusted certificate may end a chain, as with curl: a private authority's intermediate
	 * is enough. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	return cacert ? load_file(context, cacert, pem, err)
		      : load_system_store(trust, context, err);
}

/* ---- reading a file ---- */

int
sl_tls_trust_read(struct sl_buf *pem, const char *cacert, struct sl_error *err)
{
	*pem = (struct sl_buf){ 0 };
	int fd = sl_io_open_input(cacert);
	int code = fd < 0 ? fd : sl_io_read_all(fd, pem, FILE_MAX);
	(void)sl_io_close(fd);
	if (code == -EFBIG)
		return sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
			"'%s' is too large for a file of certificates: it has more than %u MiB",
			cacert, FILE_MAX / (unsigned)SL_MIB);
	if (code == -ECANCELED || code == -ETIMEDOUT)
		return sl_fail(err, SL_PHASE_TLS, code,
			"the trusted certificates in '%s' were not read to their end (a FIFO needs "
			"a writer that writes them and closes it)",
			cacert);
	if (code)
		return sl_fail_code(err, SL_PHASE_TLS, code,
			"cannot read the trusted certificates in '%s'", cacert);
	return 0;
}
