/*
 * credentials.h - the credentials of a run, and those that a request gets.
 *
 * A user and password come, in this order, from the URL, from the options, or from a .netrc file by
 * the host of the URL; instead of the second there may be a token in a file. Where each may go is
 * decided by http/scope.h. Secrets are wiped when they are freed.
 *
 * With sigv4 all of them are access keys, with which requests are signed (http/sigv4.h).
 */
#ifndef SLUICE_HTTP_CREDENTIALS_H
#define SLUICE_HTTP_CREDENTIALS_H

#include "sluice/http/scope.h"
#include "sluice/http/sigv4_variant.h"

struct sl_credentials;

/* Signatures of AWS's kind. Borrowed likewise. */
struct sl_aws_options {
	const char *sigv4;               /* as sl_sigv4_read_variant; NULL = none */
	const char *id, *secret, *token; /* NULL = as the profile has them; token only with id */
	const char *region;              /* of hosts that do not name one; NULL likewise */
	const char *profile;             /* has to exist; NULL = "default", if it exists */
	const char *credentials_file, *config_file; /* may be missing; NULL = none */
};

/* Borrowed for the life of what is made of it. {0} = none. */
struct sl_credentials_options {
	const char *user, *password; /* NULL = none; a password only with a user */
	const char *bearer_file;     /* one line, a token (RFC 6750); NULL = none; not with user */
	const char *netrc_file;      /* NULL = none */
	/* Passwords are not sent themselves, as Basic does (RFC 7617), but only in answer to a
	 * Digest challenge (RFC 7616). */
	bool only_digest;
	struct sl_aws_options aws; /* with sigv4 neither user nor files above */
	struct sl_scope_origins origins;
};

#define SL_CREDENTIALS_FILE_MAX (256 * 1024) /* bytes of a .netrc file, and of those of AWS */
#define SL_CREDENTIALS_TOKEN_MAX 16384u      /* bytes of a token: room for any JWT */

/*
 * Read the files. A .netrc file that others may read is reported as a warning. Returns 0;
 * SL_E_USAGE for a file that is not valid; a negative errno if one cannot be read; -ENOMEM.
 */
SL_SUSPENDS
int sl_credentials_new(struct sl_credentials **out, const struct sl_credentials_options *options,
	struct sl_error *err) SL_MUST_CHECK;
void sl_credentials_free(struct sl_credentials *credentials);

const struct sl_scope_origins *sl_credentials_origins(const struct sl_credentials *credentials);
bool sl_credentials_only_digest(const struct sl_credentials *credentials);

/* With sigv4: the variant for `host`; borrowed from `credentials` and `host`. */
struct sl_sigv4_variant sl_credentials_locate(
	const struct sl_credentials *credentials, const char *host);

/* What a request is sent for. {0} is an empty one. */
struct sl_identity {
	enum sl_identity_kind {
		SL_IDENTITY_NONE,
		SL_IDENTITY_USER,
		SL_IDENTITY_TOKEN,
		SL_IDENTITY_KEYS, /* to sign with */
	} kind;
	char *user;   /* or the id of the key */
	char *secret; /* the password, the token or the secret key */
	char *token;  /* of the session, with KEYS; NULL = none */
	/* With SL_IDENTITY_NONE: there are some, but they must not go to this origin. */
	bool is_withheld;
};

/* Harmless on {0}; wiped. */
void sl_identity_release(struct sl_identity *identity);

/* The credentials for `url`, at which a chain has arrived that began with `first`, whose user and
 * password are used too. Returns 0; -ENOMEM: *out is {0} then. */
int sl_credentials_find(const struct sl_credentials *credentials, const struct sl_scope *scope,
	const struct sl_url *first, const struct sl_url *url,
	struct sl_identity *out) SL_MUST_CHECK;

/* A server refused the token of `identity`: read its file again, if it is a regular one. True if it
 * has another token now, which is used from now on. */
SL_SUSPENDS
bool sl_credentials_renew(struct sl_credentials *credentials, const struct sl_identity *identity);

#endif
