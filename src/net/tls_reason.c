/*
 * Reasons for people: OpenSSL's codes in a user's terms, and what to do about a certificate that
 * was refused. Names in certificates are the server's bytes, and are bounded here.
 */
#include "sluice/net/tls_reason.h"

#include "sluice/base/bytes.h"
#include "sluice/net/tls_trust.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

static bool
is_unknown_issuer(int code)
{
	switch (code) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		return true;
	default:
		return false;
	}
}

/*
 * The chain ends at `cert`, whose issuer was not found. A server need not send the root, but it
 * must send what lies between the root and its own certificate: where it sent only its own, that is
 * the likely fault, and the machine's trusted certificates are not to blame.
 */
static void
hint_issuer(char *hint, X509_STORE_CTX *store, X509 *cert, const struct sl_tls_trust *trust)
{
	const char *where = trust->where;
	const char *remedy = trust->remedy;
	char issuer[SL_TLS_NAME];
	X509_NAME_oneline(X509_get_issuer_name(cert), issuer, SL_TLS_NAME);
	bool self_signed =
		X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(cert)) == 0;
	int depth = X509_STORE_CTX_get_error_depth(store);
	int sent = sk_X509_num(X509_STORE_CTX_get0_untrusted(store));
	if (trust->searched[0])
		snprintf(hint, SL_TLS_HINT,
			"no CA certificates were found in %s: install the package ca-certificates, "
			"or name a file of trusted certificates with --cacert FILE",
			trust->searched);
	else if (self_signed)
		snprintf(hint, SL_TLS_HINT, "%s is not %s; if you trust it, %s",
			depth == 0 ? "it is self-signed and" : "this root certificate", where,
			remedy);
	else if (depth == 0 && sent <= 1)
		snprintf(hint, SL_TLS_HINT,
			"the server did not send an intermediate certificate, and the issuer "
			"'%s' is not %s: the server should send its whole chain; if you trust "
			"the issuer, %s",
			issuer, where, remedy);
	else
		snprintf(hint, SL_TLS_HINT,
			"its issuer '%s' was not sent by the server and is not %s; if you "
			"trust the issuer, %s",
			issuer, where, remedy);
}

void
sl_tls_date_format(char text[static sizeof("2026-01-31")], const ASN1_TIME *time)
{
	struct tm tm;
	text[0] = '\0';
	if (ASN1_TIME_to_tm(time, &tm))
		(void)strftime(text, sizeof("2026-01-31"), "%Y-%m-%d", &tm);
}

static void
hint_date(char *hint, const char *what, const ASN1_TIME *time)
{
	char date[sizeof("2026-01-31")];
	sl_tls_date_format(date, time);
	if (date[0])
		snprintf(hint, SL_TLS_HINT, "%s %s; is the clock of this machine right?", what,
			date);
}

/* A name out of the certificate: bytes of the server's, bounded, and with no NUL to end it
 * early. */
static void
add_name(struct sl_buf *text, const ASN1_IA5STRING *name)
{
	const unsigned char *data = ASN1_STRING_get0_data(name);
	for (int i = 0; i < ASN1_STRING_length(name) && text->len < SL_TLS_HINT; i++)
		sl_buf_add_char(text, data[i] > ' ' && data[i] < 0x7f ? (char)data[i] : '?');
}

/* "it is for a.example, b.example": what the certificate does name. */
static void
hint_names(char *hint, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	struct sl_buf text = { 0 };
	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS || text.len >= SL_TLS_HINT)
			continue;
		sl_buf_add_str(&text, text.len ? ", " : "it is for ");
		add_name(&text, name->d.dNSName);
	}
	snprintf(hint, SL_TLS_HINT, "%s",
		text.len ? text.data : "it holds no DNS name (subjectAltName)");
	sl_buf_release(&text);
	GENERAL_NAMES_free(names);
}

/* Faults of a certificate that no setting of ours may overrule. */
static const char *
fault_hint(int code)
{
	switch (code) {
	case X509_V_ERR_INVALID_CA:
	case X509_V_ERR_INVALID_NON_CA:
	case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
		return "it has signed another one and must not: the server should send the chain "
		       "that belongs to its certificate";
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return "such certificates can be forged: the server needs a new one";
	case X509_V_ERR_INVALID_PURPOSE:
		return "it is not one of a server: the server needs another one";
	default:
		return "";
	}
}

/* Alerts about our own certificate (RFC 8446 6.2), with TLS 1.3 after the handshake. */
static const char *
alert_text(int reason)
{
	switch (reason) {
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return "the server requires a client certificate (--cert FILE)";
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
		return "the server does not trust the issuer of the client certificate (--cert)";
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
		return "the client certificate (--cert) has expired";
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
		return "the client certificate (--cert) was revoked";
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
		return "the server refused the client certificate (--cert)";
	default:
		return NULL;
	}
}

const char *
sl_tls_reason(bool in_handshake, enum sl_tls_version least)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
	switch (reason) {
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return in_handshake ? "server closed the connection"
				    : "server closed without close_notify";
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
		return in_handshake ? "the server on this port does not use TLS" : "damaged record";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return least == SL_TLS_1_3
			       ? "server does not offer TLS 1.3, which --tls-min requires"
			       : "server offers neither TLS 1.2 nor TLS 1.3";
	case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
	case SSL_R_SSLV3_ALERT_BAD_RECORD_MAC:
		return "damaged record";
	}
	const char *text = alert_text(reason);
	if (!text && code)
		text = ERR_reason_error_string(code);
	return text ? text : "TLS library failed";
}

void
sl_tls_refusal_describe(
	struct sl_tls_refusal *refusal, X509_STORE_CTX *store, const struct sl_tls_trust *trust)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(store);
	char *hint = refusal->hint;
	refusal->code = X509_STORE_CTX_get_error(store);
	if (!cert)
		return;
	X509_NAME_oneline(X509_get_subject_name(cert), refusal->subject, SL_TLS_NAME);
	X509_NAME_oneline(X509_get_issuer_name(cert), refusal->issuer, SL_TLS_NAME);
	if (is_unknown_issuer(refusal->code))
		hint_issuer(hint, store, cert, trust);
	else if (refusal->code == X509_V_ERR_CERT_HAS_EXPIRED)
		hint_date(hint, "it ended on", X509_get0_notAfter(cert));
	else if (refusal->code == X509_V_ERR_CERT_NOT_YET_VALID)
		hint_date(hint, "it begins on", X509_get0_notBefore(cert));
	else if (refusal->code == X509_V_ERR_HOSTNAME_MISMATCH ||
		 refusal->code == X509_V_ERR_IP_ADDRESS_MISMATCH)
		hint_names(hint, cert);
	else
		snprintf(hint, SL_TLS_HINT, "%s", fault_hint(refusal->code));
}
