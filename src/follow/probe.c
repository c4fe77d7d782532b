#include "sluice/follow/probe.h"

#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"
#include "sluice/scan/decoding.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Input that is decoded with one call of the blocking pool. */
#define SLICE_READS 64u

/* A text of at most so many bytes is read whole for its fingerprint. */
#define PRINT_WHOLE (4 * SL_KIB)

/* The last record is looked for in so many bytes at the end, then in more. */
#define RECORD_WINDOW ((uint64_t)SL_PROBE_BUFFER)
#define RECORD_GROWTH 8u

struct sl_state_file
sl_probe_file(const struct statx *st)
{
	bool has_birth = st->stx_mask & STATX_BTIME && st->stx_btime.tv_sec > 0;
	return (struct sl_state_file){ .dev_major = st->stx_dev_major,
		.born_s = has_birth ? (uint64_t)st->stx_btime.tv_sec : 0,
		.born_ns = has_birth ? st->stx_btime.tv_nsec : 0,
		.dev_minor = st->stx_dev_minor,
		.inode = st->stx_ino,
		.size = st->stx_size,
		.mtime_s = st->stx_mtime.tv_sec > 0 ? (uint64_t)st->stx_mtime.tv_sec : 0,
		.mtime_ns = st->stx_mtime.tv_nsec };
}

int
sl_probe_take(struct sl_probe *probe, int fd)
{
	struct statx st = { 0 };
	int code = sl_io_stat(fd, "", AT_EMPTY_PATH, SL_PROBE_MASK, &st);
	if (code)
		return code;
	probe->fd = fd;
	probe->file = sl_probe_file(&st);
	probe->is_regular = S_ISREG(st.stx_mode);
	probe->is_sniffed = false;
	return 0;
}

int
sl_probe_open(struct sl_probe *probe, const char *path)
{
	int fd = sl_io_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, 0);
	probe->fd = -1;
	if (fd < 0)
		return fd;
	int code = sl_probe_take(probe, fd);
	if (code)
		(void)sl_io_close(fd);
	return code;
}

bool
sl_probe_stat(const char *path, struct sl_state_file *file)
{
	struct statx st = { 0 };
	if (sl_io_stat(AT_FDCWD, path, 0, SL_PROBE_MASK, &st) != 0 || !S_ISREG(st.stx_mode))
		return false;
	*file = sl_probe_file(&st);
	return true;
}

bool
sl_probe_look(struct sl_engine *engine, const char *path, struct sl_state_file *file)
{
	struct statx st = { 0 };
	struct sl_op op = { .kind = SL_OP_STAT,
		.dir_fd = AT_FDCWD,
		.path = path,
		.mask = SL_PROBE_MASK,
		.statx = &st };
	if (engine->methods->run_blocking(engine, &op) < 0 || !S_ISREG(st.stx_mode))
		return false;
	*file = sl_probe_file(&st);
	return true;
}

void
sl_probe_close(struct sl_probe *probe)
{
	(void)sl_io_close(probe->fd);
	probe->fd = -1;
}

int
sl_probe_is_encoded(struct sl_probe *probe)
{
	if (!probe->is_sniffed) {
		int got = sl_io_read_full(probe->fd, probe->buffer, SL_SNIFF_WINDOW, 0);
		if (got < 0)
			return got;
		probe->form = sl_sniff_form(probe->buffer, (size_t)got);
		probe->is_sniffed = true;
	}
	return sl_decoding_is_for(probe->form);
}

/* A short text is read whole: one call less for each of many small logs. */
int
sl_probe_print(struct sl_probe *probe, uint64_t off, struct sl_fingerprint *print)
{
	unsigned head_len = sl_fingerprint_len(off, SL_FINGERPRINT_HEAD);
	unsigned tail_len = sl_fingerprint_len(off, SL_FINGERPRINT_TAIL);
	bool is_whole = off <= PRINT_WHOLE;
	size_t first_len = is_whole ? (size_t)off : head_len;
	unsigned char *head = probe->buffer, *tail = head + first_len;
	*print = (struct sl_fingerprint){ 0 };
	if (off == 0)
		return 0;
	int got = sl_io_read_full(probe->fd, head, first_len, 0);
	bool is_there = got == (int)first_len;
	if (is_whole) {
		tail -= tail_len;
	} else if (is_there) {
		got = sl_io_read_full(probe->fd, tail, tail_len, off - tail_len);
		is_there = got == (int)tail_len;
	}
	if (is_there)
		*print = sl_fingerprint_of(sl_span((const char *)head, head_len),
			sl_span((const char *)tail, tail_len));
	return SL_MIN(got, 0);
}

/* ---- text that is decoded ---- */

struct decode_call {
	const struct sl_probe *probe;
	struct sl_engine *engine;
	struct sl_decoding *decoding;
	struct sl_fingerprinter printer;
	uint64_t until; /* bytes of text */
	uint64_t off;   /* in the file */
	size_t in_at, in_len;
	bool is_over;
	enum sl_decode_step step;
};

#define IN_SIZE (SL_PROBE_BUFFER / 2)

static int
read_more(struct decode_call *call)
{
	struct sl_op op = { .kind = SL_OP_READ,
		.fd = call->probe->fd,
		.data = call->probe->buffer,
		.len = IN_SIZE,
		.off = call->off };
	int got = call->engine->methods->run_blocking(call->engine, &op);
	if (got < 0)
		return got == -EINTR ? 0 : got;
	call->in_at = 0;
	call->in_len = (size_t)got;
	call->off += (size_t)got;
	call->is_over = got == 0;
	return 0;
}

static void
decode_some(struct decode_call *call)
{
	unsigned char *out = call->probe->buffer + IN_SIZE;
	uint64_t missing = call->until - call->printer.len;
	size_t room = (size_t)SL_MIN(missing, (uint64_t)IN_SIZE);
	struct sl_decode_io io = { .in = call->probe->buffer + call->in_at,
		.in_len = call->in_len,
		.out = out,
		.out_len = room,
		.is_last = call->is_over };
	call->step = sl_decoding_step(call->decoding, &io);
	call->in_at += call->in_len - io.in_len;
	call->in_len = io.in_len;
	sl_fingerprinter_add(&call->printer, sl_span((const char *)out, room - io.out_len));
}

static bool
is_done(const struct decode_call *call)
{
	return call->printer.len >= call->until ||
	       (call->step != SL_DECODE_MORE && call->step != SL_DECODE_FULL);
}

static int
decode_slice(void *arg)
{
	struct decode_call *call = arg;
	for (unsigned i = 0; i < SLICE_READS && !is_done(call); i++) {
		int code = 0;
		if (call->step == SL_DECODE_MORE && call->in_len == 0 && !call->is_over)
			code = read_more(call);
		if (code)
			return code;
		decode_some(call);
	}
	return 0;
}

/* The first `until` bytes of text, or as many as there are. */
SL_SUSPENDS
static int
decode(struct sl_probe *probe, struct decode_call *call, uint64_t until)
{
	*call = (struct decode_call){ .probe = probe,
		.engine = sl_rt_engine(sl_rt_current()),
		.decoding = sl_decoding_new(probe->form, probe->window_max),
		.until = until };
	int code = call->decoding ? 0 : -ENOMEM;
	while (code == 0 && !is_done(call)) {
		code = sl_task_cancelled();
		if (code == 0)
			code = sl_blocking_wait(decode_slice, call);
	}
	sl_decoding_free(call->decoding);
	return code;
}

int
sl_probe_head(struct sl_probe *probe, struct sl_fingerprint *print)
{
	struct decode_call call;
	int code = decode(probe, &call, SL_FINGERPRINT_HEAD);
	const struct sl_fingerprint all = sl_fingerprinter_end(&call.printer);
	*print = sl_fingerprint_head(&all);
	return code;
}

int
sl_probe_heads(struct sl_probe *probe, struct sl_probe_heads *heads)
{
	*heads = (struct sl_probe_heads){ .count = 1 };
	int got = sl_io_read_full(probe->fd, probe->buffer, SL_FINGERPRINT_HEAD, 0);
	if (got < 0)
		return got;
	sl_fingerprinter_add(
		&heads->texts[0], sl_span((const char *)probe->buffer, (size_t)got));
	int encoded = sl_probe_is_encoded(probe);
	if (encoded != 1)
		return encoded;
	struct decode_call call;
	int code = decode(probe, &call, SL_FINGERPRINT_HEAD);
	heads->texts[heads->count++] = call.printer;
	return code;
}

bool
sl_probe_may_hold(struct sl_probe_heads *heads, const struct sl_fingerprint *print)
{
	unsigned len = print->head_len;
	bool may_hold = false;
	for (unsigned i = 0; i < heads->count && len && !may_hold; i++) {
		if (heads->texts[i].len < len)
			continue;
		if (heads->hash_lens[i] != len)
			heads->hashes[i] = sl_fingerprinter_head(&heads->texts[i], len);
		heads->hash_lens[i] = len;
		may_hold = heads->hashes[i] == print->head;
	}
	return may_hold;
}

/* The beginning is compared first: other text costs little. */
SL_SUSPENDS
static int
encoded_holds(struct sl_probe *probe, const struct sl_state_log *log)
{
	const struct sl_fingerprint *print = &log->print;
	struct decode_call call;
	int code = decode(probe, &call, print->head_len);
	if (code || call.printer.len < print->head_len ||
		sl_fingerprinter_head(&call.printer, print->head_len) != print->head)
		return code;
	if (log->is_encoded || log->off == 0)
		return 1;
	code = decode(probe, &call, log->off);
	if (code || call.printer.len < log->off)
		return code;
	struct sl_fingerprint found = sl_fingerprinter_end(&call.printer);
	return sl_fingerprint_equal(&found, print);
}

/* As it is in the file. Of a log of which nothing was scanned only its beginning is known. */
SL_SUSPENDS
static int
plain_holds(struct sl_probe *probe, const struct sl_state_log *log)
{
	struct sl_fingerprint found;
	uint64_t off = log->off ? log->off : log->print.head_len;
	if (log->is_encoded || probe->file.size < off)
		return 0;
	int code = sl_probe_print(probe, off, &found);
	if (log->off == 0)
		found = sl_fingerprint_head(&found);
	return code ? code : sl_fingerprint_equal(&found, &log->print);
}

int
sl_probe_holds(struct sl_probe *probe, const struct sl_state_log *log)
{
	if (log->print.head_len == 0)
		return 0;
	int code = plain_holds(probe, log);
	if (code)
		return code;
	int encoded = sl_probe_is_encoded(probe);
	return encoded == 1 ? encoded_holds(probe, log) : encoded;
}

int
sl_probe_may_be(struct sl_probe *probe, const struct sl_state_log *log)
{
	bool is_blank = log->off == 0 && log->print.head_len == 0;
	return is_blank ? 1 : sl_probe_holds(probe, log);
}

/* ---- lines ---- */

int
sl_probe_last_line(struct sl_probe *probe, uint64_t from, uint64_t to, uint64_t *end)
{
	*end = from;
	while (to > from) {
		uint64_t begin = to - SL_MIN(to - from, (uint64_t)SL_PROBE_BUFFER);
		int got = sl_io_read_full(probe->fd, probe->buffer, (size_t)(to - begin), begin);
		if (got < 0)
			return got;
		const unsigned char *found = memrchr(probe->buffer, '\n', (size_t)got);
		if (found) {
			*end = begin + (uint64_t)(found - probe->buffer) + 1;
			return 0;
		}
		to = begin;
	}
	return 0;
}

/* Feeds [at, to) to the search. */
SL_SUSPENDS
static int
search_records(struct sl_probe *probe, struct sl_record_search *search, uint64_t at, uint64_t to)
{
	while (at < to) {
		size_t len = (size_t)SL_MIN(to - at, (uint64_t)SL_PROBE_BUFFER);
		int got = sl_io_read_full(probe->fd, probe->buffer, len, at);
		if (got <= 0)
			return got;
		sl_record_search_add(search, sl_span((const char *)probe->buffer, (size_t)got));
		at += (uint64_t)got;
	}
	return 0;
}

int
sl_probe_last_record(struct sl_probe *probe, uint64_t from, uint64_t to,
	enum sl_record_state *state, uint64_t *begin)
{
	struct sl_record_search search;
	uint64_t at, window = RECORD_WINDOW;
	int code;
	do {
		at = to - SL_MIN(to - from, window);
		if (at == from)
			sl_record_search_begin(&search, at, *state);
		else
			sl_record_search_begin_inside(&search, at);
		code = search_records(probe, &search, at, to);
		window *= RECORD_GROWTH;
	} while (code == 0 && at > from && search.last == SL_RECORD_SEARCH_NONE);
	*begin = search.last;
	*state = search.state;
	return code;
}

/* In the lines of the text, the last one first. True and *stamp, or *begin: of the first line, if
 * the text does not begin with one. */
static bool
find_stamp(struct sl_span text, bool is_inside, size_t *begin, struct sl_timestamp *stamp)
{
	const char *first = is_inside ? memchr(text.data, '\n', text.len - 1) : text.data;
	const char *end = text.data + text.len;
	if (is_inside && first)
		first++;
	*begin = first ? (size_t)(first - text.data) : 0;
	while (first && end > first) {
		const char *newline = memrchr(first, '\n', (size_t)(end - first - 1));
		const char *line = newline ? newline + 1 : first;
		size_t len = SL_MIN((size_t)(end - line), (size_t)SL_PERIOD_LINE_MAX);
		if (sl_timestamp_find(sl_span(line, len), stamp))
			return true;
		end = line;
	}
	return false;
}

int
sl_probe_last_stamp(struct sl_probe *probe, uint64_t *from, uint64_t to, struct sl_timestamp *stamp)
{
	uint64_t least = to - SL_MIN(to - *from, (uint64_t)SL_PROBE_STAMP_MAX);
	while (to > least) {
		uint64_t at = to - SL_MIN(to - least, (uint64_t)SL_PROBE_BUFFER);
		size_t begin;
		int got = sl_io_read_full(probe->fd, probe->buffer, (size_t)(to - at), at);
		if (got <= 0)
			return got;
		struct sl_span text = sl_span((const char *)probe->buffer, (size_t)got);
		if (find_stamp(text, at > *from, &begin, stamp))
			return 1;
		to = at + begin;
	}
	*from = least;
	return 0;
}
