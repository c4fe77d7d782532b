#include "sluice/ui/progress.h"

#include "sluice/base/random.h"
#include "sluice/base/text.h"
#include "support/screen.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define NAME(text) \
	{ \
		text, sizeof(text) - 1 \
	}
#define MANY 60

static const struct sl_progress_file two_files[] = {
	{ .name = NAME("debian.iso"),
		.state = SL_PROGRESS_RECEIVING,
		.done = 3 * SL_GIB / 4,
		.total = 3 * SL_GIB,
		.rate_bytes_s = 120 * SL_MIB,
		.left_ns = 19 * SL_NS_PER_S },
	{ .name = NAME("a-name-that-is-too-long-to-be-shown-whole.parquet"),
		.state = SL_PROGRESS_CONNECTING,
		.total = SL_PROGRESS_UNKNOWN,
		.rate_bytes_s = SL_PROGRESS_UNKNOWN,
		.left_ns = SL_PROGRESS_UNKNOWN },
};

static const struct sl_progress two = {
	.files = two_files,
	.file_count = 2,
	.files_done = 3,
	.files_failed = 1,
	.files_total = 10,
	.bytes_done = 4 * SL_GIB,
	.bytes_total = 8 * SL_GIB,
	.rate_bytes_s = 120 * SL_MIB,
	.left_ns = 65 * SL_NS_PER_S,
};

static void
expect_screen(const struct screen *screen, const char *want)
{
	struct sl_buf text = { 0 };
	screen_text(screen, &text);
	cr_expect(sl_span_is(sl_buf_span(&text), want), "got\n%s\nwant\n%s", text.data, want);
	sl_buf_release(&text);
}

static void
draw(struct screen *screen, struct sl_progress_screen *state, const struct sl_progress_style *style,
	const struct sl_progress *progress, const char *above)
{
	struct sl_buf out = { 0 };
	sl_progress_draw(state, style, progress, sl_span_str(above), &out);
	cr_assert_not(out.failed);
	screen_write(screen, sl_buf_span(&out));
	sl_buf_release(&out);
}

static void
erase(struct screen *screen, struct sl_progress_screen *state, size_t columns, const char *above)
{
	struct sl_buf out = { 0 };
	sl_progress_erase(state, columns, sl_span_str(above), &out);
	screen_write(screen, sl_buf_span(&out));
	sl_buf_release(&out);
}

static void
expect_frame(size_t columns, bool unicode, const char *want)
{
	struct screen *screen = screen_new(columns, 24);
	struct sl_progress_screen state = { 0 };
	struct sl_progress_style style = { .columns = columns, .rows = 24, .unicode = unicode };
	draw(screen, &state, &style, &two, "");
	expect_screen(screen, want);
	screen_free(screen);
}

/* clang-format off */
Test(progress, shows_name_bar_percent_rate_and_time_left)
{
	expect_frame(80, false,
		"debian.iso               [======>                   ]   25%   120 MiB/s     19s\n"
		"a-name-tha...le.parquet                                  --  connecting\n"
		"4/10 files, 1 failed     [=============>            ]   50%   120 MiB/s   1m05s\n");
}

Test(progress, fills_bars_by_eighths_where_it_may)
{
	expect_frame(66, true,
		"debian.iso         "
		"▕████▌             ▏   25%   120 MiB/s     19s\n"
		"a-name-t….parquet                          --  connecting\n"
		"4/10, 1 failed     "
		"▕█████████         ▏   50%   120 MiB/s   1m05s\n");
}

Test(progress, adds_sizes_where_there_is_room)
{
	expect_frame(120, false,
		"debian.iso                        [=========>                          ]   25%"
		"   768 MiB /  3.0 GiB   120 MiB/s     19s\n"
		"a-name-that-is...n-whole.parquet                                            --"
		"                       connecting\n"
		"4/10 files, 1 failed              [==================>                 ]   50%"
		"   4.0 GiB /  8.0 GiB   120 MiB/s   1m05s\n");
}

Test(progress, keeps_name_and_percent_on_a_terminal_of_twenty_columns)
{
	expect_frame(20, false,
		"debian.iso      25%\n"
		"a-nam...rquet    --\n"
		"4/10            50%\n");
}
/* clang-format on */

/* Two segments of a file: three eighths have come of it, and a bit of the second segment. */
static void
draw_map(struct screen *screen, struct sl_progress_screen *state,
	const struct sl_progress_style *style)
{
	uint8_t cells[60] = { [22] = 128, [36] = 1 };
	memset(cells, UINT8_MAX, 22);
	memset(cells + 30, UINT8_MAX, 6);
	struct sl_progress_file file = two_files[0];
	file.cells = cells;
	file.cell_count = SL_COUNT_OF(cells);
	struct sl_progress progress = two;
	progress.files = &file;
	progress.file_count = 1;
	draw(screen, state, style, &progress, "");
}

static void
expect_map(size_t columns, bool unicode, const char *want)
{
	struct screen *screen = screen_new(columns, 24);
	struct sl_progress_screen state = { 0 };
	struct sl_progress_style style = { .columns = columns, .rows = 24, .unicode = unicode };
	draw_map(screen, &state, &style);
	expect_screen(screen, want);
	screen_free(screen);
}

/* clang-format off */
Test(progress, the_bar_of_a_file_in_segments_shows_which_parts_are_there)
{
	expect_map(80, true,
		"debian.iso            ▕██████████▊▏  ▌██▍           ▏   25%   120 MiB/s     19s\n"
		"4/10 files, 1 failed  ▕██████████████▌              ▏   50%   120 MiB/s   1m05s\n");
	expect_map(80, false,
		"debian.iso            [==========--  -==-           ]   25%   120 MiB/s     19s\n"
		"4/10 files, 1 failed  [==============>              ]   50%   120 MiB/s   1m05s\n");
	expect_map(120, true,
		"debian.iso            ▕█████████████████▊▏     ████▊▏                  ▏   25%   768 MiB /  3.0 GiB   120 MiB/s     19s\n"
		"4/10 files, 1 failed  ▕████████████████████████                        ▏   50%   4.0 GiB /  8.0 GiB   120 MiB/s   1m05s\n");
	expect_map(300, false,
		"debian.iso            [======================-       ======-                       ]   25%   768 MiB /  3.0 GiB   120 MiB/s     19s\n"
		"4/10 files, 1 failed  [==============================>                             ]   50%   4.0 GiB /  8.0 GiB   120 MiB/s   1m05s\n");
}

Test(progress, a_bar_too_short_for_parts_shows_the_whole)
{
	expect_map(60, true,
		"debian.iso      ▕███▊           ▏   25%   120 MiB/s     19s\n"
		"4/10, 1 failed  ▕███████▌       ▏   50%   120 MiB/s   1m05s\n");
	expect_map(40, false,
		"debian.iso                  25%     19s\n"
		"4/10 files, 1 failed        50%   1m05s\n");
}
/* clang-format on */

Test(progress, an_unknown_size_shows_what_has_come)
{
	static const struct sl_progress_file file = { .name = NAME("stream"),
		.state = SL_PROGRESS_RECEIVING,
		.done = 5 * SL_MIB,
		.total = SL_PROGRESS_UNKNOWN,
		.rate_bytes_s = SL_MIB,
		.left_ns = SL_PROGRESS_UNKNOWN };
	static const struct sl_progress progress = { .files = &file,
		.file_count = 1,
		.files_total = 2,
		.files_done = 1,
		.bytes_done = 6 * SL_MIB,
		.bytes_total = SL_PROGRESS_UNKNOWN,
		.rate_bytes_s = SL_MIB,
		.left_ns = SL_PROGRESS_UNKNOWN };
	struct screen *screen = screen_new(80, 24);
	struct sl_progress_screen state = { 0 };
	draw(screen, &state, &(struct sl_progress_style){ .columns = 80, .rows = 24 }, &progress,
		"");
	expect_screen(screen,
		"stream         5.0 MiB                                   --   1.0 MiB/s\n"
		"1/2 files     [==================>                  ]   50%   1.0 MiB/s\n");
	screen_free(screen);
}

Test(progress, never_draws_a_line_that_could_wrap_whatever_the_size)
{
	for (size_t columns = 1; columns <= 600; columns++) {
		struct sl_progress_screen state = { 0 };
		struct sl_progress_style style = {
			.columns = columns, .rows = 30, .unicode = columns % 2
		};
		struct screen *screen = screen_new(columns, 30);
		draw(screen, &state, &style, &two, "");
		cr_expect_eq(screen_row_count(screen), 4, "%zu columns", columns);
		draw_map(screen, &state, &style);
		cr_expect_eq(screen_row_count(screen), 3, "%zu columns", columns);
		cr_expect_eq(screen_cursor_column(screen), 0);
		for (size_t i = 0; i < state.row_count; i++)
			cr_expect(
				state.widths[i] < columns || columns == 1, "%zu columns", columns);
		screen_free(screen);
	}
}

Test(progress, counts_the_files_that_do_not_fit)
{
	static struct sl_progress_file files[MANY];
	for (size_t i = 0; i < MANY; i++)
		files[i] = two_files[0];
	struct sl_progress progress = two;
	progress.files = files;
	progress.file_count = MANY;
	for (size_t rows = 1; rows <= 70; rows++) {
		struct sl_progress_screen state = { 0 };
		struct sl_progress_style style = { .columns = 80, .rows = rows };
		struct screen *screen = screen_new(80, rows + 100);
		struct sl_buf text = { 0 };
		char more[40];
		size_t shown = rows >= MANY + 2 ? MANY : rows >= 3 ? rows - 3 : 0;
		draw(screen, &state, &style, &progress, "");
		screen_text(screen, &text);
		snprintf(more, sizeof(more), "and %zu more\n", MANY - shown);
		cr_expect(state.row_count <= SL_MAX(rows - 1, (size_t)1), "%zu rows", rows);
		cr_expect_eq(strstr(text.data, more) != NULL, rows >= 3 && shown < MANY, "%zu rows",
			rows);
		cr_expect(strstr(text.data, "4/10 files"), "%zu rows", rows);
		sl_buf_release(&text);
		screen_free(screen);
	}
}

Test(progress, redraws_in_place_and_leaves_lines_above)
{
	struct screen *screen = screen_new(80, 24);
	struct sl_progress_screen state = { 0 };
	struct sl_progress_style style = { .columns = 80, .rows = 24 };
	struct sl_progress none = two;
	none.file_count = 0;
	screen_write(screen, sl_span_str("$ sluice get\n"));
	draw(screen, &state, &style, &two, "");
	cr_expect(screen_cursor_is_hidden(screen));
	draw(screen, &state, &style, &two, "first\n");
	draw(screen, &state, &style, &none, "second\nthird\n");
	expect_screen(screen, "$ sluice get\nfirst\nsecond\nthird\n"
			      "4/10 files, 1 failed     [=============>            ]   50%   120 "
			      "MiB/s   1m05s\n");
	erase(screen, &state, 80, "last\n");
	cr_expect_not(screen_cursor_is_hidden(screen));
	expect_screen(screen, "$ sluice get\nfirst\nsecond\nthird\nlast\n");
	screen_free(screen);
}

Test(progress, erasing_without_a_frame_only_shows_the_cursor)
{
	struct sl_buf out = { 0 };
	struct sl_progress_screen state = { 0 };
	sl_progress_erase(&state, 80, sl_span("", 0), &out);
	cr_expect(sl_span_is(sl_buf_span(&out), "\033[?25h"));
	sl_buf_release(&out);
}

/* Frames, lines to keep and changes of the window at random: in the end exactly the kept lines are
 * there, in order. */
Test(progress, keeps_every_line_and_nothing_else_through_resizes)
{
	static struct sl_progress_file files[12];
	for (size_t i = 0; i < SL_COUNT_OF(files); i++)
		files[i] = two_files[i % 2];
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct sl_random random;
		struct sl_progress_screen state = { 0 };
		struct sl_progress_style style = { .columns = 80, .rows = 100 };
		struct screen *screen = screen_new(80, 100);
		struct sl_buf want = { 0 };
		struct sl_progress progress = two;
		progress.files = files;
		sl_random_init(&random, seed);
		for (unsigned step = 0; step < 40; step++) {
			char line[400] = "";
			if (sl_random_below(&random, 3) == 0) {
				int pad = (int)sl_random_below(&random, 200);
				snprintf(line, sizeof(line), "line %u %.*s.\n", step, pad,
					"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
					"xxxxxxxxxx"
					"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
					"xxxxxxxxxx"
					"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
					"xxxxxxxxxx");
				sl_buf_add_str(&want, line);
			}
			if (sl_random_below(&random, 4) == 0) {
				style.columns = 15 + sl_random_below(&random, 150);
				screen_resize(screen, style.columns, style.rows);
			}
			progress.file_count = sl_random_below(&random, SL_COUNT_OF(files) + 1);
			draw(screen, &state, &style, &progress, line);
		}
		erase(screen, &state, style.columns, "end\n");
		sl_buf_add_str(&want, "end\n");
		expect_screen(screen, want.data);
		sl_buf_release(&want);
		screen_free(screen);
	}
}

Test(progress, control_bytes_in_names_do_not_reach_the_terminal)
{
	static const struct sl_progress_file file = { .name = NAME("\033]0;x\a\033[2J\r\n\xff") };
	struct sl_progress progress = { .files = &file, .file_count = 1, .files_total = 1 };
	struct sl_progress_screen state = { 0 };
	struct screen *screen = screen_new(80, 24);
	draw(screen, &state, &(struct sl_progress_style){ .columns = 80, .rows = 24 }, &progress,
		"");
	cr_expect_eq(screen_row_count(screen), 3);
	screen_free(screen);
}

Test(progress, scan_shows_lines_and_error_lines)
{
	static const struct sl_progress_scan scan = { .inputs_done = 3,
		.inputs_total = 8,
		.bytes_done = SL_GIB,
		.bytes_total = 2 * SL_GIB,
		.rate_bytes_s = 3 * SL_GIB,
		.left_ns = 0,
		.lines = 1234567,
		.error_lines = 4321 };
	struct sl_progress_screen state = { 0 };
	struct sl_progress_style style = { .columns = 80, .rows = 24 };
	struct screen *screen = screen_new(80, 24);
	struct sl_buf out = { 0 };
	for (int i = 0; i < 3; i++)
		sl_progress_draw_scan(&state, &style, &scan, sl_span("", 0), &out);
	screen_write(screen, sl_buf_span(&out));
	expect_screen(screen,
		"3/8 inputs    [==================>                  ]   50%   3.0 GiB/s      0s\n"
		"1,234,567 lines, 4,321 error lines\n");
	sl_buf_clear(&out);
	sl_progress_plain_scan(&scan, &out);
	cr_expect_str_eq(out.data,
		"3 of 8 inputs, 1.0 GiB of 2.0 GiB (50%), 3.0 GiB/s, 0s left, 1234567 lines, "
		"4321 error lines\n");
	sl_buf_release(&out);
	screen_free(screen);
}

Test(progress, plain_lines_show_the_same_in_words)
{
	struct sl_buf out = { 0 };
	sl_progress_plain(&two, &out);
	cr_expect_str_eq(out.data,
		"3 of 10 files, 1 failed, 4.0 GiB of 8.0 GiB (50%), 120 MiB/s, 1m05s left\n");
	struct sl_progress waiting = two;
	waiting.files_waiting = 2;
	sl_buf_clear(&out);
	sl_progress_plain(&waiting, &out);
	cr_expect(strstr(out.data, "3 of 10 files, 1 failed, 2 waiting, 4.0 GiB"), "%s", out.data);
	struct sl_progress scanned = two;
	scanned.is_scanned = true;
	scanned.error_lines = 4321;
	sl_buf_clear(&out);
	sl_progress_plain(&scanned, &out);
	cr_expect(strstr(out.data, "1m05s left, 4321 error lines\n"), "%s", out.data);
	struct sl_progress unknown = { .files_total = SL_PROGRESS_UNKNOWN,
		.bytes_total = SL_PROGRESS_UNKNOWN,
		.left_ns = SL_PROGRESS_UNKNOWN };
	sl_buf_clear(&out);
	sl_progress_plain(&unknown, &out);
	cr_expect_str_eq(out.data, "0 files, 0 B, 0 B/s\n");
	sl_buf_release(&out);
}

Test(progress, ended_files_leave_one_safe_line)
{
	static const struct {
		struct sl_progress_ended ended;
		struct sl_progress_style style;
		const char *want;
	} cases[] = {
		{ { NAME("a.iso"), SL_PROGRESS_DONE, 3 * SL_GIB, 30 * SL_NS_PER_S, 0, { NULL, 0 } },
			{ 0 }, "done    a.iso  3.0 GiB in 30.0 s, 102 MiB/s\n" },
		{ { NAME("b"), SL_PROGRESS_DONE, 190 * SL_MIB, SL_NS_PER_S, 54 * SL_MIB,
			  { NULL, 0 } },
			{ 0 },
			"done    b  190 MiB in 1.00 s, 136 MiB/s (54.0 MiB from an earlier "
			"run)\n" },
		{ { NAME("a"), SL_PROGRESS_DONE, 0, 0, 0, { NULL, 0 } }, { .unicode = true },
			"\u2713 a  0 B in 0.00 s, 0 B/s\n" },
		{ { NAME("a\n"), SL_PROGRESS_SKIPPED, 0, 0, 0, NAME("no\033") }, { 0 },
			"skipped a\\x0a: no\\x1b\n" },
		{ { NAME("a"), SL_PROGRESS_SKIPPED, 0, 0, 0, NAME("there already") },
			{ .unicode = true, .colour = true },
			"\033[2m\u2212\033[0m a: there already\n" },
		{ { NAME("big"), SL_PROGRESS_DONE, UINT64_MAX - 1, 2 * SL_NS_PER_S, 0,
			  { NULL, 0 } },
			{ 0 }, "done    big  15.9 EiB in 2.00 s, 7.9 EiB/s\n" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf out = { 0 };
		sl_progress_ended(&cases[i].ended, &cases[i].style, &out);
		cr_expect_str_eq(out.data, cases[i].want);
		sl_buf_release(&out);
	}
}
