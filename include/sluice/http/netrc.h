/*
 * netrc.h - the text of a .netrc file: logins and passwords by host, as ftp, curl and wget read it.
 * Pure.
 *
 *	machine HOST login USER password PASSWORD
 *	default login USER password PASSWORD
 *
 * Words are separated by blanks and line ends. "user" is another word for login; the value of
 * account is not used; macdef and the lines after it, up to an empty one, are skipped. A '#' where
 * a keyword is expected begins a comment that ends with its line; a value may begin with one. A
 * value may be quoted, "two words", with a backslash before a quote or backslash in it.
 */
#ifndef SLUICE_HTTP_NETRC_H
#define SLUICE_HTTP_NETRC_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

/* Of {0} all is empty. A value that the entry does not have is empty too. */
struct sl_netrc_entry {
	bool is_default;
	bool has_login, has_password;
	struct sl_buf machine; /* not with is_default */
	struct sl_buf login, password;
};

/* Harmless on {0}; values are wiped. */
void sl_netrc_entry_release(struct sl_netrc_entry *entry);

struct sl_netrc {
	struct sl_span rest;
	unsigned line; /* of what follows, from 1 */
};

/* `text` is borrowed for the walk. */
void sl_netrc_init(struct sl_netrc *netrc, struct sl_span text);

/*
 * The next entry; *entry, {0} or one from before, is replaced. Returns 1; 0 at the end; SL_E_USAGE
 * for an unknown keyword, a missing value, a quote without end and a control byte in a value (the
 * message has the number of the line and none of its text); -ENOMEM. *entry is {0} unless it
 * returns 1.
 */
int sl_netrc_next(
	struct sl_netrc *netrc, struct sl_netrc_entry *entry, struct sl_error *err) SL_MUST_CHECK;

/*
 * Find the login and password for `host` (in any case). With `login`, only an entry of that login
 * matches. The first machine entry that matches and has both is taken; one without a password gives
 * no credentials. The default entry counts, if `use_default`, only if no machine entry has this
 * host. Returns 1, 0 and codes as sl_netrc_next.
 */
int sl_netrc_find(struct sl_span text, const char *host, const char *login, bool use_default,
	struct sl_netrc_entry *entry, struct sl_error *err) SL_MUST_CHECK;

#endif
