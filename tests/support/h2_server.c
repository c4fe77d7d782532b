#include "support/h2_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Support for tests ends the test where it cannot go on. */
static void
must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "h2_server: %s\n", what);
	abort();
}

nghttp2_nv
h2_field(const char *name, char *value)
{
	union {
		const char *text;
		uint8_t *bytes;
	} n = { .text = name }, v = { .text = value };
	return (nghttp2_nv){ n.bytes, v.bytes, strlen(name), strlen(value), 0 };
}

static ssize_t
on_send(nghttp2_session *nghttp2, const uint8_t *data, size_t len, int flags, void *ctx)
{
	struct h2_server *server = ctx;
	(void)nghttp2;
	(void)flags;
	if (!server->is_broken && SSL_write(server->ssl, data, (int)len) != (int)len)
		server->is_broken = true;
	return server->is_broken ? NGHTTP2_ERR_CALLBACK_FAILURE : (ssize_t)len;
}

static int
on_begin(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *ctx)
{
	struct h2_answer *answer = calloc(1, sizeof(*answer));
	struct h2_server *server = ctx;
	must(answer, "out of memory");
	answer->next = server->answers;
	server->answers = answer;
	nghttp2_session_set_stream_user_data(nghttp2, frame->hd.stream_id, answer);
	return 0;
}

static bool
is_name(const uint8_t *name, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(name, text, len) == 0;
}

static int
on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *ctx)
{
	struct h2_answer *answer =
		nghttp2_session_get_stream_user_data(nghttp2, frame->hd.stream_id);
	(void)flags;
	(void)ctx;
	if (!answer)
		return 0;
	size_t len = strlen(answer->fields);
	const char *text = (const char *)value;
	snprintf(answer->fields + len, sizeof(answer->fields) - len, "%.*s: %.*s\n", (int)name_len,
		(const char *)name, (int)value_len, text);
	if (is_name(name, name_len, ":path"))
		snprintf(answer->path, sizeof(answer->path), "%.*s", (int)value_len, text);
	if (is_name(name, name_len, ":method"))
		snprintf(answer->method, sizeof(answer->method), "%.*s", (int)value_len, text);
	return 0;
}

void
h2_server_init(struct h2_server *server, SSL *ssl, uint32_t streams,
	nghttp2_on_frame_recv_callback on_frame)
{
	const nghttp2_settings_entry settings = { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		streams };
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_option *option = NULL;
	*server = (struct h2_server){ .ssl = ssl };
	must(nghttp2_option_new(&option) == 0 && nghttp2_session_callbacks_new(&callbacks) == 0,
		"out of memory");
	nghttp2_option_set_max_send_header_block_length(option, SL_MIB);
	nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	must(nghttp2_session_server_new2(&server->nghttp2, callbacks, server, option) == 0,
		"no session");
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	must(nghttp2_submit_settings(server->nghttp2, 0, &settings, 1) == 0, "settings");
}

void
h2_server_run(struct h2_server *server)
{
	char data[16384];
	int got;
	while (nghttp2_session_send(server->nghttp2) == 0 && !server->is_broken &&
		(!server->may_receive || server->may_receive(server)) &&
		(got = SSL_read(server->ssl, data, sizeof(data))) > 0)
		if (nghttp2_session_mem_recv(server->nghttp2, (const uint8_t *)data, (size_t)got) <
			0)
			break;
}

void
h2_server_release(struct h2_server *server)
{
	nghttp2_session_del(server->nghttp2);
	for (struct h2_answer *next; server->answers; server->answers = next) {
		next = server->answers->next;
		free(server->answers);
	}
}

int
h2_server_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
	unsigned in_len, void *arg)
{
	(void)ssl;
	(void)arg;
	(void)in_len;
	*out = in + 1;
	*out_len = in[0];
	return SSL_TLSEXT_ERR_OK;
}

bool
h2_server_is_chosen(const SSL *ssl)
{
	const unsigned char *name = NULL;
	unsigned len = 0;
	SSL_get0_alpn_selected(ssl, &name, &len);
	return len == 2;
}
