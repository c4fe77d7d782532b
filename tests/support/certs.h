/*
 * certs.h - makes a small certificate authority and its good and bad server certificates, for tests
 * only.
 */
#ifndef TESTS_SUPPORT_CERTS_H
#define TESTS_SUPPORT_CERTS_H

#include "sluice/base/error.h"

/*
 * Writes into the existing directory `dir`, replacing what is there, one NAME.pem and its NAME.key
 * for each of:
 *   ca            the authority: give ca.pem to --cacert
 *   intermediate  an authority signed by ca
 *   server        good for localhost, sluice.test, *.wild.test, p*.part.test, 127.0.0.1 and ::1
 *   expired       as server, ended yesterday
 *   future        as server, begins tomorrow
 *   wronghost     good for other.example only
 *   nosan         names localhost in its subject only, with no subjectAltName
 *   nulname       names "localhost\0.evil.example"
 *   nulcommon     the same, in its subject only
 *   selfsigned    as server, signed by itself
 *   stranger      as server, signed by an authority that is not in ca.pem
 *   incomplete    as server, signed by intermediate, which is not sent
 *   chained       the same, with intermediate behind it
 *   falseca       as server, signed by a certificate that is no authority's, which is behind it
 *   weakdigest    as server, signed with SHA-1
 *   weakkey       as server, with an RSA key that is too short
 *   wildaddress   names "*.0.0.1"
 *   dnsaddress    names 127.0.0.1 and ::1 as host names, not as addresses
 *   wildtop       names "*", "*.test", "*.*.test" and "a.*.test"
 *   client        of a client (not for servers), signed by ca
 *   client2       the same, signed by intermediate, which is behind it
 *   encrypted     as client, but its key is encrypted with the passphrase "secret"
 * Other keys are P-256. Returns 0; -EIO; SL_E_TLS if OpenSSL fails.
 */
int certs_write(const char *dir, struct sl_error *err) SL_MUST_CHECK;

/* The names above, to remove the files; NULL past the end. */
const char *certs_name(size_t index);

#endif
