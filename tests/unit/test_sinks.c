/*
 * Each sink for results alone, with events made by hand.
 */
#include "sluice/base/cpu.h"
#include "sluice/scan/source.h"
#include "sluice/sink/count_sink.h"
#include "sluice/sink/json_sink.h"
#include "sluice/sink/line.h"
#include "sluice/sink/lines_sink.h"
#include "sluice/sink/list_sink.h"
#include "sluice/sink/table_sink.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BUFFER 1000u

/* What the writer received. */
struct fixture {
	struct sl_results results;
	struct sl_buf sent;
	size_t sends, longest;
	int code;  /* what sending returns, and its state afterwards */
	int ended; /* why the run has to end */
	struct sl_input *input;
	uint64_t number; /* of the next line */
	struct sl_pattern *pattern;
	struct sl_matcher *matcher;
};

static int
take(void *ctx, struct sl_buf *buf)
{
	struct fixture *f = ctx;
	if (f->code)
		return f->code;
	f->sends++;
	f->longest = SL_MAX(f->longest, buf->len);
	sl_buf_add_span(&f->sent, sl_buf_span(buf));
	sl_buf_clear(buf);
	return 0;
}

static int
state_of(const void *ctx)
{
	const struct fixture *f = ctx;
	return f->code;
}

static int
has_ended(const void *ctx)
{
	const struct fixture *f = ctx;
	return f->ended;
}

static void
begin(struct fixture *f, const char *path, bool is_found)
{
	struct sl_error err = { 0 };
	const struct sl_pattern_spec spec = { .count = 0 };
	*f = (struct fixture){ .results = { .writer = { .ctx = f,
						    .send = take,
						    .state = state_of,
						    .ended = has_ended,
						    .buffer = BUFFER } } };
	cr_assert_eq(sl_input_new(&f->input, path, is_found), 0);
	f->input->kind = SL_INPUT_FILE;
	cr_assert_eq(
		sl_pattern_new(&f->pattern, &spec, sl_match_choose(sl_cpu_features()), &err), 0);
	cr_assert_eq(sl_matcher_new(&f->matcher, f->pattern), 0);
}

static void
end(struct fixture *f)
{
	sl_matcher_free(f->matcher);
	sl_pattern_free(f->pattern);
	sl_input_free(f->input);
	sl_results_release(&f->results);
	sl_buf_release(&f->sent);
}

/* ---- events ---- */

static int
emit(struct fixture *f, const struct sl_scan_sink *sink, enum sl_scan_event_kind kind,
	struct sl_span text, bool begins_group)
{
	const unsigned char *bytes = (const unsigned char *)text.data;
	struct sl_scan_line line = { .matcher = f->matcher,
		.text = bytes,
		.len = text.len,
		.subject = sl_subject_of(bytes, text.len, false, true, false),
		.whole_len = text.len,
		.number = f->number,
		.off = 100,
		.is_closed = true,
		.has_no_match = kind == SL_SCAN_EVENT_CONTEXT,
		.begins_group = begins_group };
	struct sl_scan_event event = { .kind = kind, .input = f->input, .line = &line };
	return sl_scan_emit(sink, 1, &event);
}

static int
emit_line(struct fixture *f, const struct sl_scan_sink *sink, struct sl_span text)
{
	return emit(f, sink, SL_SCAN_EVENT_LINE, text, true);
}

static int
emit_end(
	struct fixture *f, const struct sl_scan_sink *sink, enum sl_scan_state state, uint64_t hits)
{
	struct sl_scan_result result = {
		.state = state, .lines = 2 * hits, .hits = hits, .bytes = 50
	};
	struct sl_scan_event event = {
		.kind = SL_SCAN_EVENT_END, .input = f->input, .result = &result
	};
	return sl_scan_emit(sink, 1, &event);
}

static int
emit_begin(struct fixture *f, const struct sl_scan_sink *sink)
{
	struct sl_scan_event event = { .kind = SL_SCAN_EVENT_BEGIN, .input = f->input };
	return sl_scan_emit(sink, 1, &event);
}

static int
emit_idle(const struct sl_scan_sink *sink)
{
	struct sl_scan_event event = { .kind = SL_SCAN_EVENT_IDLE };
	return sl_scan_emit(sink, 1, &event);
}

static int
emit_summary(const struct sl_scan_sink *sink, const struct sl_scan_summary *summary)
{
	struct sl_scan_outcome outcome = { .summary = summary, .elapsed_ns = 1500000000 };
	struct sl_scan_event event = { .kind = SL_SCAN_EVENT_SUMMARY, .outcome = &outcome };
	return sl_scan_emit(sink, 1, &event);
}

/* All results so far, sent or not. */
static void
expect(struct fixture *f, const char *want)
{
	cr_assert_eq(sl_results_send(&f->results), 0);
	cr_expect_str_eq(f->sent.data ? f->sent.data : "", want);
	sl_buf_clear(&f->sent);
}

/* ---- results: what all of them share ---- */

Test(sinks, results_wait_for_a_full_buffer)
{
	struct fixture f;
	struct sl_count_sink count;
	const struct sl_results_names names = { .always = true, .separator = ':' };
	begin(&f, "name", false);
	struct sl_scan_sink sink = sl_count_sink_init(&count, &f.results, &names);
	const size_t each = strlen("name:3\n");
	for (size_t bytes = each; bytes < BUFFER; bytes += each) {
		cr_assert_eq(emit_end(&f, &sink, SL_SCAN_OK, 3), 0);
		cr_assert_eq(f.sends, 0);
	}
	cr_assert_eq(emit_end(&f, &sink, SL_SCAN_OK, 3), 0);
	cr_assert_eq(f.sends, 1);
	end(&f);
}

Test(sinks, while_the_scan_waits_results_wait_only_if_they_go_to_a_file_and_come_from_one)
{
	for (unsigned i = 0; i < 4; i++) {
		bool is_file = i & 1, is_stream = i & 2;
		struct fixture f;
		struct sl_count_sink count;
		const struct sl_results_names names = { .never = true };
		begin(&f, "name", false);
		f.results.writer.is_file = is_file;
		f.input->kind = is_stream ? SL_INPUT_STREAM : SL_INPUT_FILE;
		struct sl_scan_sink sink = sl_count_sink_init(&count, &f.results, &names);
		cr_assert_eq(emit_end(&f, &sink, SL_SCAN_OK, 3), 0);
		cr_assert_eq(emit_idle(&sink), 0);
		cr_expect_eq(f.sends, is_stream || !is_file);
		end(&f);
	}
}

/* The event of a line with many matches goes out in parts: all of them do. */
Test(sinks, a_run_that_is_to_end_does_so_behind_the_event_that_is_being_sent)
{
	struct fixture f;
	struct sl_json_sink json;
	char text[3600];
	begin(&f, "name", false);
	struct sl_scan_sink sink = sl_json_sink_init(
		&json, &f.results, (struct sl_json_sink_options){ true, false, false });
	for (size_t i = 0; i < sizeof(text); i += 6)
		memcpy(text + i, "error ", 6);
	f.ended = -ECANCELED;
	cr_expect_eq(emit_line(&f, &sink, sl_span(text, sizeof(text))), -ECANCELED);
	cr_assert_gt(f.sends, 2);
	cr_expect_eq(memcmp(f.sent.data + f.sent.len - 3, "}}\n", 3), 0);
	cr_expect_eq(f.results.pending.len, 0);
	sl_json_sink_release(&json);
	end(&f);
}

Test(sinks, a_writer_that_has_failed_ends_the_scan_with_the_next_event)
{
	struct fixture f;
	struct sl_count_sink count;
	struct sl_lines_sink lines;
	struct sl_json_sink json;
	const struct sl_results_names names = { .never = true };
	begin(&f, "name", false);
	struct sl_scan_sink sinks[] = { sl_count_sink_init(&count, &f.results, &names),
		sl_lines_sink_init(&lines, &f.results, &names, (struct sl_lines_sink_options){ 0 }),
		sl_json_sink_init(
			&json, &f.results, (struct sl_json_sink_options){ .has_lines = true }) };
	f.code = -EPIPE;
	for (size_t i = 0; i < SL_COUNT_OF(sinks); i++)
		cr_expect_eq(emit_end(&f, &sinks[i], SL_SCAN_OK, 0), -EPIPE);
	cr_expect_eq(emit_line(&f, &sinks[1], sl_span_str("an error")), -EPIPE);
	cr_expect_eq(emit_line(&f, &sinks[2], sl_span_str("an error")), -EPIPE);
	end(&f);
}

Test(sinks, names_are_listed_of_inputs_with_a_match_or_of_those_that_have_none_for_sure)
{
	static const struct {
		enum sl_scan_state state;
		uint64_t hits;
		bool with, without;
	} cases[] = {
		{ SL_SCAN_OK, 2, true, false },
		{ SL_SCAN_OK, 0, false, true },
		{ SL_SCAN_LIMITED, 1, true, false },
		{ SL_SCAN_UNDECIDED, 0, false, false },
		{ SL_SCAN_UNSORTED, 0, false, false },
		{ SL_SCAN_UNDECIDED, 1, true, false },
		{ SL_SCAN_UNREADABLE, 0, false, false },
		{ SL_SCAN_UNREADABLE, 3, true, false },
		{ SL_SCAN_TRUNCATED, 0, false, false },
		{ SL_SCAN_BINARY, 0, false, false },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct fixture f;
		struct sl_list_sink list;
		begin(&f, "name", false);
		struct sl_scan_sink sink = sl_list_sink_init(&list, &f.results, SL_LIST_WITH, '\n');
		cr_assert_eq(emit_end(&f, &sink, cases[i].state, cases[i].hits), 0);
		expect(&f, cases[i].with ? "name\n" : "");
		sink = sl_list_sink_init(&list, &f.results, SL_LIST_WITHOUT, '!');
		cr_assert_eq(emit_end(&f, &sink, cases[i].state, cases[i].hits), 0);
		expect(&f, cases[i].without ? "name!" : "");
		end(&f);
	}
}

Test(sinks, each_match_is_printed_on_a_line_of_its_own)
{
	struct fixture f;
	struct sl_lines_sink lines;
	const struct sl_results_names names = { .always = true, .separator = ':' };
	begin(&f, "name", false);
	f.number = 7;
	struct sl_scan_sink sink = sl_lines_sink_init(&lines, &f.results, &names,
		(struct sl_lines_sink_options){ .has_numbers = true, .prints_matches = true });
	cr_assert_eq(emit_line(&f, &sink, sl_span_str("an error, ERROR")), 0);
	expect(&f, "name:7:error\nname:7:ERROR\n");
	f.results.style.colour = true;
	cr_assert_eq(emit_line(&f, &sink, sl_span_str("an error")), 0);
	cr_assert_eq(sl_results_send(&f.results), 0);
	cr_expect(strstr(f.sent.data, "error\x1b["), "%s", f.sent.data);
	cr_expect_eq(lines.incomplete, 0);
	sl_lines_sink_release(&lines);
	end(&f);
}

/* The rest of it is not there to be searched. */
Test(sinks, a_line_of_which_only_a_part_is_kept_is_noted_if_matches_are_printed)
{
	struct fixture f;
	struct sl_lines_sink lines;
	const struct sl_results_names names = { .never = true };
	const unsigned char *text = (const unsigned char *)"an error";
	begin(&f, "name", false);
	struct sl_scan_sink sink =
		sl_lines_sink_init(&lines, &f.results, &names, (struct sl_lines_sink_options){ 0 });
	struct sl_scan_line line = { .matcher = f.matcher,
		.text = text,
		.len = 8,
		.subject = { text, 8, true },
		.whole_len = 9,
		.off = 100,
		.is_closed = true };
	struct sl_scan_event event = {
		.kind = SL_SCAN_EVENT_LINE, .input = f.input, .line = &line
	};
	cr_assert_eq(sl_scan_emit(&sink, 1, &event), 0);
	cr_expect_eq(lines.incomplete, 0);
	lines.options.prints_matches = true;
	for (int i = 0; i < 2; i++)
		cr_assert_eq(sl_scan_emit(&sink, 1, &event), 0);
	cr_expect_eq(lines.incomplete, 2);
	cr_expect_eq(lines.incomplete_off, 100);
	cr_expect_str_eq(lines.incomplete_input, "'name'");
	line.has_no_match = true;
	cr_assert_eq(sl_scan_emit(&sink, 1, &event), 0);
	cr_expect_eq(lines.incomplete, 2);
	sl_lines_sink_release(&lines);
	end(&f);
}

Test(sinks, results_that_could_not_be_collected_are_an_error)
{
	struct fixture f;
	struct sl_count_sink count;
	const struct sl_results_names names = { .never = true };
	begin(&f, "name", false);
	struct sl_scan_sink sink = sl_count_sink_init(&count, &f.results, &names);
	f.results.pending.failed = true; /* as after an allocation that failed */
	cr_expect_eq(emit_end(&f, &sink, SL_SCAN_OK, 3), -ENOMEM);
	end(&f);
}

/* ---- counts ---- */

Test(sinks, counts_are_named_as_asked_or_if_the_input_was_found_in_a_directory)
{
	static const struct {
		struct sl_results_names names;
		bool is_found;
		const char *want;
	} cases[] = {
		{ { .separator = ':' }, false, "3\n" },
		{ { .separator = ':' }, true, "name:3\n" },
		{ { .always = true, .separator = ':' }, false, "name:3\n" },
		{ { .always = true, .never = true, .separator = ':' }, true, "3\n" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct fixture f;
		struct sl_count_sink count;
		begin(&f, "name", cases[i].is_found);
		struct sl_scan_sink sink = sl_count_sink_init(&count, &f.results, &cases[i].names);
		cr_assert_eq(emit_end(&f, &sink, SL_SCAN_OK, 3), 0);
		expect(&f, cases[i].want);
		end(&f);
	}
}

Test(sinks, an_input_that_could_not_be_read_has_no_count)
{
	struct fixture f;
	struct sl_count_sink count;
	const struct sl_results_names names = { .never = true };
	begin(&f, "name", false);
	struct sl_scan_sink sink = sl_count_sink_init(&count, &f.results, &names);
	cr_assert_eq(emit_end(&f, &sink, SL_SCAN_UNREADABLE, 0), 0);
	expect(&f, "");
	cr_assert_eq(emit_end(&f, &sink, SL_SCAN_UNREADABLE, 2), 0);
	expect(&f, "2\n");
	end(&f);
}

/* ---- lines ---- */

Test(sinks, numbers_of_lines_are_decimal)
{
	static const uint64_t numbers[] = { 1, 9, 10, 1234567890, UINT64_MAX };
	struct fixture f;
	struct sl_lines_sink lines;
	const struct sl_results_names names = { .never = true };
	begin(&f, "name", false);
	struct sl_scan_sink sink = sl_lines_sink_init(
		&lines, &f.results, &names, (struct sl_lines_sink_options){ .has_numbers = true });
	for (size_t i = 0; i < SL_COUNT_OF(numbers); i++) {
		char want[40];
		snprintf(want, sizeof(want), "%llu:error\n", (unsigned long long)numbers[i]);
		f.number = numbers[i];
		cr_assert_eq(emit_line(&f, &sink, sl_span_str("error")), 0);
		expect(&f, want);
	}
	end(&f);
}

Test(sinks, a_line_has_name_number_and_text)
{
	struct fixture f;
	struct sl_lines_sink lines;
	const struct sl_results_names names = { .always = true, .separator = ':' };
	begin(&f, "-", false);
	struct sl_scan_sink sink = sl_lines_sink_init(
		&lines, &f.results, &names, (struct sl_lines_sink_options){ .has_numbers = true });
	f.number = 7;
	cr_assert_eq(emit_line(&f, &sink, sl_span_str("an error\r")), 0);
	expect(&f, "<stdin>:7:an error\r\n");
	end(&f);
}

/* A limit that no line reaches changes nothing, although such lines take another path. */
Test(sinks, lines_of_any_length_are_printed_whole_with_and_without_a_limit)
{
	static const size_t lens[] = { 0, 1, 63, 64, SL_LINE_PIECE - 1, SL_LINE_PIECE,
		SL_LINE_PIECE + 1, 3 * SL_LINE_PIECE };
	static char text[3 * SL_LINE_PIECE];
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < 2 * 2 * SL_COUNT_OF(lens); i++) {
		struct fixture f;
		struct sl_lines_sink lines;
		struct sl_buf want = { 0 };
		bool has_limit = i & 1, has_context = i & 2;
		struct sl_span line = sl_span(text, lens[i / 4]);
		begin(&f, "name", false);
		f.number = UINT64_MAX;
		struct sl_scan_sink sink = sl_lines_sink_init(&lines, &f.results,
			&(struct sl_results_names){ .always = true, .separator = ':' },
			(struct sl_lines_sink_options){ .has_numbers = true,
				.has_context = true,
				.most = has_limit ? sizeof(text) : 0 });
		cr_assert_eq(emit(&f, &sink,
				     has_context ? SL_SCAN_EVENT_CONTEXT : SL_SCAN_EVENT_LINE, line,
				     true),
			0);
		sl_buf_add_str(&want, has_context ? "name-18446744073709551615-"
						  : "name:18446744073709551615:");
		sl_buf_add_span(&want, line);
		sl_buf_add_char(&want, '\n');
		expect(&f, want.data);
		sl_buf_release(&want);
		end(&f);
	}
}

Test(sinks, on_a_terminal_controls_are_escaped_and_matches_coloured)
{
	struct fixture f;
	struct sl_lines_sink lines;
	const struct sl_results_names names = { .never = true };
	begin(&f, "name", false);
	f.results.style = (struct sl_results_style){
		.is_terminal = true, .columns = 80, .colour = true, .unicode = true
	};
	struct sl_scan_sink sink =
		sl_lines_sink_init(&lines, &f.results, &names, (struct sl_lines_sink_options){ 0 });
	cr_assert_eq(emit_line(&f, &sink, sl_span_str("\033[2J error \xc3\xa9 error\r")), 0);
	expect(&f, "\\x1b[2J \033[1;31merror\033[0m \xc3\xa9 \033[1;31merror\033[0m\n");
	f.results.style.colour = f.results.style.unicode = false;
	cr_assert_eq(emit_line(&f, &sink, sl_span_str("error \xc3\xa9\r")), 0);
	expect(&f, "error \\xc3\\xa9\n");
	end(&f);
}

Test(sinks, groups_of_lines_are_separated_and_context_has_a_dash_and_no_colours)
{
	static const struct {
		enum sl_scan_event_kind kind;
		bool begins_group;
		const char *plain, *coloured, *nul;
	} cases[] = {
		{ SL_SCAN_EVENT_CONTEXT, true, "name-7-error\n",
			"\033[35mname\033[0m-\033[32m7\033[0m-error\n", "name" },
		{ SL_SCAN_EVENT_LINE, false, "name:7:error\n",
			"\033[35mname\033[0m:\033[32m7\033[0m:\033[1;31merror\033[0m\n", "name" },
		{ SL_SCAN_EVENT_LINE, true, "--\nname:7:error\n",
			"--\n\033[35mname\033[0m:\033[32m7\033[0m:\033[1;31merror\033[0m\n",
			"--\nname" },
		{ SL_SCAN_EVENT_CONTEXT, true, "--\nname-7-error\n",
			"--\n\033[35mname\033[0m-\033[32m7\033[0m-error\n", "--\nname" },
	};
	for (unsigned style = 0; style < 3; style++) {
		struct fixture f;
		struct sl_lines_sink lines;
		const struct sl_results_names names = { .always = true,
			.separator = style == 2 ? '\0' : ':' };
		begin(&f, "name", false);
		f.number = 7;
		f.results.style.colour = style == 1;
		struct sl_scan_sink sink = sl_lines_sink_init(&lines, &f.results, &names,
			(struct sl_lines_sink_options){ .has_numbers = true, .has_context = true });
		for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
			const char *const wants[] = { cases[i].plain, cases[i].coloured,
				cases[i].nul };
			cr_assert_eq(emit(&f, &sink, cases[i].kind, sl_span_str("error"),
					     cases[i].begins_group),
				0);
			expect(&f, wants[style]);
		}
		end(&f);
	}
}

Test(sinks, of_a_long_line_a_part_around_the_first_match_is_printed)
{
	static const struct {
		size_t most;
		const char *text, *want;
	} cases[] = {
		{ 40, "aaaaaaaaaaaaaaaaaaaaerrorbbbbbbbbbbbbbbb",
			"aaaaaaaaaaaaaaaaaaaaerrorbbbbbbbbbbbbbbb\n" },
		{ 15, "aaaaaaaaaaaaaaaaaaaaerrorbbbbbbbbbbbbbbb",
			"[... 15 bytes] aaaaaerrorbbbbb [... 10 bytes]\n" },
		{ 15, "aaerrorbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
			"aaerrorbbbbbbbb [... 25 bytes]\n" },
		{ 15, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaerror err",
			"[... 25 bytes] aaaaaaerror err\n" },
		{ 3, "aaaaaaaaaaaaaaaaaaaaerrorbbbbbbbbbbbbbbb",
			"[... 20 bytes] err [... 17 bytes]\n" },
		{ 9,
			"aaaaaaaaaaaaaaaaaa\xc3\xa9"
			"error\xc3\xa9"
			"bbbbbbbbbbbb",
			"[... 18 bytes] \xc3\xa9"
			"error\xc3\xa9 [... 12 bytes]\n" },
		{ 7,
			"aaaaaaaaaaaaaaaaaa\xc3\xa9"
			"error\xc3\xa9"
			"bbbbbbbbbbbb",
			"[... 20 bytes] error [... 14 bytes]\n" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct fixture f;
		struct sl_lines_sink lines;
		const struct sl_results_names names = { .never = true };
		begin(&f, "name", false);
		struct sl_scan_sink sink = sl_lines_sink_init(&lines, &f.results, &names,
			(struct sl_lines_sink_options){ .most = cases[i].most });
		cr_assert_eq(emit_line(&f, &sink, sl_span_str(cases[i].text)), 0);
		expect(&f, cases[i].want);
		end(&f);
	}
}

Test(sinks, of_a_long_line_without_a_match_the_first_part_is_printed)
{
	struct fixture f;
	struct sl_lines_sink lines;
	const struct sl_results_names names = { .never = true };
	begin(&f, "name", false);
	struct sl_scan_sink sink = sl_lines_sink_init(&lines, &f.results, &names,
		(struct sl_lines_sink_options){ .most = 15, .has_context = true });
	cr_assert_eq(
		emit(&f, &sink, SL_SCAN_EVENT_CONTEXT, sl_span_str("some bytes and error"), false),
		0);
	expect(&f, "some bytes and  [... 5 bytes]\n");
	end(&f);
}

Test(sinks, context_in_json_has_no_matches)
{
	struct fixture f;
	struct sl_json_sink json;
	begin(&f, "name", false);
	f.number = 7;
	struct sl_scan_sink sink = sl_json_sink_init(&json, &f.results,
		(struct sl_json_sink_options){ .has_lines = true, .has_context = true });
	cr_assert_eq(emit(&f, &sink, SL_SCAN_EVENT_CONTEXT, sl_span_str("fine"), true), 0);
	expect(&f, "{\"type\":\"context\",\"data\":{\"path\":{\"text\":\"name\"},\"lines\":{"
		   "\"text\":\"fine\\n\"},\"line_number\":7,\"absolute_offset\":100,"
		   "\"submatches\":[]}}\n");
	end(&f);
}

/* Each control byte becomes four. */
Test(sinks, however_long_a_line_is_no_more_is_collected_than_a_buffer_and_an_escaped_piece)
{
	enum { LEN = 900000 };
	struct fixture f;
	struct sl_lines_sink lines;
	const struct sl_results_names names = { .never = true };
	char *text = malloc(LEN);
	cr_assert(text);
	memset(text, 1, LEN);
	begin(&f, "name", false);
	f.results.style = (struct sl_results_style){ .is_terminal = true, .columns = 80 };
	struct sl_scan_sink sink =
		sl_lines_sink_init(&lines, &f.results, &names, (struct sl_lines_sink_options){ 0 });
	cr_assert_eq(emit_line(&f, &sink, sl_span(text, LEN)), 0);
	cr_assert_eq(sl_results_send(&f.results), 0);
	cr_expect_eq(f.sent.len, 4 * (size_t)LEN + 1);
	cr_expect_leq(f.longest, BUFFER + 6 * SL_LINE_PIECE);
	free(text);
	end(&f);
}

/* ---- the table ---- */

Test(sinks, the_table_comes_with_the_summary_and_its_total_notes_what_was_skipped)
{
	struct fixture f;
	struct sl_table_sink table;
	const struct sl_scan_summary summary = { .inputs = 3, .lines = 6, .hits = 3 };
	begin(&f, "name", true);
	struct sl_scan_sink sink = sl_table_sink_init(&table, &f.results);
	cr_assert_eq(emit_end(&f, &sink, SL_SCAN_OK, 3), 0);
	cr_assert_eq(emit_end(&f, &sink, SL_SCAN_BINARY, 0), 0);
	cr_assert_eq(emit_end(&f, &sink, SL_SCAN_UNREADABLE, 0), 0);
	cr_assert(f.sends == 0 && f.results.pending.len == 0);
	cr_assert_eq(emit_summary(&sink, &summary), 0);
	expect(&f, "input  lines  error lines   share\n"
		   "name       6            3  50.00%\n"
		   "name       -            -       -  binary\n"
		   "name       -            -       -  unreadable\n"
		   "total      6            3  50.00%  1 skipped\n");
	sl_table_sink_release(&table);
	end(&f);
}

Test(sinks, a_long_table_is_not_in_memory_as_a_whole)
{
	enum { COUNT = 5000 };
	struct fixture f;
	struct sl_table_sink table;
	struct sl_buf want = { 0 };
	const struct sl_scan_summary summary = { .lines = 6 * COUNT, .hits = 3 * COUNT };
	begin(&f, "name", false);
	struct sl_scan_sink sink = sl_table_sink_init(&table, &f.results);
	for (unsigned i = 0; i < COUNT; i++)
		cr_assert_eq(emit_end(&f, &sink, SL_SCAN_OK, 3), 0);
	cr_assert_eq(emit_summary(&sink, &summary), 0);
	sl_buf_add_str(&want, "input  lines  error lines   share\n");
	for (unsigned i = 0; i < COUNT; i++)
		sl_buf_add_str(&want, "name       6            3  50.00%\n");
	sl_buf_add_str(&want, "total  30000        15000  50.00%\n");
	cr_assert_eq(sl_results_send(&f.results), 0);
	cr_expect(sl_span_equal(sl_buf_span(&f.sent), sl_buf_span(&want)));
	cr_expect_leq(f.longest, BUFFER + 64 * strlen("name       6            3  50.00%\n"));
	sl_buf_release(&want);
	sl_table_sink_release(&table);
	end(&f);
}

/* ---- JSON ---- */

/* The number that follows the last "key": in the text. */
static uint64_t
number_of(const struct sl_buf *text, const char *key)
{
	uint64_t number = UINT64_MAX;
	char quoted[32];
	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	for (const char *at = strstr(text->data, quoted); at; at = strstr(at, quoted))
		number = strtoull(at += strlen(quoted), NULL, 10);
	return number;
}

Test(sinks, json_counts_the_bytes_and_matches_that_it_prints_of_each_input_and_of_all)
{
	struct fixture f;
	struct sl_json_sink json;
	const struct sl_scan_summary summary = { .inputs = 2, .lines = 8, .hits = 4 };
	size_t printed = 0;
	begin(&f, "name", false);
	struct sl_scan_sink sink = sl_json_sink_init(
		&json, &f.results, (struct sl_json_sink_options){ .has_lines = true });
	for (unsigned i = 1; i <= 2; i++) {
		cr_assert_eq(sl_results_send(&f.results), 0);
		sl_buf_clear(&f.sent);
		cr_assert_eq(emit_begin(&f, &sink), 0);
		for (unsigned line = 0; line < 2 * i; line++)
			cr_assert_eq(emit_line(&f, &sink, sl_span_str("error error")), 0);
		size_t before_end = f.sent.len + f.results.pending.len;
		cr_assert_eq(emit_end(&f, &sink, SL_SCAN_OK, 2 * i), 0);
		cr_assert_eq(sl_results_send(&f.results), 0);
		cr_expect_eq(number_of(&f.sent, "bytes_printed"), before_end);
		cr_expect_eq(number_of(&f.sent, "matches"), 4 * i);
		cr_expect_eq(number_of(&f.sent, "matched_lines"), 2 * i);
		printed += before_end;
	}
	cr_assert_eq(emit_summary(&sink, &summary), 0);
	cr_assert_eq(sl_results_send(&f.results), 0);
	cr_expect_eq(number_of(&f.sent, "bytes_printed"), printed);
	cr_expect_eq(number_of(&f.sent, "matches"), 4 + 8);
	sl_json_sink_release(&json);
	end(&f);
}

Test(sinks, json_without_lines_wants_none_and_its_matches_are_matching_lines)
{
	struct fixture f;
	struct sl_json_sink json;
	begin(&f, "name", false);
	struct sl_scan_sink sink =
		sl_json_sink_init(&json, &f.results, (struct sl_json_sink_options){ 0 });
	cr_expect_eq(sink.wants & SL_SCAN_WANTS(SL_SCAN_EVENT_LINE), 0);
	cr_assert_eq(emit_begin(&f, &sink), 0);
	cr_assert_eq(emit_end(&f, &sink, SL_SCAN_OK, 5), 0);
	cr_assert_eq(sl_results_send(&f.results), 0);
	cr_expect_eq(number_of(&f.sent, "matches"), 5);
	sl_json_sink_release(&json);
	end(&f);
}

/* As while files are downloaded: each has sums of its own. */
Test(sinks, json_counts_inputs_whose_lines_come_in_turns_each_by_itself)
{
	struct fixture f;
	struct sl_json_sink json;
	struct sl_input *inputs[3];
	begin(&f, "name", false);
	struct sl_input *own = f.input;
	struct sl_scan_sink sink = sl_json_sink_init(
		&json, &f.results, (struct sl_json_sink_options){ .has_lines = true });
	for (size_t i = 0; i < SL_COUNT_OF(inputs); i++) {
		cr_assert_eq(sl_input_new(&inputs[i], "other", false), 0);
		f.input = inputs[i];
		cr_assert_eq(emit_begin(&f, &sink), 0);
	}
	for (size_t i = 0; i < 6; i++) {
		f.input = inputs[i < 3 ? i : 2];
		cr_assert_eq(emit_line(&f, &sink, sl_span_str("error error")), 0);
	}
	const uint64_t want[] = { 2, 2, 8 };
	for (size_t i = 0; i < SL_COUNT_OF(inputs); i++) {
		cr_assert_eq(sl_results_send(&f.results), 0);
		sl_buf_clear(&f.sent);
		f.input = inputs[i];
		cr_assert_eq(emit_end(&f, &sink, SL_SCAN_OK, want[i] / 2), 0);
		cr_assert_eq(sl_results_send(&f.results), 0);
		cr_expect_eq(number_of(&f.sent, "matches"), want[i]);
		sl_input_free(inputs[i]);
	}
	f.input = own;
	sl_json_sink_release(&json);
	end(&f);
}

Test(sinks, json_has_null_for_a_line_without_a_number)
{
	struct fixture f;
	struct sl_json_sink json;
	begin(&f, "name", false);
	struct sl_scan_sink sink = sl_json_sink_init(
		&json, &f.results, (struct sl_json_sink_options){ .has_lines = true });
	cr_assert_eq(emit_line(&f, &sink, sl_span_str("error")), 0);
	cr_assert_eq(sl_results_send(&f.results), 0);
	cr_expect(strstr(f.sent.data, "\"line_number\":null,"), "%s", f.sent.data);
	end(&f);
}

Test(sinks, an_event_that_was_sent_in_part_is_sent_to_its_end)
{
	struct fixture f;
	struct sl_json_sink json;
	begin(&f, "f", false);
	struct sl_scan_sink sink = sl_json_sink_init(
		&json, &f.results, (struct sl_json_sink_options){ .has_lines = true });
	for (size_t i = 0; i < 400; i++) {
		size_t sends = f.sends;
		f.number = i % 7 * 1000;
		cr_assert_eq(emit_line(&f, &sink, sl_span_str("an error and an ERROR")), 0);
		if (f.sends > sends && f.results.pending.len == 0)
			cr_assert_eq(f.sent.data[f.sent.len - 1], '\n');
		else
			cr_assert_eq(f.sends, sends, "the rest of line %zu waits", i);
	}
	cr_assert_gt(f.sends, 10u);
	sl_json_sink_release(&json);
	end(&f);
}

/* ---- what they want ---- */

Test(sinks, lines_are_made_only_for_sinks_that_print_them)
{
	struct sl_results results = { .sent = 0 };
	struct sl_results_names names = { .never = true };
	struct sl_table_sink table;
	struct sl_count_sink count;
	struct sl_lines_sink lines;
	struct sl_json_sink json;
	const unsigned line = SL_SCAN_WANTS(SL_SCAN_EVENT_LINE);
	cr_expect_eq(sl_table_sink_init(&table, &results).wants & line, 0);
	cr_expect_eq(sl_count_sink_init(&count, &results, &names).wants & line, 0);
	cr_expect_neq(
		sl_lines_sink_init(&lines, &results, &names, (struct sl_lines_sink_options){ 0 })
				.wants &
			line,
		0);
	cr_expect_neq(sl_json_sink_init(
			      &json, &results, (struct sl_json_sink_options){ .has_lines = true })
				      .wants &
			      line,
		0);
}
