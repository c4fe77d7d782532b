#include "sluice/base/log.h"

#include "sluice/base/bytes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct seen {
	unsigned count;
	enum sl_log_level level;
	char line[4 * SL_LOG_LINE];
};

static void
keep(void *ctx, enum sl_log_level level, const char *line)
{
	struct seen *seen = ctx;
	seen->count++;
	seen->level = level;
	snprintf(seen->line, sizeof(seen->line), "%s", line);
}

static void
expect_silent(void)
{
	sl_log_error("e");
	sl_log_warn("w");
	sl_log_info("i");
	sl_log_debug("d");
	fflush(stdout);
	fflush(stderr);
	cr_expect_eq(lseek(STDOUT_FILENO, 0, SEEK_END), 0, "standard output");
	cr_expect_eq(lseek(STDERR_FILENO, 0, SEEK_END), 0, "standard error");
}

/* Neither a sink that was taken away nor a stream of the process gets them. */
Test(log, without_a_sink_lines_are_dropped)
{
	struct seen seen = { 0 };
	cr_assert_geq(dup2(memfd_create("stdout", 0), STDOUT_FILENO), 0);
	cr_assert_geq(dup2(memfd_create("stderr", 0), STDERR_FILENO), 0);
	expect_silent(); /* none was set yet */
	sl_log_set_sink(keep, &seen, SL_LOG_DEBUG);
	sl_log_error("kept");
	cr_expect_eq(seen.count, 1);
	sl_log_set_sink(NULL, NULL, SL_LOG_DEBUG);
	expect_silent();
	cr_expect_eq(seen.count, 1);
	cr_expect_str_eq(seen.line, "kept");
}

Test(log, hands_over_lines_up_to_the_level)
{
	struct seen seen = { 0 };
	sl_log_set_sink(keep, &seen, SL_LOG_INFO);
	cr_expect_eq(sl_log_level(), SL_LOG_INFO);
	sl_log_debug("no");
	cr_expect_eq(seen.count, 0);
	sl_log_info("%d of %s", 1, "two");
	cr_expect_eq(seen.count, 1);
	cr_expect_eq(seen.level, SL_LOG_INFO);
	cr_expect_str_eq(seen.line, "1 of two");
	sl_log_warn("w");
	cr_expect_eq(seen.level, SL_LOG_WARN);
	sl_log_error("e");
	cr_expect_eq(seen.level, SL_LOG_ERROR);
	cr_expect_eq(seen.count, 3);
}

Test(log, an_empty_line_is_a_line)
{
	struct seen seen = { 0 };
	sl_log_set_sink(keep, &seen, SL_LOG_INFO);
	sl_log_info("%s", "");
	cr_expect_eq(seen.count, 1);
	cr_expect_str_eq(seen.line, "");
}

Test(log, hides_secrets_and_shows_control_bytes)
{
	struct seen seen = { 0 };
	sl_log_set_sink(keep, &seen, SL_LOG_INFO);
	sl_log_info("get %s and %s", "https://u:p@h/?token=t", "\x1b[2J");
	cr_expect_str_eq(seen.line, "get https://***@h/?token=*** and \\x1b[2J");
}

Test(log, long_lines_are_cut_with_a_mark)
{
	char text[2 * SL_LOG_LINE];
	for (size_t len = SL_LOG_LINE - 5; len < SL_LOG_LINE + 5; len++) {
		struct seen seen = { 0 };
		sl_log_set_sink(keep, &seen, SL_LOG_INFO);
		memset(text, 'x', len);
		text[len] = '\0';
		sl_log_info("%s", text);
		cr_expect_eq(strlen(seen.line), SL_MIN(len, SL_LOG_LINE - 1), "length %zu", len);
		cr_expect_eq(
			seen.line[SL_LOG_LINE - 2] == '.', len >= SL_LOG_LINE, "length %zu", len);
	}
}

/* The '@' that separates a password from a host may be behind the cut. */
Test(log, a_cut_line_shows_no_part_of_a_secret)
{
	char text[2 * SL_LOG_LINE];
	for (size_t pad = SL_LOG_LINE - 60; pad < SL_LOG_LINE; pad++) {
		struct seen seen = { 0 };
		sl_log_set_sink(keep, &seen, SL_LOG_INFO);
		memset(text, '-', pad);
		snprintf(text + pad, sizeof(text) - pad, " https://user:SECRETSECRET@host/");
		sl_log_info("%s", text);
		cr_expect(!strchr(seen.line, 'S'), "after %zu bytes", pad);
	}
}

Test(log, a_cut_never_falls_inside_a_character)
{
	char text[2 * SL_LOG_LINE] = "";
	for (size_t i = 0; i + 4 < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x82\xac", 4);
	for (size_t skip = 0; skip < 3; skip++) {
		struct seen seen = { 0 };
		sl_log_set_sink(keep, &seen, SL_LOG_INFO);
		sl_log_info("%.*s%s", (int)skip, "ab", text);
		size_t len = strlen(seen.line);
		cr_assert_leq(len, SL_LOG_LINE - 1);
		cr_expect_str_eq(seen.line + len - 3, "...");
		cr_expect_eq((len - 3 - SL_MIN(skip, 2)) % 3, 0, "skip %zu", skip);
	}
}
