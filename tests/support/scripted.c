#include "support/scripted.h"

#include <errno.h>

static int
send_all(struct sl_connection *connection, const void *data, size_t len, uint64_t deadline_ns,
	struct sl_error *err)
{
	struct scripted *scripted = (struct scripted *)connection;
	(void)deadline_ns;
	(void)err;
	sl_buf_add(&scripted->sent, data, len);
	return 0;
}

static int
receive(struct sl_connection *connection, void *data, size_t len, bool whole, uint64_t deadline_ns,
	struct sl_error *err)
{
	struct scripted *scripted = (struct scripted *)connection;
	size_t most = scripted->first ? scripted->first : len;
	size_t n = SL_MIN(SL_MIN(len, most), scripted->reply.len);
	(void)whole;
	(void)deadline_ns;
	(void)err;
	scripted->first = scripted->piece;
	scripted->asked = SL_MAX(scripted->asked, len);
	if (n == 0)
		return scripted->end;
	memcpy(data, scripted->reply.data, n);
	scripted->reply = sl_span(scripted->reply.data + n, scripted->reply.len - n);
	return (int)n;
}

static int
send_some(struct sl_connection *connection, const void *data, size_t len, bool wait,
	uint64_t deadline_ns, struct sl_error *err)
{
	if (((struct scripted *)connection)->is_full)
		return wait ? -ETIMEDOUT : -EAGAIN;
	(void)send_all(connection, data, len, deadline_ns, err);
	return (int)len;
}

static int
receive_ready(struct sl_connection *connection, void *data, size_t len, struct sl_error *err)
{
	struct scripted *scripted = (struct scripted *)connection;
	if (scripted->empty > 0) {
		scripted->empty--;
		return -ETIMEDOUT;
	}
	return scripted->reply.len == 0 ? -EAGAIN
					: receive(connection, data, len, false, SL_FOREVER, err);
}

static void
close_scripted(struct sl_connection *connection)
{
	((struct scripted *)connection)->is_closed = true;
}

static const struct sl_connection_methods methods = { .send_all = send_all,
	.recv = receive,
	.close = close_scripted,
	.send_some = send_some,
	.recv_ready = receive_ready };

void
scripted_init(struct scripted *scripted, struct sl_span reply, size_t first, size_t piece)
{
	*scripted = (struct scripted){
		.connection.methods = &methods, .reply = reply, .first = first, .piece = piece
	};
}

void
scripted_release(struct scripted *scripted)
{
	sl_buf_release(&scripted->sent);
}
