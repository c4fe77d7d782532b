#include "rough_server_int.h"

#include "support/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ctx of the h2_server: the wire, and since when a response stalls. */
struct context {
	struct rough_wire *wire;
	bool is_stalled;
};

/* nghttp2 refuses what it is asked for on a session that ends; the connection breaks then. */
static void
check(struct h2_server *server, int code)
{
	if (code < 0)
		server->is_broken = true;
}

/* Half of a body was sent. */
static ssize_t
cut_body(struct h2_server *server, int32_t id, enum rough_act act)
{
	struct context *context = server->ctx;
	if (act == ROUGH_IN_BODY)
		check(server,
			nghttp2_submit_rst_stream(server->nghttp2, 0, id, NGHTTP2_INTERNAL_ERROR));
	if (act == ROUGH_STALL_BODY)
		context->is_stalled = true;
	if (act == ROUGH_RESET_BODY) {
		peer_reset_on_close(context->wire->fd);
		server->is_broken = true;
	}
	return server->is_broken ? NGHTTP2_ERR_CALLBACK_FAILURE : NGHTTP2_ERR_DEFERRED;
}

static ssize_t
on_body(nghttp2_session *nghttp2, int32_t id, uint8_t *out, size_t len, uint32_t *flags,
	nghttp2_data_source *source, void *ctx)
{
	struct h2_answer *answer = source->ptr;
	enum rough_act act;
	size_t size = 0, n = SL_MIN(len, answer->left);
	(void)nghttp2;
	(void)rough_parse_path(answer->path, &act, &size);
	if (n == 0 && answer->is_cut)
		return cut_body(ctx, id, act);
	for (size_t i = 0; i < n; i++)
		out[i] = rough_byte(size, answer->offset + i);
	answer->offset += n;
	answer->left -= n;
	if (answer->left == 0 && !answer->is_cut)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static void
send_response(struct h2_server *server, int32_t id, struct h2_answer *answer, enum rough_act act,
	size_t size)
{
	char ok[] = "200", found[] = "302", text[48];
	const nghttp2_data_provider body = { .source.ptr = answer, .read_callback = on_body };
	bool has_length = act != ROUGH_UNKNOWN && act != ROUGH_UNTIL_END;
	bool is_moved = act == ROUGH_MOVED;
	snprintf(text, sizeof(text), is_moved ? "/whole/%zu" : "%zu", size);
	nghttp2_nv list[] = { h2_field(":status", is_moved ? found : ok),
		h2_field(is_moved ? "location" : "content-length", text) };
	answer->is_cut = rough_act_cuts_body(act);
	answer->left = answer->is_cut ? size / 2 : size;
	bool has_body = !is_moved && strcmp(answer->method, "HEAD") != 0;
	check(server, nghttp2_submit_response(server->nghttp2, id, list, has_length ? 2 : 1,
			      has_body ? &body : NULL));
}

static void
fail_early(struct h2_server *server, enum rough_act act)
{
	static const unsigned char part_of_headers[] = { 0, 0, 100, 1, 4, 0, 0, 0, 1, 0x88 };
	struct context *context = server->ctx;
	if (act == ROUGH_STALL_HEAD) {
		context->is_stalled = true;
		return;
	}
	if (act == ROUGH_IN_HEAD)
		(void)SSL_write(server->ssl, part_of_headers, sizeof(part_of_headers));
	if (act == ROUGH_RESET_HEAD)
		peer_reset_on_close(context->wire->fd);
	server->is_broken = true;
}

static void
respond(struct h2_server *server, int32_t id, struct h2_answer *answer)
{
	struct context *context = server->ctx;
	enum rough_act act;
	size_t size;
	if (!rough_parse_path(answer->path, &act, &size)) {
		server->is_broken = true;
		return;
	}
	bool refuses = (act == ROUGH_REFUSE || act == ROUGH_LEAVE) && rough_refuses(context->wire);
	if (refuses && act == ROUGH_REFUSE)
		check(server,
			nghttp2_submit_rst_stream(server->nghttp2, 0, id, NGHTTP2_REFUSED_STREAM));
	else if (refuses)
		check(server, nghttp2_submit_goaway(server->nghttp2, 0, SL_MAX(id - 2, 0),
				      NGHTTP2_NO_ERROR, NULL, 0));
	else if (rough_act_cuts_head(act))
		fail_early(server, act);
	else
		send_response(server, id, answer, act, size);
	if (act == ROUGH_LAST)
		check(server,
			nghttp2_submit_goaway(server->nghttp2, 0, id, NGHTTP2_NO_ERROR, NULL, 0));
}

static int
on_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *ctx)
{
	struct h2_server *server = ctx;
	struct h2_answer *answer =
		nghttp2_session_get_stream_user_data(nghttp2, frame->hd.stream_id);
	if (frame->hd.type == NGHTTP2_HEADERS && answer && !server->is_broken)
		respond(server, frame->hd.stream_id, answer);
	return 0;
}

/* A response that stalls does not end by itself: the connection does, once nothing else comes. */
static bool
may_receive(struct h2_server *server)
{
	const struct context *context = server->ctx;
	return !context->is_stalled || SSL_pending(server->ssl) > 0 ||
	       rough_wait(context->wire, ROUGH_STALL_MS);
}

void
rough_serve_h2(struct rough_wire *wire, uint32_t streams)
{
	struct context context = { .wire = wire };
	struct h2_server server;
	h2_server_init(&server, wire->ssl, streams, on_frame);
	server.may_receive = may_receive;
	server.ctx = &context;
	h2_server_run(&server);
	h2_server_release(&server);
}
