/*
 * A tunnel is asked for with one deadline, that of the connection: a proxy that sends a byte now
 * and then is not waited for longer than one that sends none.
 */
#include "sluice/http/tunnel.h"

#include "sluice/base/text.h"
#include "sluice/http/proxy_auth.h"

#include <errno.h>

#define BUFFER 4096   /* more than the head that any proxy sends with 2xx */
#define SHOWN_MAX 100 /* bytes of a reason phrase in a message */

/* ---- failing ---- */

/* Of a send or receive. */
static int
fail_io(struct sl_error *err, int code, const struct sl_error *cause)
{
	if (code == 0 || code == SL_E_SHORT_BODY || code == -ECONNRESET || code == -EPIPE)
		return sl_fail(err, SL_PHASE_PROXY, -ECONNRESET,
			"the proxy closed the connection instead of answering");
	if (code == -ETIMEDOUT)
		return sl_fail(err, SL_PHASE_PROXY, code, "the proxy does not respond");
	return sl_fail(err, SL_PHASE_PROXY, code, "no response from the proxy: %s",
		cause->code ? cause->text : sl_code_text(code));
}

static int
fail_excess(struct sl_error *err)
{
	return sl_fail(err, SL_PHASE_PROXY, SL_E_PROTO,
		"the proxy sent bytes behind its response, which no server has sent");
}

/* tinyproxy answers 401 to credentials that are wrong. */
static bool
is_of_user(int status)
{
	return status == 407 || status == 401;
}

static const char *
status_hint(int status, bool had_authorization)
{
	if (is_of_user(status))
		return sl_proxy_auth_hint(had_authorization);
	if (status == 403)
		return "; its rules do not allow this host or port";
	return "";
}

/*
 * The statuses by which a proxy reports what it does not allow or cannot do now. All others are of
 * resources: a caller that took 304 or 404 for the origin's would believe of the file what anyone
 * on the way to the proxy can send.
 */
static bool
is_of_proxy(int status)
{
	return status == 403 || status == 407 || status == 408 || status == 429 || status >= 500;
}

static int
fail_status(struct sl_error *err, const struct sl_head *head, bool had_authorization)
{
	struct sl_buf words = { 0 };
	bool first = err && !err->code;
	bool is_own = is_of_proxy(head->status);
	int code = is_own ? SL_E_STATUS : head->status == 401 ? SL_E_AUTH : SL_E_PROTO;
	struct sl_span reason = sl_head_reason(head);
	if (reason.len > 0)
		sl_buf_add_str(&words, " ");
	sl_text_show(&words, reason, SHOWN_MAX);
	sl_fail(err, SL_PHASE_PROXY, code, "the proxy answered %d%s to CONNECT%s", head->status,
		words.data ? words.data : "", status_hint(head->status, had_authorization));
	if (first && is_own)
		err->http_status = head->status;
	sl_buf_release(&words);
	return code;
}

/* ---- CONNECT ---- */

void
sl_tunnel_add_authority(struct sl_buf *buf, const struct sl_tunnel_request *request)
{
	sl_buf_printf(buf, request->is_ipv6 ? "[%s]:%u" : "%s:%u", request->host, request->port);
}

int
sl_tunnel_format(struct sl_buf *buf, const struct sl_tunnel_request *request)
{
	struct sl_buf authority = { 0 };
	sl_tunnel_add_authority(&authority, request);
	sl_buf_printf(buf, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n",
		authority.data ? authority.data : "", authority.data ? authority.data : "",
		request->user_agent);
	if (request->authorization)
		sl_buf_printf(buf, "Proxy-Authorization: %s\r\n", request->authorization);
	sl_buf_add_str(buf, "\r\n");
	buf->failed = buf->failed || authority.failed;
	sl_buf_release(&authority);
	return buf->failed ? -ENOMEM : 0;
}

SL_SUSPENDS
static int
send_request(struct sl_connection *connection, const struct sl_tunnel_request *request,
	uint64_t deadline_ns, struct sl_error *err)
{
	struct sl_buf text = { 0 };
	struct sl_error cause = { 0 };
	int code = sl_tunnel_format(&text, request);
	if (code == 0)
		code = sl_connection_send_all(connection, text.data, text.len, deadline_ns, &cause);
	sl_buf_wipe(&text);
	return code < 0 ? fail_io(err, code, &cause) : 0;
}

/* What was received and not used yet. */
struct input {
	size_t off, len;
	char data[BUFFER];
};

SL_SUSPENDS
static int
read_head(struct sl_connection *connection, struct input *input, uint64_t deadline_ns,
	struct sl_head *head, struct sl_error *err)
{
	for (;;) {
		struct sl_error cause = { 0 };
		size_t used = 0;
		enum sl_parse result = sl_head_feed(
			head, input->data + input->off, input->len - input->off, &used, &cause);
		input->off += used;
		if (result == SL_PARSE_DONE)
			return 0;
		if (result == SL_PARSE_BAD)
			return sl_fail(err, SL_PHASE_PROXY, cause.code,
				"the proxy's response to CONNECT: %s", cause.text);
		int code = sl_connection_recv(
			connection, input->data, sizeof(input->data), false, deadline_ns, &cause);
		if (code <= 0)
			return fail_io(err, code, &cause);
		input->off = 0;
		input->len = (size_t)code;
	}
}

SL_SUSPENDS
static int
read_final_head(struct sl_connection *connection, struct input *input, uint64_t deadline_ns,
	struct sl_head *head, struct sl_error *err)
{
	for (unsigned interim = 0; interim <= SL_HEAD_INTERIM_MAX; interim++) {
		int code = read_head(connection, input, deadline_ns, head, err);
		if (code < 0 || head->status >= 200)
			return code;
		if (head->status == 101)
			return sl_fail(err, SL_PHASE_PROXY, SL_E_PROTO,
				"the proxy switched protocols, which was not requested (101)");
		sl_head_clear(head);
	}
	return sl_fail(err, SL_PHASE_PROXY, SL_E_LIMIT,
		"the proxy sent more than %d interim responses (1xx)", SL_HEAD_INTERIM_MAX);
}

int
sl_tunnel_connect(struct sl_connection *connection, const struct sl_tunnel_request *request,
	uint64_t deadline_ns, struct sl_head *head, struct sl_error *err)
{
	struct input input = { .off = 0, .len = 0 };
	int code = send_request(connection, request, deadline_ns, err);
	if (code == 0)
		code = read_final_head(connection, &input, deadline_ns, head, err);
	if (code < 0)
		return code;
	if (head->status > 299)
		return fail_status(err, head, request->authorization != NULL);
	return input.off < input.len ? fail_excess(err) : 0;
}

/* ---- SOCKS ---- */

SL_SUSPENDS
static int
exchange_message(struct sl_connection *connection, struct sl_socks *socks, uint64_t deadline_ns,
	struct sl_error *err)
{
	char reply[SL_SOCKS_REPLY_MAX];
	struct sl_error cause = { 0 };
	struct sl_span output = sl_socks_output(socks);
	int code = 0;
	if (output.len > 0)
		code = sl_connection_send_all(
			connection, output.data, output.len, deadline_ns, &cause);
	if (code < 0)
		return fail_io(err, code, &cause);
	sl_socks_sent(socks);
	code = sl_connection_recv(
		connection, reply, sl_socks_wanted(socks), false, deadline_ns, &cause);
	if (code <= 0)
		return fail_io(err, code, &cause);
	return sl_socks_feed(socks, reply, (size_t)code, err);
}

int
sl_tunnel_socks(struct sl_connection *connection, const struct sl_proxy *proxy,
	struct sl_socks_target *target, uint64_t deadline_ns, struct sl_error *err)
{
	struct sl_socks socks;
	int code = sl_socks_begin(&socks, proxy, target, err);
	while (code == 0 && sl_socks_wanted(&socks) > 0)
		code = exchange_message(connection, &socks, deadline_ns, err);
	sl_socks_end(&socks);
	return code;
}
