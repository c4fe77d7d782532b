/*
 * The trusted certificates, and whether there are any.
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
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
			"cannot use the system's trusted certificates: %s", sl_tls_reason(true));
	const char *file = place(X509_get_default_cert_file_env(), X509_get_default_cert_file());
	const char *paths = place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	if (sk_X509_OBJECT_num(X509_STORE_get0_objects(store)) == 0 && !any_has_hash_names(paths))
		snprintf(trust->searched, sizeof(trust->searched), "'%s' and '%s'", file, paths);
	return 0;
}

static int
load_file(SSL_CTX *context, const char *path, struct sl_error *err)
{
	/* OpenSSL's code for a missing file is that of one without certificates. */
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sl_fail_code(err, SL_PHASE_TLS, -errno,
			"cannot read the trusted certificates in '%s'", path);
	close(fd);
	if (SSL_CTX_load_verify_file(context, path))
		return 0;
	return sl_fail(err, SL_PHASE_TLS, SL_E_TLS,
		"'%s' holds no readable certificate: it must be a PEM file", path);
}

int
sl_tls_trust_load(
	struct sl_tls_trust *trust, SSL_CTX *context, const char *cacert, struct sl_error *err)
{
	*trust = (struct sl_tls_trust){ .from_file = cacert != NULL };
	/* Any trusted certificate may end a chain, as with curl: a private authority's intermediate
	 * is enough. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	return cacert ? load_file(context, cacert, err) : load_system_store(trust, context, err);
}
