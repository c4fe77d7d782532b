#include "support/h2_played.h"

#include "support/run.h"

#include <errno.h>

#define WINDOW (256 * SL_KIB)
#define LONG_NS (60 * SL_NS_PER_S)

SL_SUSPENDS
static int
connect_played(void *ctx, const struct sl_pool_key *key, uint64_t deadline_ns,
	struct sl_connection **out, struct sl_error *err)
{
	struct h2_play *play = ctx;
	(void)deadline_ns;
	(void)err;
	return sl_h2_open(&play->peer.connection, key->window, out);
}

/* ---- one stream ---- */

SL_SUSPENDS
static int
read_body(struct sl_stream *stream, size_t len, struct h2_outcome *out)
{
	char data[1000];
	while (!stream->body.complete) {
		int code = stream->methods->read(
			stream, data, len ? SL_MIN(len, sizeof(data)) : sizeof(data), &out->err);
		if (code < 0)
			return code;
		sl_assert(code > 0 || stream->body.complete);
		sl_buf_add(&out->body, data, (size_t)code);
	}
	out->is_whole = true;
	return 0;
}

/* Interim heads come before the final one. */
SL_SUSPENDS
static int
read_response(struct h2_play *play, struct sl_stream *stream, struct h2_outcome *out)
{
	struct sl_head head;
	sl_head_init(&head);
	int code = stream->methods->read_head(stream, &head, &out->err);
	if (code == 0) {
		out->status = head.status;
		code = stream->methods->begin_body(stream, &head, play->is_head, &out->err);
	}
	sl_head_release(&head);
	return code < 0 ? code : read_body(stream, play->read, out);
}

struct reading {
	struct h2_play *play;
	unsigned index;
};

SL_SUSPENDS
static int
read_one(void *arg)
{
	struct reading *reading = arg;
	struct h2_play *play = reading->play;
	struct h2_outcome *out = &play->outcomes[reading->index];
	if (out->code == 0)
		out->code = read_response(play, play->stream[reading->index], out);
	return 0;
}

/* ---- all ---- */

SL_SUSPENDS
static void
send_all(struct h2_play *play)
{
	static char host[] = "a.example", target[] = "/a";
	const struct sl_url url = {
		.scheme = SL_SCHEME_HTTPS, .host = host, .port = 443, .target = target
	};
	const struct sl_request request = {
		.method = play->is_head ? "HEAD" : "GET", .url = &url, .user_agent = "test"
	};
	for (unsigned i = 0; i < play->streams; i++) {
		struct h2_outcome *out = &play->outcomes[i];
		struct sl_stream *stream = play->stream[i];
		stream->stall_timeout_ns = LONG_NS;
		out->code = stream->methods->send(stream, &request, &out->err);
	}
}

/* Streams that end tell the server so: all are read before the first ends. */
SL_SUSPENDS
static void
read_all(struct h2_play *play)
{
	struct reading readings[H2_STREAMS_MAX];
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (unsigned i = 0; i < play->streams; i++) {
		readings[i] = (struct reading){ play, i };
		int code = sl_group_spawn(&group, "stream", read_one, &readings[i], NULL);
		if (code < 0)
			play->outcomes[i].code = code;
	}
	(void)sl_group_leave(&group);
}

SL_SUSPENDS
static int
begin_all(struct h2_play *play, const struct sl_pool_key *key)
{
	struct sl_connection *connection;
	int code = sl_pool_take(play->pool, key, false, &connection, NULL);
	if (code < 0)
		return code;
	for (unsigned i = 0; i < play->streams; i++) {
		play->stream[i] = sl_h2_begin(sl_h2_of(connection), play->pool);
		if (play->stream[i])
			continue;
		play->streams = i;
		if (i == 0)
			sl_pool_give(play->pool, connection, false);
		return i == 0 ? -ENOMEM : 0;
	}
	return 0;
}

int
h2_play_task(void *arg)
{
	struct h2_play *play = arg;
	const struct sl_pool_options options = { .per_host = 1,
		.total = 1,
		.connect_timeout_ns = LONG_NS,
		.idle_ns = LONG_NS,
		.idle_max = 1 };
	const struct sl_pool_key key = { .tls = true,
		.host = "a.example",
		.port = 443,
		.route = "",
		.connect = connect_played,
		.connect_ctx = play,
		.window = WINDOW };
	scripted_init(&play->peer, play->frames, play->first, play->piece);
	play->peer.end = play->end;
	play->peer.empty = play->empty;
	play->peer.is_full = play->is_full;
	play->code = sl_pool_new(&play->pool, &options);
	if (play->code < 0)
		return 0;
	play->code = begin_all(play, &key);
	if (play->code == 0) {
		send_all(play);
		read_all(play);
		for (unsigned i = 0; i < play->streams; i++)
			play->stream[i]->methods->end(play->stream[i]);
	}
	struct sl_pool_stats stats;
	sl_pool_stats(play->pool, &stats);
	play->left = stats.taken;
	sl_pool_free(play->pool);
	play->was_closed = play->peer.is_closed;
	scripted_release(&play->peer);
	return 0;
}

/* state: one runtime for all runs, of which a fuzz target has thousands a second. */
static struct sim *sim;
static struct sl_rt *rt;

void
h2_play(struct h2_play *play)
{
	if (!sim) {
		struct sl_rt_options options = { .engine = sim_engine(sim = sim_plain(1)),
			.workers = 1 };
		sim_check(sim, sl_rt_new(&rt, &options, NULL) == 0, "no runtime");
	}
	sim_check(sim, sl_rt_run(rt, h2_play_task, play) == 0, "run");
	sim_check(sim, sim_in_flight(sim) == 0, "operations are left");
	sim_check(sim, play->left == 0, "the session was not given back");
	sim_check(sim, play->code < 0 || play->was_closed, "the connection is open");
}

void
h2_play_release(struct h2_play *play)
{
	for (unsigned i = 0; i < H2_STREAMS_MAX; i++)
		sl_buf_release(&play->outcomes[i].body);
}
