/*
 * The trusted certificates, and whether there are any. Files were read before: they may be FIFOs.
 *
 * OpenSSL reads the system's file at once and searches its directory when it needs an issuer. It
 * does not report that nothing was found: on a machine without the package ca-certificates every
 * server looks untrusted. So both places are checked here, under the names that OpenSSL uses.
 */
#include "sluice/net/tls_trust.h"

#include "sluice/net/tls_reason.h"

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
			"cannot use the system's trusted certificates: %s",
			sl_tls_reason(true, SL_TLS_1_2));
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

/* OpenSSL looks for certificates in it by the hash of their subject, when it needs them. */
static int
load_directory(SSL_CTX *context, const char *path, struct sl_error *err)
{
	DIR *directory = opendir(path);
	if (!directory)
		return sl_fail_code(err, SL_PHASE_TLS, -errno,
			"cannot read the trusted certificates in the directory '%s'", path);
	closedir(directory);
	if (!has_hash_names(path))
		return sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
			"the directory '%s' holds no certificate that can be found: prepare it "
			"with 'openssl rehash %s'",
			path, path);
	if (!SSL_CTX_load_verify_dir(context, path))
		return sl_fail(err, SL_PHASE_TLS, SL_E_TLS, "cannot use the directory '%s': %s",
			path, sl_tls_reason(true, SL_TLS_1_2));
	return 0;
}

static void
name_place(struct sl_tls_trust *trust, const struct sl_tls_options *options)
{
	if (options->cacert && options->capath) {
		trust->where = "in the file and the directory given with --cacert and --capath";
		trust->remedy = "add its certificate to that file";
	} else if (options->cacert) {
		trust->where = "in the file given with --cacert";
		trust->remedy = "add its certificate to that file";
	} else if (options->capath) {
		trust->where = "in the directory given with --capath";
		trust->remedy = "add its certificate and run 'openssl rehash'";
	} else {
		trust->where = "in the system's store";
		trust->remedy = "give its certificate with --cacert FILE";
	}
}

int
sl_tls_trust_load(struct sl_tls_trust *trust, SSL_CTX *context,
	const struct sl_tls_options *options, struct sl_span pem, struct sl_error *err)
{
	*trust = (struct sl_tls_trust){ 0 };
	name_place(trust, options);
	/* Any trusted certificate may end a chain, as with curl: a private authority's intermediate
	 * is enough. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	if (!options->cacert && !options->capath)
		return load_system_store(trust, context, err);
	int code = options->cacert ? load_file(context, options->cacert, pem, err) : 0;
	if (code == 0 && options->capath)
		code = load_directory(context, options->capath, err);
	return code;
}
