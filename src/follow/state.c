/*
 * state.c - reads what it writes, and nothing else: a state that is misread would count lines
 * twice, or not at all.
 */
#include "sluice/follow/state.h"

#include "sluice/base/crc32c.h"
#include "sluice/base/number.h"

#include <errno.h>
#include <stdlib.h>

#define VERSION_FIRST 1 /* it had no stamps, and no times of creation */

#define FLAG_ENCODED 'c'
#define FLAG_ROTATED 'r'
#define FLAG_NO_YEAR 'y'

#define ZONE_MAX 86400u /* seconds: more than there are */

struct sl_state_log *
sl_state_add(struct sl_state *state, const char *path)
{
	if (state->count == state->cap) {
		size_t cap = state->cap ? state->cap * 2 : 16;
		struct sl_state_log **logs = reallocarray(state->logs, cap, sizeof(*logs));
		if (!logs)
			return NULL;
		state->logs = logs;
		state->cap = cap;
	}
	struct sl_state_log *log = calloc(1, sizeof(*log));
	if (!log)
		return NULL;
	log->fd = -1;
	log->path = strdup(path);
	if (!log->path) {
		free(log);
		return NULL;
	}
	state->logs[state->count++] = log;
	return log;
}

static void
free_log(struct sl_state_log *log)
{
	free(log->path);
	free(log->at);
	free(log);
}

void
sl_state_drop(struct sl_state_log *log)
{
	sl_assert(log->fd < 0);
	log->is_dropped = true;
}

void
sl_state_sweep(struct sl_state *state)
{
	size_t kept = 0;
	for (size_t i = 0; i < state->count; i++) {
		if (sl_state_is_dropped(state->logs[i]))
			free_log(state->logs[i]);
		else
			state->logs[kept++] = state->logs[i];
	}
	state->count = kept;
}

void
sl_state_release(struct sl_state *state)
{
	for (size_t i = 0; i < state->count; i++)
		free_log(state->logs[i]);
	free(state->logs);
	*state = (struct sl_state){ 0 };
}

/* ---- writing ---- */

static void
add_path(struct sl_buf *out, const char *path)
{
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;
		if (c == '\\')
			sl_buf_add_str(out, "\\\\");
		else if (c < ' ' || c == 0x7f)
			sl_buf_printf(out, "\\x%02x", c);
		else
			sl_buf_add_char(out, *path);
	}
}

static void
add_number(struct sl_buf *out, const char *key, uint64_t value)
{
	sl_buf_printf(out, "%s%llu", key, (unsigned long long)value);
}

static void
add_hash(struct sl_buf *out, const char *key, unsigned len, uint64_t hash)
{
	sl_buf_printf(out, "%s%u:%016llx", key, len, (unsigned long long)hash);
}

static void
add_flags(struct sl_buf *out, const struct sl_state_log *log)
{
	size_t begin;
	sl_buf_add_str(out, " flags=");
	begin = out->len;
	if (log->is_encoded)
		sl_buf_add_char(out, FLAG_ENCODED);
	if (log->at)
		sl_buf_add_char(out, FLAG_ROTATED);
	if (log->has_stamp && !log->stamp.has_year)
		sl_buf_add_char(out, FLAG_NO_YEAR);
	if (out->len == begin)
		sl_buf_add_char(out, '-');
}

static void
add_time(struct sl_buf *out, const char *key, uint64_t s, uint64_t ns)
{
	add_number(out, key, s);
	sl_buf_printf(out, ".%09llu", (unsigned long long)ns);
}

static void
add_stamp(struct sl_buf *out, const struct sl_state_log *log)
{
	uint64_t ns = (uint64_t)log->stamp.ns;
	if (!log->has_stamp) {
		sl_buf_add_str(out, " stamp=-");
		return;
	}
	add_time(out, " stamp=", ns / SL_NS_PER_S, ns % SL_NS_PER_S);
	if (log->stamp.has_zone)
		sl_buf_printf(out, "%+d", (int)log->stamp.zone_s);
}

static void
add_log(struct sl_buf *out, const struct sl_state_log *log)
{
	const struct sl_state_file *file = &log->file;
	add_number(out, "offset=", log->off);
	add_number(out, " lines=", log->lines);
	add_number(out, " errors=", log->hits);
	add_number(out, " size=", file->size);
	add_time(out, " modified=", file->mtime_s, file->mtime_ns);
	sl_buf_printf(out, " file=%u:%u:%llu", file->dev_major, file->dev_minor,
		(unsigned long long)file->inode);
	add_time(out, " born=", file->born_s, file->born_ns);
	add_hash(out, " head=", log->print.head_len, log->print.head);
	add_hash(out, " tail=", log->print.tail_len, log->print.tail);
	add_flags(out, log);
	add_stamp(out, log);
	sl_buf_add_str(out, " path=");
	add_path(out, log->path);
	if (log->at) {
		sl_buf_add_char(out, '\t');
		add_path(out, log->at);
	}
	sl_buf_add_char(out, '\n');
}

static void
add_some(struct sl_state_writer *writer, struct sl_buf *out, size_t end)
{
	const struct sl_state *state = writer->state;
	if (!writer->has_begun)
		sl_buf_printf(out, SL_STATE_MAGIC "%d\n", SL_STATE_VERSION);
	writer->has_begun = true;
	for (; writer->next < state->count && out->len < end && !out->failed; writer->next++) {
		if (sl_state_is_dropped(state->logs[writer->next]))
			continue;
		add_log(out, state->logs[writer->next]);
		writer->count++;
	}
}

bool
sl_state_write_some(struct sl_state_writer *writer, struct sl_buf *out, size_t len)
{
	size_t begin = out->len;
	if (writer->has_begun && writer->next > writer->state->count)
		return false;
	add_some(writer, out, begin + len);
	if (out->failed)
		return false;
	writer->crc = sl_crc32c(writer->crc, out->data + begin, out->len - begin);
	if (writer->next == writer->state->count) {
		sl_buf_printf(out, "end %zu %08x\n", writer->count, writer->crc);
		writer->next++; /* the end has been written */
	}
	return true;
}

/* ---- reading ---- */

/* A line has two paths at most, whose bytes take up to four each. */
#define LINE_MAX_LEN (64 * SL_KIB)

static int
fail(const struct sl_state_reader *reader, const char *why, struct sl_error *err)
{
	return sl_fail(err, SL_PHASE_READ, SL_E_USAGE,
		"'%s' is damaged: %s in line %zu (restore it, or remove it to scan everything "
		"again)",
		reader->name, why, reader->line);
}

static int
fail_other(const struct sl_state_reader *reader, struct sl_error *err)
{
	return sl_fail(err, SL_PHASE_READ, SL_E_USAGE,
		"'%s' was not written by --state: its first line is not '" SL_STATE_MAGIC
		"%d' (use another name)",
		reader->name, SL_STATE_VERSION);
}

static int
read_version(struct sl_state_reader *reader, struct sl_span line, struct sl_error *err)
{
	const size_t magic = strlen(SL_STATE_MAGIC);
	bool is_ours = line.len > magic && memcmp(line.data, SL_STATE_MAGIC, magic) == 0 &&
		       sl_parse_u64(line.data + magic, line.len - magic, &reader->version);
	if (!is_ours)
		return fail_other(reader, err);
	if (reader->version < VERSION_FIRST || reader->version > SL_STATE_VERSION)
		return sl_fail(err, SL_PHASE_READ, SL_E_UNSUPPORTED,
			"'%s' has version %llu of its format, and this sluice supports only "
			"versions %d to %d (use the sluice that wrote it, or another name)",
			reader->name, (unsigned long long)reader->version, VERSION_FIRST,
			SL_STATE_VERSION);
	return 0;
}

/* "key=" at the beginning, which is removed. */
static bool
take_key(struct sl_span *text, const char *key)
{
	size_t len = strlen(key);
	if (text->len < len || memcmp(text->data, key, len) != 0)
		return false;
	*text = sl_span(text->data + len, text->len - len);
	return true;
}

static bool
take_number(struct sl_span *text, const char *key, char separator, uint64_t *out)
{
	struct sl_span digits;
	return take_key(text, key) && sl_span_take_until(text, separator, &digits) &&
	       sl_parse_u64(digits.data, digits.len, out);
}

static bool
take_unsigned(struct sl_span *text, const char *key, char separator, unsigned *out)
{
	uint64_t value;
	if (!take_number(text, key, separator, &value) || value > UINT32_MAX)
		return false;
	*out = (unsigned)value;
	return true;
}

static bool
take_hash(struct sl_span *text, const char *key, unsigned most, unsigned *len, uint64_t *hash)
{
	struct sl_span digits;
	return take_unsigned(text, key, ':', len) && *len <= most &&
	       sl_span_take_until(text, ' ', &digits) &&
	       sl_parse_hex(digits.data, digits.len, hash);
}

struct flags {
	bool is_encoded, is_rotated, has_no_year;
};

static bool
take_flags(struct sl_span *text, struct flags *flags)
{
	struct sl_span letters;
	if (!take_key(text, "flags=") || !sl_span_take_until(text, ' ', &letters))
		return false;
	*flags = (struct flags){ 0 };
	for (size_t i = 0; i < letters.len; i++) {
		if (letters.data[i] == FLAG_ENCODED)
			flags->is_encoded = true;
		else if (letters.data[i] == FLAG_ROTATED)
			flags->is_rotated = true;
		else if (letters.data[i] == FLAG_NO_YEAR)
			flags->has_no_year = true;
		else if (letters.data[i] != '-' || letters.len != 1)
			return false;
	}
	return letters.len > 0;
}

/* "+3600" at the end of a stamp, which is removed. */
static bool
take_zone(struct sl_span *text, struct sl_timestamp *stamp)
{
	size_t at = 0;
	uint64_t zone_s;
	while (at < text->len && text->data[at] != '+' && text->data[at] != '-')
		at++;
	stamp->has_zone = at < text->len;
	if (!stamp->has_zone)
		return true;
	if (!sl_parse_u64(text->data + at + 1, text->len - at - 1, &zone_s) || zone_s > ZONE_MAX)
		return false;
	stamp->zone_s = text->data[at] == '-' ? -(int32_t)zone_s : (int32_t)zone_s;
	text->len = at;
	return true;
}

static bool
take_stamp(struct sl_span *text, const struct flags *flags, struct sl_state_log *log)
{
	struct sl_timestamp *stamp = &log->stamp;
	struct sl_span value;
	uint64_t s, ns;
	if (!take_key(text, "stamp=") || !sl_span_take_until(text, ' ', &value))
		return false;
	if (value.len == 1 && value.data[0] == '-')
		return !flags->has_no_year;
	log->has_stamp = take_zone(&value, stamp) && take_number(&value, "", '.', &s) &&
			 sl_parse_u64(value.data, value.len, &ns) && ns < SL_NS_PER_S &&
			 s < INT64_MAX / SL_NS_PER_S;
	if (!log->has_stamp)
		return false;
	stamp->ns = (int64_t)(s * SL_NS_PER_S + ns);
	stamp->has_year = !flags->has_no_year;
	return true;
}

/* -EINVAL if an escape is not complete, there is a NUL, or nothing; -ENOMEM. */
static int
read_path(struct sl_span escaped, char **out)
{
	struct sl_buf path = { 0 };
	bool is_good = escaped.len > 0;
	for (size_t i = 0; i < escaped.len && is_good; i++) {
		uint64_t code = (unsigned char)escaped.data[i];
		size_t left = escaped.len - i - 1;
		if (code == '\\' && left && escaped.data[i + 1] == '\\') {
			i++;
		} else if (code == '\\') {
			is_good = left >= 3 && escaped.data[i + 1] == 'x' &&
				  sl_parse_hex(escaped.data + i + 2, 2, &code);
			i += 3;
		}
		is_good = is_good && code != 0;
		sl_buf_add_char(&path, (char)code);
	}
	bool is_out = path.failed;
	*out = is_good && !is_out ? sl_buf_detach(&path) : NULL;
	sl_buf_release(&path);
	return *out ? 0 : is_out || is_good ? -ENOMEM : -EINVAL;
}

static bool
take_file(const struct sl_state_reader *reader, struct sl_span *text, struct sl_state_file *file)
{
	return take_number(text, "size=", ' ', &file->size) &&
	       take_number(text, "modified=", '.', &file->mtime_s) &&
	       take_number(text, "", ' ', &file->mtime_ns) &&
	       take_unsigned(text, "file=", ':', &file->dev_major) &&
	       take_unsigned(text, "", ':', &file->dev_minor) &&
	       take_number(text, "", ' ', &file->inode) &&
	       (reader->version == VERSION_FIRST ||
		       (take_number(text, "born=", '.', &file->born_s) &&
			       take_number(text, "", ' ', &file->born_ns)));
}

static bool
take_fields(const struct sl_state_reader *reader, struct sl_span *text, struct sl_state_log *log,
	struct flags *flags)
{
	struct sl_fingerprint *print = &log->print;
	return take_number(text, "offset=", ' ', &log->off) &&
	       take_number(text, "lines=", ' ', &log->lines) &&
	       take_number(text, "errors=", ' ', &log->hits) &&
	       take_file(reader, text, &log->file) &&
	       take_hash(text, "head=", SL_FINGERPRINT_HEAD, &print->head_len, &print->head) &&
	       take_hash(text, "tail=", SL_FINGERPRINT_TAIL, &print->tail_len, &print->tail) &&
	       take_flags(text, flags) &&
	       (reader->version == VERSION_FIRST || take_stamp(text, flags, log)) &&
	       take_key(text, "path=");
}

static int
read_log(struct sl_state_reader *reader, struct sl_span line, struct sl_error *err)
{
	struct sl_state_log read = { 0 };
	struct sl_span path;
	struct flags flags = { 0 };
	if (!take_fields(reader, &line, &read, &flags))
		return fail(reader, "a field is missing or wrong", err);
	if (sl_span_take_until(&line, '\t', &path) != flags.is_rotated)
		return fail(reader, "a path is missing", err);
	read.is_encoded = flags.is_encoded;
	int code = read_path(flags.is_rotated ? path : line, &read.path);
	if (code == 0 && flags.is_rotated)
		code = read_path(line, &read.at);
	struct sl_state_log *log = code == 0 ? sl_state_add(reader->state, read.path) : NULL;
	if (log) {
		char *own = log->path;
		*log = read;
		log->path = own;
		log->fd = -1;
		read.at = NULL;
	}
	free(read.path);
	free(read.at);
	if (code == -EINVAL)
		return fail(reader, "a path is wrong", err);
	return log ? 0 : -ENOMEM;
}

static int
read_end(struct sl_state_reader *reader, struct sl_span line, struct sl_error *err)
{
	uint64_t number, crc;
	reader->has_ended = true;
	if (!take_number(&line, "end ", ' ', &number) || !sl_parse_hex(line.data, line.len, &crc))
		return fail(reader, "the end is wrong", err);
	if (number != reader->state->count || crc != reader->crc)
		return fail(reader, "the checksum is wrong", err);
	return 0;
}

static int
read_line(struct sl_state_reader *reader, struct sl_span line, struct sl_error *err)
{
	bool is_end = line.len >= 4 && memcmp(line.data, "end ", 4) == 0;
	reader->line++;
	if (reader->line > 1 && is_end && !reader->has_ended)
		return read_end(reader, line, err);
	reader->crc = sl_crc32c(reader->crc, line.data, line.len + 1); /* and the newline */
	if (reader->line == 1)
		return read_version(reader, line, err);
	return reader->has_ended ? fail(reader, "there is more than the end", err)
				 : read_log(reader, line, err);
}

/* Another file may have lines of any length. */
static int
check_rest(struct sl_state_reader *reader, struct sl_error *err)
{
	const struct sl_buf *rest = &reader->rest;
	size_t magic = SL_MIN(strlen(SL_STATE_MAGIC), rest->len);
	if (reader->line == 0 && magic > 0 && memcmp(rest->data, SL_STATE_MAGIC, magic) != 0)
		return fail_other(reader, err);
	return rest->len > LINE_MAX_LEN ? fail(reader, "there is no newline behind it", err) : 0;
}

static int
out_of_memory(const struct sl_state_reader *reader, struct sl_error *err)
{
	return sl_fail_code(err, SL_PHASE_READ, -ENOMEM, "cannot read '%s'", reader->name);
}

int
sl_state_read_some(struct sl_state_reader *reader, struct sl_span text, struct sl_error *err)
{
	struct sl_buf *rest = &reader->rest;
	sl_buf_add_span(rest, text);
	if (rest->failed)
		return out_of_memory(reader, err);
	struct sl_span left = sl_buf_span(rest), line;
	int code = 0;
	while (code == 0 && sl_span_take_until(&left, '\n', &line))
		code = read_line(reader, line, err);
	if (left.len > 0)
		memmove(rest->data, left.data, left.len);
	rest->len = left.len;
	if (code == 0)
		code = check_rest(reader, err);
	return code == -ENOMEM ? out_of_memory(reader, err) : code;
}

int
sl_state_read_end(struct sl_state_reader *reader, struct sl_error *err)
{
	bool is_empty = reader->line == 0 && reader->rest.len == 0;
	bool is_whole = reader->has_ended && reader->rest.len == 0;
	if (is_empty || is_whole)
		return 0;
	reader->line++;
	return fail(reader,
		reader->has_ended ? "there is more than the end" : "the end is missing", err);
}

void
sl_state_reader_release(struct sl_state_reader *reader)
{
	sl_buf_release(&reader->rest);
}
