#include "support/state_text.h"

#include "sluice/base/crc32c.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void
add(struct sl_state *state, const char *path, const char *at, const struct sl_state_log *like)
{
	struct sl_state_log *log = sl_state_add(state, path);
	cr_assert(log);
	char *own = log->path;
	*log = *like;
	log->path = own;
	log->at = at ? strdup(at) : NULL;
	log->fd = -1;
}

static void
fill(struct sl_state *state)
{
	*state = (struct sl_state){ 0 };
	add(state, "/var/log/app.log", NULL,
		&(struct sl_state_log){ .off = 5120,
			.lines = 64,
			.hits = 3,
			.file = { 8, 1, 1234, 5121, 1769900000, 12, 1769800000, 34 },
			.print = { 1024, 256, 0x123456789abcdef, UINT64_MAX },
			.stamp = { .ns = 1769899999000000005,
				.zone_s = -12600,
				.has_zone = true,
				.has_year = true },
			.has_stamp = true });
	add(state, "a b\t\n\\\x7f\xff.log", "a b\t\n\\\x7f\xff.log.2.gz",
		&(struct sl_state_log){ .off = UINT64_MAX,
			.lines = UINT64_MAX,
			.hits = UINT64_MAX,
			.file = { UINT32_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
				999999999, 0, 0 },
			.print = { 7, 0, 1, 0 },
			.is_encoded = true,
			.stamp = { .ns = 7 },
			.has_stamp = true });
	add(state, "-", NULL, &(struct sl_state_log){ .is_encoded = true });
}

static const char written[] =
	"sluice state 2\n"
	"offset=5120 lines=64 errors=3 size=5121 modified=1769900000.000000012 file=8:1:1234 "
	"born=1769800000.000000034 head=1024:0123456789abcdef tail=256:ffffffffffffffff flags=- "
	"stamp=1769899999.000000005-12600 path=/var/log/app.log\n"
	"offset=18446744073709551615 lines=18446744073709551615 errors=18446744073709551615 "
	"size=18446744073709551615 modified=18446744073709551615.999999999 "
	"file=4294967295:4294967295:18446744073709551615 born=0.000000000 head=7:0000000000000001 "
	"tail=0:0000000000000000 flags=cry stamp=0.000000007 path=a "
	"b\\x09\\x0a\\\\\\x7f\xff.log\ta "
	"b\\x09\\x0a\\\\\\x7f\xff.log.2.gz\n"
	"offset=0 lines=0 errors=0 size=0 modified=0.000000000 file=0:0:0 "
	"born=0.000000000 head=0:0000000000000000 tail=0:0000000000000000 flags=c stamp=- path=-\n";

Test(state, is_text_without_control_bytes)
{
	struct sl_state state;
	struct sl_buf text = { 0 }, want = { 0 };
	fill(&state);
	state_text_write(&state, &text);
	sl_buf_add_str(&want, written);
	sl_buf_printf(&want, "end 3 %08x\n", sl_crc32c(0, written, sizeof(written) - 1));
	cr_assert_str_eq(text.data, want.data);
	sl_state_release(&state);
	sl_buf_release(&text);
	sl_buf_release(&want);
}

Test(state, pieces_of_any_length_make_the_same_text)
{
	struct sl_state state;
	struct sl_buf text = { 0 };
	fill(&state);
	sl_state_drop(sl_state_add(&state, "dropped"));
	state_text_write(&state, &text);
	for (size_t len = 1; len < text.len + 2; len += 7) {
		struct sl_state_writer writer = { .state = &state };
		struct sl_buf pieces = { 0 };
		unsigned count = 0;
		for (; sl_state_write_some(&writer, &pieces, len); count++)
			cr_assert_not(pieces.failed);
		cr_expect_str_eq(pieces.data, text.data, "length %zu", len);
		cr_expect(len > 1 || count == 5, "%u pieces", count);
		sl_buf_release(&pieces);
	}
	sl_state_release(&state);
	sl_buf_release(&text);
}

Test(state, what_is_written_is_read)
{
	struct sl_state state, again;
	struct sl_buf text = { 0 }, more = { 0 };
	struct sl_error err = { 0 };
	fill(&state);
	state_text_write(&state, &text);
	cr_assert_eq(state_text_read(&again, sl_buf_span(&text), "f", &err), 0, "%s", err.text);
	cr_assert_eq(again.count, 3);
	cr_assert_str_eq(again.logs[1]->path, state.logs[1]->path);
	cr_assert_str_eq(again.logs[1]->at, state.logs[1]->at);
	cr_assert(sl_state_is_unchanged(&again.logs[0]->file, &state.logs[0]->file));
	cr_assert(sl_fingerprint_equal(&again.logs[0]->print, &state.logs[0]->print));
	cr_assert_eq(again.logs[2]->fd, -1);
	cr_assert_eq(again.logs[0]->stamp.zone_s, -12600);
	cr_assert(again.logs[0]->stamp.has_year && !again.logs[1]->stamp.has_year);
	cr_assert_not(again.logs[2]->has_stamp);
	state_text_write(&again, &more);
	cr_assert_str_eq(more.data, text.data);
	sl_state_release(&state);
	sl_state_release(&again);
	sl_buf_release(&text);
	sl_buf_release(&more);
}

Test(state, pieces_of_any_length_are_read_alike)
{
	struct sl_state state;
	struct sl_buf text = { 0 };
	fill(&state);
	state_text_write(&state, &text);
	for (size_t len = 1; len <= text.len; len++) {
		struct sl_state again = { 0 };
		struct sl_state_reader reader = { .state = &again, .name = "f" };
		struct sl_buf more = { 0 };
		struct sl_error err = { 0 };
		for (size_t at = 0; at < text.len; at += len)
			cr_assert_eq(sl_state_read_some(&reader,
					     sl_span(text.data + at, SL_MIN(len, text.len - at)),
					     &err),
				0, "%zu bytes: %s", len, err.text);
		cr_assert_eq(sl_state_read_end(&reader, &err), 0, "%s", err.text);
		state_text_write(&again, &more);
		cr_expect_str_eq(more.data, text.data);
		sl_state_reader_release(&reader);
		sl_state_release(&again);
		sl_buf_release(&more);
	}
	sl_state_release(&state);
	sl_buf_release(&text);
}

/* Another file is refused before all of it is read. */
Test(state, what_is_not_a_state_is_refused_at_its_first_bytes)
{
	struct sl_state state = { 0 };
	struct sl_state_reader reader = { .state = &state, .name = "f" };
	struct sl_error err = { 0 };
	cr_expect_eq(sl_state_read_some(&reader, sl_span_str("slu"), &err), 0);
	cr_expect_eq(sl_state_read_some(&reader, sl_span_str("mber"), &err), SL_E_USAGE);
	cr_expect(strstr(err.text, "was not written by --state"));
	sl_state_reader_release(&reader);
	char *line = calloc(1, 1000000);
	reader = (struct sl_state_reader){ .state = &state, .name = "f" };
	cr_expect_eq(sl_state_read_some(&reader, sl_span_str(SL_STATE_MAGIC), &err), 0);
	cr_expect_eq(sl_state_read_some(&reader, sl_span(line, 1000000), &err), SL_E_USAGE);
	sl_state_reader_release(&reader);
	free(line);
	sl_state_release(&state);
}

/* A file that was cut anywhere is refused, but for one that is empty: it has no logs. */
Test(state, each_part_is_refused_by_name)
{
	struct sl_state state, read;
	struct sl_buf text = { 0 };
	struct sl_error err = { 0 };
	fill(&state);
	state_text_write(&state, &text);
	cr_assert_eq(state_text_read(&read, sl_span("", 0), "part", &err), 0);
	for (size_t len = 1; len < text.len; len++) {
		char *part = malloc(len);
		memcpy(part, text.data, len);
		err = (struct sl_error){ 0 };
		cr_assert_eq(state_text_read(&read, sl_span(part, len), "part", &err), SL_E_USAGE,
			"%zu bytes are accepted", len);
		cr_assert(strstr(err.text, "'part'"));
		sl_state_release(&read);
		free(part);
	}
	sl_state_release(&state);
	sl_buf_release(&text);
}

/* So is one of which any byte was changed. */
Test(state, each_changed_byte_is_noticed)
{
	struct sl_state state, read;
	struct sl_buf text = { 0 };
	fill(&state);
	state_text_write(&state, &text);
	for (size_t i = 0; i < text.len; i++) {
		struct sl_error err = { 0 };
		text.data[i] ^= 1;
		int code = state_text_read(&read, sl_buf_span(&text), "f", &err);
		cr_assert(code == SL_E_USAGE || code == SL_E_UNSUPPORTED, "byte %zu", i);
		sl_state_release(&read);
		text.data[i] ^= 1;
	}
	sl_state_release(&state);
	sl_buf_release(&text);
}

/* The format of earlier releases had no stamps. */
Test(state, version_1_is_read)
{
	static const char text[] =
		"sluice state 1\n"
		"offset=51 lines=2 errors=1 size=60 modified=1769900000.000000012 file=8:1:9 "
		"head=51:0000000000000001 tail=51:0000000000000002 flags=r path=log\tlog.1\n";
	struct sl_state state;
	struct sl_buf whole = { 0 };
	struct sl_error err = { 0 };
	sl_buf_printf(&whole, "%send 1 %08x\n", text, sl_crc32c(0, text, sizeof(text) - 1));
	cr_assert_eq(state_text_read(&state, sl_buf_span(&whole), "f", &err), 0, "%s", err.text);
	cr_assert_eq(state.count, 1);
	cr_assert_eq(state.logs[0]->off, 51);
	cr_assert_str_eq(state.logs[0]->at, "log.1");
	cr_assert_not(state.logs[0]->has_stamp);
	sl_state_release(&state);
	sl_buf_release(&whole);
}

/* Each of them with a checksum that is right. */
Test(state, wrong_stamps_are_refused)
{
	static const char *const stamps[] = { "", "x", "1", "1.", ".1", "1.5x", "1.1000000000",
		"9999999999.0", "1.0+", "1.0+x", "1.0+86401", "-1.0", "1.0-7-7" };
	for (size_t i = 0; i < SL_COUNT_OF(stamps); i++) {
		struct sl_state state;
		struct sl_buf text = { 0 };
		struct sl_error err = { 0 };
		sl_buf_printf(&text,
			"sluice state 2\noffset=1 lines=1 errors=1 size=1 modified=1.0 file=1:1:1 "
			"born=1.0 head=1:1 tail=1:1 flags=- stamp=%s path=log\n",
			stamps[i]);
		sl_buf_printf(&text, "end 1 %08x\n", sl_crc32c(0, text.data, text.len));
		cr_expect_eq(state_text_read(&state, sl_buf_span(&text), "f", &err), SL_E_USAGE,
			"'%s'", stamps[i]);
		cr_expect(strstr(err.text, "a field is missing or wrong"));
		sl_state_release(&state);
		sl_buf_release(&text);
	}
}

Test(state, another_version_is_named)
{
	struct sl_state read;
	struct sl_error err = { 0 };
	cr_assert_eq(state_text_read(&read, sl_span_str("sluice state 3\nwhatever\n"), "f", &err),
		SL_E_UNSUPPORTED);
	cr_assert(strstr(err.text, "version 3"));
}

Test(state, what_is_dropped_is_not_written)
{
	struct sl_state state;
	struct sl_buf text = { 0 };
	fill(&state);
	sl_state_drop(state.logs[0]);
	state_text_write(&state, &text);
	cr_assert(strstr(text.data, "end 2 ") && !strstr(text.data, "app.log"));
	sl_state_sweep(&state);
	cr_assert_eq(state.count, 2);
	cr_assert_str_eq(state.logs[1]->path, "-");
	sl_state_release(&state);
	sl_buf_release(&text);
}

/* Inodes are used again; the time of creation is not known everywhere. */
Test(state, files_with_one_inode_have_their_times_of_creation)
{
	const struct sl_state_file file = { .inode = 7, .born_s = 1769800000, .born_ns = 1 };
	struct sl_state_file other = file;
	other.size = 5;
	cr_assert(sl_state_is_same_file(&file, &other));
	other.born_ns = 2;
	cr_assert_not(sl_state_is_same_file(&file, &other));
	other.born_s = other.born_ns = 0;
	cr_assert(sl_state_is_same_file(&file, &other));
	cr_assert(sl_state_is_same_file(&other, &file));
	other.inode = 8;
	cr_assert_not(sl_state_is_same_file(&file, &other));
}
