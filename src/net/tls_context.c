/*
 * The shared side of TLS: what is loaded once for all connections, and what OpenSSL calls back.
 *
 * Files are read by the task, since they may be FIFOs; OpenSSL then takes their texts in the
 * blocking pool, where it also reads its configuration and the system's certificates. Private keys
 * are overwritten once they are loaded; OpenSSL overwrites its own copy.
 */
#include "sluice/net/tls_context.h"

#include "sluice/base/log.h"
#include "sluice/net/tls_bio.h"
#include "sluice/net/tls_file.h"
#include "sluice/net/tls_identity.h"
#include "sluice/net/tls_keylog.h"
#include "sluice/net/tls_pinned.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * OpenSSL's record buffer holds this many full records (RFC 8446 5.2: 2^14 + 256 bytes and a header
 * of 5), so that one receive brings as many: one record at a time costs two receives each, and
 * beyond four the buffer falls out of the nearest cache.
 */
#define READ_BUFFER (4 * SL_TLS_RECORD)

/* ---- what OpenSSL calls ---- */

/* Called with good = 0 for the first thing wrong; the certificate is not to be had afterwards. */
static int
on_verify(int good, X509_STORE_CTX *store)
{
	if (good)
		return 1;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct sl_tls_server *server = SSL_get_app_data(ssl);
	if (server->refusal)
		sl_tls_refusal_describe(server->refusal, store, &server->tls->trust);
	return 0;
}

/* Called for each session ticket; 1 = the reference is ours now. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	const struct sl_tls_server *server = SSL_get_app_data(ssl);
	return sl_tls_sessions_put(&server->tls->sessions, server->key, session);
}

static void
on_secret(const SSL *ssl, const char *line)
{
	const struct sl_tls_server *server = SSL_get_app_data(ssl);
	sl_tls_keylog_write(server->tls->keylog_fd, line);
}

/* ---- loading ---- */

struct loading {
	struct sl_tls *tls;
	struct sl_buf cacert, cert, key, pinned; /* the texts of files */
	struct sl_error *err;
};

static bool
configure(const struct sl_tls *tls)
{
	SSL_CTX *context = tls->context;
	bool is_verified = !tls->options.insecure;
	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_default_read_buffer_len(context, READ_BUFFER);
	SSL_CTX_set_verify(context, is_verified ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
		is_verified ? on_verify : NULL);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_session);
	int least = tls->options.least == SL_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
	return SSL_CTX_set_min_proto_version(context, least);
}

static int
load_identity(struct loading *loading)
{
	const struct sl_tls_options *options = &loading->tls->options;
	const struct sl_tls_identity identity = { .cert_path = options->cert,
		.key_path = options->key,
		.cert = sl_buf_span(&loading->cert),
		.key = sl_buf_span(options->key ? &loading->key : &loading->cert) };
	return sl_tls_identity_load(loading->tls->context, &identity, loading->err);
}

static int
load_pins(struct loading *loading)
{
	struct sl_tls *tls = loading->tls;
	struct sl_span text = sl_span_str(tls->options.pinnedpubkey);
	if (sl_pins_is_list(text))
		return sl_pins_parse(&tls->pins, text, loading->err);
	return sl_tls_pinned_load(
		&tls->pins, sl_buf_span(&loading->pinned), tls->options.pinnedpubkey, loading->err);
}

static int
open_keylog(struct loading *loading)
{
	struct sl_tls *tls = loading->tls;
	int fd = sl_tls_keylog_open(tls->options.keylog, loading->err);
	if (fd < 0)
		return fd;
	tls->keylog_fd = fd;
	SSL_CTX_set_keylog_callback(tls->context, on_secret);
	return 0;
}

/*
 * In the blocking pool: reads OpenSSL's configuration and the system's certificates, which takes
 * tens of milliseconds where they are in one file.
 */
static int
load(void *arg)
{
	struct loading *loading = arg;
	struct sl_tls *tls = loading->tls;
	const struct sl_tls_options *options = &tls->options;
	int code = 0;
	ERR_clear_error();
	tls->context = SSL_CTX_new(TLS_client_method());
	tls->method = sl_tls_bio_method();
	if (!tls->context || !tls->method || !configure(tls))
		return sl_fail(loading->err, SL_PHASE_TLS, SL_E_TLS, "cannot set up OpenSSL: %s",
			sl_tls_reason(true, options->least));
	if (!options->insecure)
		code = sl_tls_trust_load(&tls->trust, tls->context, options,
			sl_buf_span(&loading->cacert), loading->err);
	if (code == 0 && options->cert)
		code = load_identity(loading);
	if (code == 0 && options->pinnedpubkey)
		code = load_pins(loading);
	if (code == 0 && options->keylog)
		code = open_keylog(loading);
	return code;
}

SL_SUSPENDS
static int
read_files(struct loading *loading)
{
	const struct sl_tls_options *options = &loading->tls->options;
	const char *pinned = options->pinnedpubkey;
	struct sl_error *err = loading->err;
	int code = 0;
	if (options->cacert)
		code = sl_tls_file_read(
			&loading->cacert, options->cacert, "trusted certificates", err);
	if (code == 0 && options->cert)
		code = sl_tls_file_read(&loading->cert, options->cert, "client certificates", err);
	if (code == 0 && options->key)
		code = sl_tls_file_read(&loading->key, options->key, "private keys", err);
	if (code == 0 && pinned && !sl_pins_is_list(sl_span_str(pinned)))
		code = sl_tls_file_read(&loading->pinned, pinned, "public keys", err);
	return code;
}

/* ---- public ---- */

static void
warn(const struct sl_tls_options *options)
{
	if (options->insecure)
		sl_log_warn("certificates are not verified (--insecure): connections can be "
			    "intercepted, and what they carry read and changed");
	if (options->keylog)
		sl_log_warn("the secrets of TLS connections are written to '%s' (SSLKEYLOGFILE): "
			    "with them, captured connections can be decrypted",
			options->keylog);
}

int
sl_tls_new(struct sl_tls **out, const struct sl_tls_options *options, struct sl_error *err)
{
	struct sl_tls *tls = calloc(1, sizeof(*tls));
	if (!tls)
		return sl_fail_code(err, SL_PHASE_TLS, -ENOMEM, "cannot set up TLS");
	sl_tls_sessions_init(&tls->sessions);
	tls->options = *options;
	tls->keylog_fd = -1;
	struct loading loading = { .tls = tls, .err = err };
	int code = read_files(&loading);
	if (code == 0)
		code = sl_blocking_wait(load, &loading);
	sl_buf_wipe(&loading.cacert);
	sl_buf_wipe(&loading.cert);
	sl_buf_wipe(&loading.key);
	sl_buf_wipe(&loading.pinned);
	if (code < 0) {
		sl_tls_free(tls);
		return sl_fail_code(err, SL_PHASE_TLS, code, "cannot set up TLS");
	}
	warn(options);
	*out = tls;
	return 0;
}

void
sl_tls_free(struct sl_tls *tls)
{
	if (!tls)
		return;
	sl_assert(tls->connections == 0);
	sl_tls_sessions_release(&tls->sessions);
	SSL_CTX_free(tls->context);
	BIO_meth_free(tls->method);
	if (tls->keylog_fd >= 0)
		close(tls->keylog_fd);
	free(tls);
}
