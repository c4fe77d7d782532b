/*
 * The text of configuration files, and what it makes of the options of a command.
 */
#include "sluice/cli/options.h"
#include "support/guard.h"
#include "support/scratch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The items, as "name=value|flag|[section]|", or the message. */
static struct sl_buf
parsed(struct sl_span text)
{
	struct sl_config config = { .path = strdup("f") };
	struct sl_error err = { 0 };
	struct sl_buf out = { 0 };
	struct guard guard;
	guard_init(&guard, SL_MAX(text.len, (size_t)1));
	text.data = guard_place(&guard, text.data, text.len);
	int code = sl_config_parse(&config, text, &err);
	cr_assert_eq(code, err.code);
	cr_assert(code == 0 || code == SL_E_USAGE);
	sl_buf_add_str(&out, err.text);
	for (size_t i = 0; i < config.count && code == 0; i++) {
		const struct sl_config_item *item = &config.items[i];
		sl_buf_printf(&out, item->is_section ? "[%s]" : "%s", item->name);
		if (item->value)
			sl_buf_printf(&out, "=%s", item->value);
		sl_buf_add_char(&out, '|');
	}
	sl_buf_add_str(&out, "");
	sl_config_release(&config);
	guard_release(&guard);
	return out;
}

static void
check_span(struct sl_span text, const char *want)
{
	struct sl_buf got = parsed(text);
	const char *shown = got.data ? got.data : "";
	/* Messages begin with the file; of those the end is compared. */
	if (strncmp(want, "'f' ", 4) == 0)
		cr_expect(strncmp(shown, want, strlen(want)) == 0, "%.*s: '%s', not '%s'",
			(int)text.len, text.data, shown, want);
	else
		cr_expect_str_eq(
			shown, want, "%.*s: '%s', not '%s'", (int)text.len, text.data, shown, want);
	sl_buf_release(&got);
}

static void
check(const char *text, const char *want)
{
	check_span(sl_span_str(text), want);
}

Test(config, an_option_is_a_name_and_a_value)
{
	check("", "");
	check("\n\n  \n", "");
	check("jobs=8", "jobs=8|");
	check("jobs = 8\n", "jobs=8|");
	check("\tjobs\t8 \t\n", "jobs=8|");
	check("--jobs=8\n--tree\n", "--jobs=8|--tree|");
	check("tree", "tree|");
	check("dir=", "dir=|");
	check("dir = \n", "dir=|");
	check("dir = a b  c", "dir=a b  c|");
	check("dir = a=b", "dir=a=b|");
	check("dir a =b", "dir=a =b|");
	check("regexp = \\d+ it's \"x\"", "regexp=\\d+ it's \"x\"|");
}

Test(config, values_may_be_quoted)
{
	check("dir = \"a b\"", "dir=a b|");
	check("dir \" a \"  \n", "dir= a |");
	check("dir=\"\"", "dir=|");
	check("dir = \"a\\\\b\\\"c\\td\"", "dir=a\\b\"c\td|");
	check("regexp = '\\d+ # \"x\"'", "regexp=\\d+ # \"x\"|");
	check("regexp = ''\n", "regexp=|");
	check("dir = \"a\\d\"", "'f' line 1: in double quotes a backslash");
	check("dir = \"a\\", "'f' line 1: in double quotes a backslash");
	check("dir = \"a\n\"", "'f' line 1: the quotation mark that ends the value is missing");
	check("dir = 'a\\'b'", "'f' line 1: the line goes on after the value");
	check("dir = \"a\" b", "'f' line 1: the line goes on after the value");
	check("dir = \"a\"# b", "'f' line 1: the line goes on after the value");
}

Test(config, comments_begin_where_no_value_can)
{
	check("# a\n  # b\n#", "");
	check("tree # a\ndir = 'x' # b\n[get] # c\n", "tree|dir=x|[get]|");
	check("regexp = a#b", "regexp=a#b|");
	check("regexp = a #b", "'f' line 1: the value has a '#' after a blank");
	check("regexp = #b", "'f' line 1: the value has a '#' after a blank");
	check("tree#", "'f' line 1: not an option");
}

Test(config, sections_are_kept_in_order)
{
	check("a\n[get]\nb\n [scan] \nc=1", "a|[get]|b|[scan]|c=1|");
	check("[get", "'f' line 1: a section is written as");
	check("[]", "'f' line 1: a section is written as");
	check("[get]x", "'f' line 1: the line goes on after the section");
	check("[get] x", "'f' line 1: the line goes on after the section");
}

Test(config, the_line_is_named_in_messages_and_no_value_is)
{
	check("a\n\nb = \"secret\n",
		"'f' line 3: the quotation mark that ends the value is missing");
	struct sl_buf got = parsed(sl_span_str("user = 'me:secret' x\n"));
	cr_expect(strstr(got.data, "line 1") && !strstr(got.data, "secret"));
	sl_buf_release(&got);
}

Test(config, files_of_other_systems_are_read)
{
	check("a=1\r\nb\r\n", "a=1|b|");
	check("\xef\xbb\xbf"
	      "a=1\n",
		"a=1|");
	check("\xef\xbb\xbf", "");
	check("dir = \xc3\xa9t\xc3\xa9", "dir=\xc3\xa9t\xc3\xa9|");
}

Test(config, what_is_not_text_is_refused)
{
	check_span(sl_span("a\nb=\0c\n", 7), "'f' line 2: the line has a control byte");
	check("a=\x1b[0m", "'f' line 1: the line has a control byte");
	check("a=b\rc", "'f' line 1: the line has a control byte");
	check("a=b\x7f", "'f' line 1: the line has a control byte");
	check("=1", "'f' line 1: not an option");
	check("\"a\"=1", "'f' line 1: not an option");
	check("a:1", "'f' line 1: not an option");
	check("\xff\xfe", "'f' line 1: not an option");
}

/* `count` times `unit`, between the two others. */
static struct sl_buf
repeated(const char *before, const char *unit, size_t count, const char *after)
{
	struct sl_buf out = { 0 };
	sl_buf_add_str(&out, before);
	for (size_t i = 0; i < count; i++)
		sl_buf_add_str(&out, unit);
	sl_buf_add_str(&out, after);
	return out;
}

static void
check_limit(struct sl_buf text, const char *want)
{
	struct sl_buf got = parsed(sl_buf_span(&text));
	cr_expect(want ? strstr(got.data, want) != NULL : !strstr(got.data, "more than"), "%.60s",
		got.data);
	sl_buf_release(&got);
	sl_buf_release(&text);
}

Test(config, each_limit_is_one_of_a_file)
{
	check_limit(repeated("a=", "x", SL_CONFIG_LINE - 2, "\n"), NULL);
	check_limit(
		repeated("a=", "x", SL_CONFIG_LINE - 1, "\n"), "line 1: the line has more than");
	check_limit(repeated("", "a\n", SL_CONFIG_ITEMS, "#\n"), NULL);
	check_limit(repeated("", "a\n", SL_CONFIG_ITEMS, "b\n"), "line 1001: the file has more");
	check_limit(repeated("", "\n", SL_CONFIG_BYTES, ""), NULL);
	check_limit(repeated("", "\n", SL_CONFIG_BYTES, "\n"), "has more than 256 KiB");
	check_limit(repeated("", "n", 65, "=1\n"), "the name of the option is too long");
}

/* Each beginning is a file: what was whole before stays as it is, and nothing behind it is read. */
Test(config, is_read_up_to_its_end_wherever_that_is)
{
	const char *text = "\xef\xbb\xbf"
			   "# c\n--jobs = 8\r\ndir \"a\\\\b\" # d\n[scan]\nregexp='x y'\ntree\n";
	for (size_t len = 0; len <= strlen(text); len++) {
		struct sl_buf got = parsed(sl_span(text, len));
		const char *shown = got.data ? got.data : "";
		bool has_jobs = len > 19 && strncmp(shown, "--jobs=8|", 9) == 0;
		cr_expect(len <= 19 || has_jobs || shown[0] == '\'', "%zu: %s", len, shown);
		sl_buf_release(&got);
	}
	check(text, "--jobs=8|dir=a\\b|[scan]|regexp=x y|tree|");
}

/* ---- with the options of a command ---- */

struct line {
	char *argv[8];
	int argc;
};

static struct line
words(const char *command, const char *a, const char *b)
{
	struct line line = { .argv = { (char *)(uintptr_t)command } };
	line.argc = 1;
	if (a)
		line.argv[line.argc++] = (char *)(uintptr_t)a;
	if (b)
		line.argv[line.argc++] = (char *)(uintptr_t)b;
	return line;
}

static struct sl_config
config_of(const char *text)
{
	struct sl_config config = { .path = strdup("f") };
	struct sl_error err = { 0 };
	cr_assert_eq(sl_config_parse(&config, sl_span_str(text), &err), 0, "%s", err.text);
	return config;
}

/* What `sluice get` or `sluice scan` makes of the file must be a message that begins like this. */
static void
expect_message(const char *command, const char *text, const char *want)
{
	struct sl_config config = config_of(text);
	struct sl_error err = { 0 };
	struct line line = words(command, "http://a/b", NULL);
	if (strcmp(command, "get") == 0) {
		struct sl_get_options get;
		cr_expect_eq(sl_get_options_parse(&get, &config, line.argc, line.argv, &err),
			SL_E_USAGE);
		sl_get_options_release(&get);
	} else {
		struct sl_scan_options scan;
		cr_expect_eq(sl_scan_options_parse(&scan, &config, line.argc, line.argv, &err),
			SL_E_USAGE);
		sl_scan_options_release(&scan);
	}
	cr_expect(strstr(err.text, want) == err.text, "'%s', not '%s'", err.text, want);
	sl_config_release(&config);
}

Test(config_options, the_command_line_wins)
{
	struct sl_config config = config_of("jobs = 3\nsegments=2\n--no-continue\n[get]\nquiet\n");
	struct sl_error err = { 0 };
	struct line line = words("get", "-j5", "http://a/b");
	struct sl_get_options get;
	cr_assert_eq(sl_get_options_parse(&get, &config, line.argc, line.argv, &err), 0);
	cr_expect_eq(get.jobs, 5);
	cr_expect_eq(get.segments, 2);
	cr_expect(!get.resume && get.quiet);
	sl_get_options_release(&get);
	line = words("get", "-c", "http://a/b");
	cr_assert_eq(sl_get_options_parse(&get, &config, line.argc, line.argv, &err), 0);
	cr_expect(get.resume);
	sl_get_options_release(&get);
	sl_config_release(&config);
}

Test(config_options, repeatable_options_add_up)
{
	struct sl_config config =
		config_of("[scan]\nregexp=a\nregexp=b\ninclude = *.log\nregexp = c");
	struct sl_error err = { 0 };
	struct line line = words("scan", "-ed", "x");
	struct sl_scan_options scan;
	cr_assert_eq(sl_scan_options_parse(&scan, &config, line.argc, line.argv, &err), 0);
	cr_assert_eq(scan.patterns.count, 4);
	cr_expect_str_eq(scan.patterns.items[0], "a");
	cr_expect_str_eq(scan.patterns.items[2], "c");
	cr_expect_str_eq(scan.patterns.items[3], "d");
	cr_expect_eq(scan.rules.count, 1);
	sl_scan_options_release(&scan);
	sl_config_release(&config);
}

Test(config_options, each_command_takes_what_is_its_own)
{
	/* jobs is of get only, records of both, top of scan only; the section of another command
	 * may hold anything. */
	struct sl_config config =
		config_of("jobs=3\ntop=4\nworkers=2\n[scan]\nnonsense\n[get]\njobs=7\n");
	struct sl_error err = { 0 };
	struct line line = words("get", "http://a/b", NULL);
	struct sl_get_options get;
	cr_assert_eq(
		sl_get_options_parse(&get, &config, line.argc, line.argv, &err), 0, "%s", err.text);
	cr_expect_eq(get.jobs, 7);
	cr_expect_eq(get.workers, 2);
	sl_get_options_release(&get);
	sl_config_release(&config);
	expect_message(
		"scan", "jobs=3\n[scan]\nnonsense\n", "'f' line 3: unknown option 'nonsense'");
}

Test(config_options, what_is_wrong_is_named_with_file_and_line)
{
	expect_message(
		"get", "\njobs=many", "'f' line 2: option '--jobs': 'many' is not a whole number");
	expect_message("get", "jobs=0", "'f' line 1: option '--jobs': '0' is out of range, from 1");
	expect_message("get", "jobs", "'f' line 1: option '--jobs' needs a value: N");
	expect_message(
		"get", "tree=true", "'f' line 1: option '--tree' takes no value: write the name");
	expect_message("get", "-j=8", "'f' line 1: '-j' is not the long name of an option");
	expect_message("get", "j=8", "'f' line 1: 'j' is not the long name of an option");
	expect_message("get", "--=8", "'f' line 1: '--' is not the long name of an option");
	expect_message("get", "split=8", "'f' line 1: unknown option 'split': use -s");
	expect_message("get", "job=8", "'f' line 1: unknown option 'job': did you mean '--jobs'?");
	expect_message("get", "[get]\ntop=8", "'f' line 2: 'sluice get' has no option 'top'");
	expect_message(
		"scan", "[get]\n[scan]\njobs=8", "'f' line 3: 'sluice scan' has no option 'jobs'");
	expect_message(
		"get", "[put]\n", "'f' line 1: unknown section '[put]' (use [get] or [scan])");
	expect_message("get", "help", "'f' line 1: option '--help' is for the command line only");
	expect_message(
		"get", "config=x", "'f' line 1: option '--config' is for the command line only");
	expect_message("get", "dir=~/data", "'f' line 1: option '--dir': '~' is not replaced");
	expect_message("get", "dir=~", "'f' line 1: option '--dir': '~' is not replaced");
	expect_message("get", "unix-socket=~/s",
		"'f' line 1: option '--unix-socket': '~' is not replaced");
	expect_message("get", "no-config", "'f' line 1: option '--no-config' is for the command");
}

/* ---- which file ---- */

static const char *
chosen(const char *command, const char *a, const char *b)
{
	static char shown[64];
	struct sl_config_choice choice;
	struct sl_error err = { 0 };
	struct line line = words(command, a, b);
	int code = sl_options_choose_config(&choice, command, line.argc, line.argv, &err);
	snprintf(shown, sizeof(shown), "%s",
		code == SL_OPTIONS_HELP ? "help"
		: code                  ? "wrong"
		: choice.is_off         ? "off"
		: choice.path           ? choice.path
					: "default");
	return shown;
}

Test(config_options, the_last_option_about_the_file_counts)
{
	cr_expect_str_eq(chosen("get", "-j8", "http://a/b"), "default");
	cr_expect_str_eq(chosen("get", "--config", "x"), "x");
	cr_expect_str_eq(chosen("get", "--config=x", "--no-config"), "off");
	cr_expect_str_eq(chosen("scan", "--no-config", "--config=x"), "x");
	cr_expect_str_eq(chosen("scan", "--help", "--config=x"), "help");
	cr_expect_str_eq(chosen("get", "--config=", NULL), "wrong");
	cr_expect_str_eq(chosen("get", "--config", NULL), "wrong");
	cr_expect_str_eq(chosen("get", "--confi", NULL), "wrong");
	/* Values of other options, and operands, are not options. */
	cr_expect_str_eq(chosen("get", "-o", "--no-config"), "default");
	cr_expect_str_eq(chosen("get", "--", "--no-config"), "default");
}

static const char *xdg, *home;

static char *
lookup(const char *name)
{
	const char *value = strcmp(name, "HOME") == 0 ? home : xdg;
	cr_assert(strcmp(name, "HOME") == 0 || strcmp(name, "XDG_CONFIG_HOME") == 0);
	return (char *)(uintptr_t)value;
}

static void
expect_path(const char *xdg_value, const char *home_value, const char *want)
{
	struct sl_buf path = { 0 };
	xdg = xdg_value;
	home = home_value;
	sl_config_default_path(&path, lookup);
	cr_expect_str_eq(path.data ? path.data : "", want);
	sl_buf_release(&path);
}

Test(config_options, the_default_file_is_in_the_directory_of_the_user)
{
	expect_path("/x", "/h", "/x/sluice/config");
	expect_path(NULL, "/h", "/h/.config/sluice/config");
	expect_path("", "/h", "/h/.config/sluice/config");
	expect_path("relative", "/h", "/h/.config/sluice/config");
	expect_path(NULL, NULL, "");
	expect_path(NULL, "", "");
}

static char *
no_environment(const char *name)
{
	(void)name;
	return NULL;
}

static void
expect_wait_ends(const char *path)
{
	struct sl_config config;
	struct sl_error err = { 0 };
	const struct sl_config_choice choice = { .path = path, .wait_ns = SL_NS_PER_MS };
	cr_expect_eq(sl_config_read(&config, &choice, no_environment, &err), SL_E_USAGE);
	cr_expect(strstr(err.text, "'fifo'") && strstr(err.text, "needs a writer"), "%s", err.text);
	sl_config_release(&config);
}

/* One that has no writer yet, and one whose writer does not go on. */
Test(config_options, a_fifo_is_not_waited_for_without_limit)
{
	scratch_enter();
	cr_assert_eq(mkfifo("fifo", 0600), 0);
	expect_wait_ends("fifo");
	int fd = open("fifo", O_RDWR | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "jobs=1\n", 7), 7);
	expect_wait_ends("fifo");
	close(fd);
	scratch_leave();
}
