#include "sluice/cli/options.h"

#include "sluice/base/number.h"
#include "sluice/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define WORDS_MAX 24
#define HALF "0123456789abcdef0123456789abcdef0123456789abcdef012345" /* 54 bytes */
#define LONG_NAME HALF HALF
#define HEX32 "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"

/* A line as typed, split at spaces ("''" is an empty word), as argv. */
struct line {
	char text[512];
	char *argv[WORDS_MAX + 1];
	int argc;
};

static struct line *
split(struct line *line, const char *typed)
{
	line->argc = 0;
	snprintf(line->text, sizeof(line->text), "%s", typed);
	for (char *at = line->text; *at;) {
		size_t len = strcspn(at, " ");
		char *next = at[len] ? at + len + 1 : at + len;
		at[len] = '\0';
		cr_assert(line->argc < WORDS_MAX);
		line->argv[line->argc++] = strcmp(at, "''") == 0 ? at + 2 : at;
		at = next;
	}
	line->argv[line->argc] = NULL;
	return line;
}

static int
get(struct sl_get_options *out, struct line *line, const char *typed, struct sl_error *err)
{
	split(line, typed);
	return sl_get_options_parse(out, NULL, line->argc, line->argv, err);
}

static int
scan(struct sl_scan_options *out, struct line *line, const char *typed, struct sl_error *err)
{
	split(line, typed);
	return sl_scan_options_parse(out, NULL, line->argc, line->argv, err);
}

/* The message a wrong line gets must hold `want`. */
static void
expect_usage(const char *typed, const char *want)
{
	struct sl_get_options options;
	struct sl_scan_options scan_options;
	struct sl_error err = { 0 };
	struct line line;
	bool is_get = strncmp(typed, "get", 3) == 0;
	int code = is_get ? get(&options, &line, typed, &err)
			  : scan(&scan_options, &line, typed, &err);
	cr_expect_eq(code, SL_E_USAGE, "'%s' was accepted", typed);
	cr_expect(strstr(err.text, want), "'%s': got '%s', want '%s'", typed, err.text, want);
	if (is_get)
		sl_get_options_release(&options);
	else
		sl_scan_options_release(&scan_options);
}

Test(options, get_has_the_defaults_its_help_shows)
{
	struct sl_get_options options;
	struct sl_error err = { 0 };
	struct line line;
	cr_assert_eq(get(&options, &line, "get http://h/a", &err), 0);
	cr_expect_eq(options.urls.count, 1);
	cr_expect_str_eq(options.urls.items[0], "http://h/a");
	cr_expect_eq(options.lists.count, 0);
	cr_expect_null(options.output);
	cr_expect_null(options.network.proxy.proxy);
	cr_expect_null(options.network.proxy.user);
	cr_expect_null(options.network.proxy.noproxy);
	cr_expect_null(options.network.tls.cacert);
	cr_expect_str_eq(options.dir, ".");
	cr_expect_eq(options.if_exists, SL_EXISTS_AUTO);
	cr_expect_eq(options.jobs, 16);
	cr_expect_eq(options.connections_per_host, 16);
	cr_expect_eq(options.segments, 8);
	cr_expect_eq(options.min_segment, 16 * SL_MIB);
	cr_expect_eq(options.checksum.kind, SL_CHECKSUM_NONE);
	cr_expect_eq(options.sync, SL_SYNC_AUTO);
	cr_expect(options.remote_time);
	cr_expect_eq(options.network.connect_timeout_ns, 30 * SL_NS_PER_S);
	cr_expect_eq(options.network.stall_timeout_ns, 60 * SL_NS_PER_S);
	cr_expect_eq(options.deadline_ns, SL_FOREVER);
	cr_expect_eq(options.network.max_redirects, 20);
	cr_expect_eq(options.limit_rate, 0);
	cr_expect_eq(options.max_rps_milli, 0);
	cr_expect_eq(options.network.retries, 8);
	cr_expect_eq(options.network.retry_max_wait_ns, 60 * SL_NS_PER_S);
	cr_expect_eq(options.max_memory, 64 * SL_MIB);
	cr_expect_eq(options.workers, 0);
	cr_expect_not(options.dry_run || options.decompress || options.fail_fast ||
		      options.network.allow_downgrade || options.allow_outside || options.json ||
		      options.stats || options.quiet || options.verbose);
	sl_get_options_release(&options);
}

Test(options, standard_output_by_another_name_is_standard_output)
{
	static const struct {
		const char *text, *output;
	} cases[] = {
		{ "get -o - u", "-" },
		{ "get -o /dev/stdout u", "-" },
		{ "get --output=/dev/fd/1 u", "-" },
		{ "get -o /proc/self/fd/1 u", "-" },
		{ "get -o /dev/stderr u", "/dev/stderr" },
		{ "get -o stdout u", "stdout" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_get_options options;
		struct sl_error err = { 0 };
		struct line line;
		cr_assert_eq(get(&options, &line, cases[i].text, &err), 0, "%s", err.text);
		cr_expect_str_eq(options.output, cases[i].output);
		sl_get_options_release(&options);
	}
}

Test(options, get_takes_every_option)
{
	struct sl_get_options options;
	struct sl_error err = { 0 };
	struct line line;
	cr_assert_eq(get(&options, &line,
			     "get -o out -d dir --if-exists rename -j 7 -x9 --fail-fast --checksum "
			     "sha-256=" HEX32 " u",
			     &err),
		0, "%s", err.text);
	cr_expect_str_eq(options.output, "out");
	cr_expect_str_eq(options.dir, "dir");
	cr_expect_eq(options.if_exists, SL_EXISTS_RENAME);
	cr_expect_eq(options.jobs, 7);
	cr_expect_eq(options.connections_per_host, 9);
	cr_expect(options.fail_fast);
	cr_expect_eq(options.checksum.kind, SL_CHECKSUM_SHA256);
	cr_expect_eq(options.checksum.len, 32);
	cr_expect_eq(options.checksum.value[0], 0x01);
	cr_expect_eq(options.checksum.value[15], 0xef);
	sl_get_options_release(&options);
	cr_assert_eq(
		get(&options, &line,
			"get -i - --sync=none --no-remote-time --decompress --cacert ca "
			"--connect-timeout 1.5 --stall-timeout=250ms --deadline 2h --max-redirs 0 "
			"--retries 0 --retry-max-wait 50ms --allow-downgrade --allow-outside",
			&err),
		0, "%s", err.text);
	cr_expect_eq(options.lists.count, 1);
	cr_expect_str_eq(options.lists.items[0], "-");
	cr_expect_eq(options.sync, SL_SYNC_NONE);
	cr_expect_not(options.remote_time);
	cr_expect_str_eq(options.network.tls.cacert, "ca");
	cr_expect_eq(options.network.connect_timeout_ns, 1500 * SL_NS_PER_MS);
	cr_expect_eq(options.network.stall_timeout_ns, 250 * SL_NS_PER_MS);
	cr_expect_eq(options.deadline_ns, 7200 * SL_NS_PER_S);
	cr_expect_eq(options.network.max_redirects, 0);
	cr_expect_eq(options.network.retries, 0);
	cr_expect_eq(options.network.retry_max_wait_ns, 50 * SL_NS_PER_MS);
	cr_expect(options.network.allow_downgrade && options.allow_outside && options.decompress);
	sl_get_options_release(&options);
	cr_assert_eq(get(&options, &line,
			     "get u --progress plain --json --stats -q -vv --color never "
			     "--max-memory 1.5G --io direct "
			     "--workers 3 --limit-rate 1.5K --max-rps 0.5 --dry-run",
			     &err),
		0, "%s", err.text);
	cr_expect_eq(options.progress, SL_OPTION_PROGRESS_PLAIN);
	cr_expect(options.json && options.stats && options.quiet);
	cr_expect_eq(options.verbose, 2);
	cr_expect_eq(options.colour, SL_COLOUR_NEVER);
	cr_expect_eq(options.max_memory, 1536 * SL_MIB);
	cr_expect_eq(options.io, SL_IO_DIRECT);
	cr_expect_eq(options.workers, 3);
	cr_expect(options.dry_run);
	cr_expect_eq(options.limit_rate, 1536);
	cr_expect_eq(options.max_rps_milli, 500);
	sl_get_options_release(&options);
}

static void
expect_tls(const struct sl_tls_options *tls)
{
	cr_expect_str_eq(tls->capath, "ca");
	cr_expect_str_eq(tls->cert, "c");
	cr_expect_str_eq(tls->key, "k");
	cr_expect_str_eq(tls->pinnedpubkey, "p");
	cr_expect_eq(tls->least, SL_TLS_1_3);
	cr_expect_not(tls->insecure);
	cr_expect_null(tls->keylog);
}

/* The names of files are not looked at yet. */
Test(options, tls_is_the_same_for_get_and_scan)
{
	struct sl_get_options of_get;
	struct sl_scan_options of_scan;
	struct sl_error err = { 0 };
	struct line line;
	cr_assert_eq(
		get(&of_get, &line,
			"get u --capath ca --cert c --key k --pinnedpubkey p --tls-min 1.3", &err),
		0, "%s", err.text);
	expect_tls(&of_get.network.tls);
	sl_get_options_release(&of_get);
	cr_assert_eq(
		scan(&of_scan, &line,
			"scan u --capath ca --cert c --key k --pinnedpubkey p --tls-min=1.3", &err),
		0, "%s", err.text);
	expect_tls(&of_scan.network.tls);
	sl_scan_options_release(&of_scan);
	cr_assert_eq(get(&of_get, &line, "get u --insecure", &err), 0, "%s", err.text);
	cr_expect(of_get.network.tls.insecure && of_get.network.tls.least == SL_TLS_1_2);
	sl_get_options_release(&of_get);
	static const char *const commands[] = { "get", "scan" };
	for (size_t i = 0; i < SL_COUNT_OF(commands); i++) {
		char text[128];
		snprintf(text, sizeof(text), "%s u --key k", commands[i]);
		expect_usage(text, "give that with --cert");
		snprintf(text, sizeof(text), "%s u --insecure --cacert c", commands[i]);
		expect_usage(text, "so --cacert has no effect");
		snprintf(text, sizeof(text), "%s u --insecure --capath c", commands[i]);
		expect_usage(text, "so --capath has no effect");
		snprintf(text, sizeof(text), "%s u --pinnedpubkey sha256//A", commands[i]);
		expect_usage(text, "is not the hash of a public key");
		snprintf(text, sizeof(text), "%s u --tls-min 1.1", commands[i]);
		expect_usage(text, "'1.1'");
	}
}

Test(options, scan_takes_every_option)
{
	struct sl_scan_options options;
	struct sl_error err = { 0 };
	struct line line;
	cr_assert_eq(scan(&options, &line, "scan", &err), 0);
	cr_expect_eq(options.inputs.count, 0);
	cr_expect_eq(options.patterns.count, 0);
	cr_expect_eq(options.max_count, UINT64_MAX);
	cr_expect_not(sl_scan_has_context(&options));
	cr_expect_eq(options.max_columns, SL_OPTION_AUTO_COLUMNS);
	cr_expect_eq(options.chunk, SL_MIB);
	cr_expect_eq(options.queue, 16);
	cr_expect_eq(options.io, SL_IO_AUTO);
	sl_scan_options_release(&options);
	cr_assert_eq(scan(&options, &line,
			     "scan -e a --regexp=b -e '' -Fipcqn -H -m 12 x -N -Z --no-follow "
			     "--verbose -M 80 -A 3 --before-context=0 -C5 y",
			     &err),
		0, "%s", err.text);
	cr_expect_eq(options.patterns.count, 3);
	cr_expect_str_eq(options.patterns.items[1], "b");
	cr_expect_str_eq(options.patterns.items[2], "");
	cr_expect(options.fixed_strings && options.ignore_case && options.count);
	cr_expect(options.quiet && options.with_filename && !options.no_filename);
	cr_expect(options.no_line_number && !options.line_number, "the later of two");
	cr_expect(options.null_names && options.no_follow && options.verbose);
	cr_expect_eq(options.max_count, 12);
	cr_expect_eq(options.max_columns, 80);
	cr_expect(options.after == 3 && options.before == 0 && options.context == 5);
	cr_expect_eq(options.inputs.count, 2);
	sl_scan_options_release(&options);
	cr_assert_eq(scan(&options, &line,
			     "scan -rEPza -N -n -H --no-filename --json --stats --color=always "
			     "--progress=none --workers=2 "
			     "--chunk=100K --queue=1 --max-memory=8M --io=buffered",
			     &err),
		0, "%s", err.text);
	cr_expect(options.no_filename && !options.with_filename && options.json && options.stats);
	cr_expect(options.line_number && !options.no_line_number);
	cr_expect_eq(options.colour, SL_COLOUR_ALWAYS);
	cr_expect_eq(options.progress, SL_OPTION_PROGRESS_NONE);
	cr_expect_eq(options.workers, 2);
	cr_expect_eq(options.chunk, 102400, "rounded up to a multiple of 4096");
	cr_expect_eq(options.queue, 1);
	cr_expect_eq(options.max_memory, 8 * SL_MIB);
	cr_expect_eq(options.io, SL_IO_BUFFERED);
	sl_scan_options_release(&options);
}

Test(options, lines_are_printed_only_if_they_are_not_just_counted_or_looked_for)
{
	static const struct {
		const char *typed;
		bool prints;
	} cases[] = { { "scan", false }, { "scan -p", true }, { "scan -n", true },
		{ "scan --json", false }, { "scan --json -n", false }, { "scan --json -p", true },
		{ "scan -p -N", true }, { "scan -A1", true }, { "scan -B 0", true },
		{ "scan -C1", true }, { "scan -C1 -c", false }, { "scan -C1 --json", false },
		{ "scan -n -N", false }, { "scan -cn", false }, { "scan -pc --json", false },
		{ "scan -pcn", false }, { "scan -pq", false } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_scan_options options;
		struct sl_error err = { 0 };
		struct line line;
		cr_assert_eq(scan(&options, &line, cases[i].typed, &err), 0);
		cr_expect_eq(options.print, cases[i].prints, "%s", cases[i].typed);
		sl_scan_options_release(&options);
	}
}

Test(options, operands_and_options_may_be_mixed_until_two_dashes)
{
	struct sl_get_options options;
	struct sl_error err = { 0 };
	struct line line;
	cr_assert_eq(get(&options, &line, "get a -j2 b - -q -- -v --json --", &err), 0);
	static const char *const want[] = { "a", "b", "-", "-v", "--json", "--" };
	cr_assert_eq(options.urls.count, SL_COUNT_OF(want));
	for (size_t i = 0; i < SL_COUNT_OF(want); i++)
		cr_expect_str_eq(options.urls.items[i], want[i]);
	cr_expect(options.quiet && !options.json && options.verbose == 0);
	sl_get_options_release(&options);
}

Test(options, letters_may_stand_together_and_the_last_may_take_a_value)
{
	struct sl_get_options options;
	struct sl_error err = { 0 };
	struct line line;
	cr_assert_eq(get(&options, &line, "get u -qvj8 -vdsome/dir -x 3", &err), 0);
	cr_expect(options.quiet);
	cr_expect_eq(options.verbose, 2);
	cr_expect_eq(options.jobs, 8);
	cr_expect_eq(options.connections_per_host, 3);
	cr_expect_str_eq(options.dir, "some/dir");
	sl_get_options_release(&options);
}

Test(options, a_value_may_look_like_an_option)
{
	struct sl_get_options options;
	struct sl_error err = { 0 };
	struct line line;
	cr_assert_eq(get(&options, &line, "get u -o -q --dir --json", &err), 0);
	cr_expect_str_eq(options.output, "-q");
	cr_expect_str_eq(options.dir, "--json");
	cr_expect_not(options.quiet || options.json);
	sl_get_options_release(&options);
}

Test(options, the_last_of_two_wins)
{
	struct sl_get_options options;
	struct sl_error err = { 0 };
	struct line line;
	cr_assert_eq(get(&options, &line, "get u -j 1 --jobs 2 --no-remote-time -R -R", &err), 0);
	cr_expect_eq(options.jobs, 2);
	cr_expect(options.remote_time);
	sl_get_options_release(&options);
}

Test(options, help_is_seen_before_what_is_missing)
{
	struct sl_get_options options;
	struct sl_scan_options scan_options;
	struct sl_error err = { 0 };
	struct line line;
	cr_expect_eq(get(&options, &line, "get --help", &err), SL_OPTIONS_HELP);
	sl_get_options_release(&options);
	cr_expect_eq(scan(&scan_options, &line, "scan x --help --wrong", &err), SL_OPTIONS_HELP);
	sl_scan_options_release(&scan_options);
}

Test(options, what_is_said_of_how_hosts_are_reached_comes_together)
{
	static const struct {
		const char *typed;
		int family;
		bool has_from, has_socket;
		size_t resolves;
	} cases[] = {
		{ "get a", AF_UNSPEC, false, false, 0 },
		{ "get a -4", AF_INET, false, false, 0 },
		{ "get a -4 -6", AF_INET6, false, false, 0 },
		{ "get a --ipv6 --ipv4", AF_INET, false, false, 0 },
		{ "get a --interface eth0", AF_UNSPEC, true, false, 0 },
		{ "get a --interface eth0 -6", AF_INET6, true, false, 0 },
		{ "get a --interface 10.0.0.1", AF_INET, true, false, 0 },
		{ "get a -6 --interface ifhost!lo!::1", AF_INET6, true, false, 0 },
		{ "get a --resolve a:1:::1 --resolve b:1:::1 --resolve A:1:::2", AF_UNSPEC, false,
			false, 2 },
		{ "get a --resolve a:1:::1 --resolve -a:1", AF_UNSPEC, false, false, 0 },
		{ "get a --unix-socket /s", AF_UNSPEC, false, true, 0 },
		{ "get a --abstract-unix-socket s", AF_UNSPEC, false, true, 0 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_get_options options;
		struct sl_error err = { 0 };
		struct line line;
		cr_assert_eq(get(&options, &line, cases[i].typed, &err), 0, "%s", err.text);
		struct sl_reach reach = sl_connect_options_reach(&options.network.connect);
		cr_expect_eq(reach.family, cases[i].family, "%s", cases[i].typed);
		cr_expect_eq(reach.from != NULL, cases[i].has_from, "%s", cases[i].typed);
		cr_expect_eq(reach.socket != NULL, cases[i].has_socket, "%s", cases[i].typed);
		cr_expect_eq(reach.resolve->count, cases[i].resolves, "%s", cases[i].typed);
		sl_get_options_release(&options);
	}
}

Test(options, messages_for_wrong_command_lines_name_the_fault)
{
	static const struct {
		const char *typed, *want;
	} cases[] = {
		{ "get", "no URL given" },
		{ "get -q", "no URL given" },
		{ "get a b -o x", "-o takes exactly one URL" },
		{ "get a -i list -o x", "-o takes exactly one URL" },
		{ "get a -o x --tree", "-o gives the name of the file, so --tree" },
		{ "get a -o - --content-disposition", "so --content-disposition has no effect" },
		{ "get --mirror a", "no URL given: --mirror names another source" },
		{ "get a b --mirror http://c/",
			"--mirror names another source of exactly one URL" },
		{ "get a -i list --mirror http://c/", "another source of exactly one URL" },
		{ "get a --mirror ftp://c/", "ftp" },
		{ "get a --mirror ''", "" },
		{ "get a --mirror http:///", "host" },
		{ "get a --referer ''", "must not be empty" },
		{ "get a b --checksum md5=0123456789abcdef0123456789abcdef",
			"--checksum takes exactly one URL" },
		{ "get a -j", "'-j' (--jobs) needs a value: N" },
		{ "get a --jobs", "'--jobs' needs a value: N" },
		{ "get a -j x", "'x' is not a whole number" },
		{ "get a -j ''", "'' is not a whole number" },
		{ "get a -j -1", "'-1' is not a whole number" },
		{ "get a -j 0", "'0' is out of range, from 1 to 512" },
		{ "get a -j513", "from 1 to 512" },
		{ "get a -j 99999999999999999999999", "out of range, from 1 to 512" },
		{ "get a -x http://proxy:8080",
			"'-x' (--connections-per-host): 'http://proxy:8080' is not a whole" },
		{ "get a --max-redirs 101", "from 0 to 100" },
		{ "get a --retries 1001", "from 0 to 1000" },
		{ "get a --retries -1", "not a whole number" },
		{ "get a --retry-max-wait 0", "out of range" },
		{ "get a --max-memory 4M", "from 8M to 1T" },
		{ "get a --limit-rate 0", "'0' is out of range, from 1 to 1T" },
		{ "get a --limit-rate -1", "'-1' is not a size" },
		{ "get a --limit-rate 1x", "'1x' is not a size" },
		{ "get a --limit-rate 1025G", "from 1 to 1T" },
		{ "get a --limit-rate 99999999999999999999", "is not a size" },
		{ "get a --limit-rate", "needs a value: RATE" },
		{ "get a --max-rps 0", "'0' is out of range, from 0.001 to 1000000" },
		{ "get a --max-rps 0.0009", "out of range" },
		{ "get a --max-rps 1000001", "out of range" },
		{ "get a --max-rps -1", "'-1' is not a number" },
		{ "get a --max-rps 1e3", "'1e3' is not a number" },
		{ "get a --max-rps 99999999999999999999", "is not a number" },
		{ "get a --spider", "use --dry-run" },
		{ "get a --max-overall-download-limit=1M", "use --limit-rate" },
		{ "get a --max-download-limit=1M", "--limit-rate limits the whole run" },
		{ "get a --max-memory much", "is not a size" },
		{ "get a --connect-timeout 0", "from 1ms to 87600h" },
		{ "get a --connect-timeout soon", "is not a time" },
		{ "get a --if-exists maybe",
			"'maybe' must be one of auto, skip, replace, rename, fail" },
		{ "get a --sync=", "'' must be one of auto, all, none" },
		{ "get a --json=yes", "'--json' takes no value" },
		{ "get a --json=", "'--json' takes no value" },
		{ "get a --dir=", "DIR must not be empty" },
		{ "get a --checksum " HEX32, "a checksum is ALGORITHM=HEX" },
		{ "get a --checksum crc32=00", "unknown checksum algorithm" },
		{ "get a --checksum sha-256=00", "has 64 hex digits, not 2" },
		{ "get a --checksum md5=0123456789abcdef0123456789abcdeg", "hex digits only" },
		{ "scan --digest-base a -c", "cannot be combined" },
		{ "scan --queue 0", "out of range, from 1 to 4096" },
		{ "scan --chunk 1K", "from 64K to 64M" },
		{ "scan --chunk 64M", "must fit into --max-memory" },
		{ "scan --queue 0", "from 1 to 4096" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_usage(cases[i].typed, cases[i].want);
}

Test(options, hosts_are_not_reached_in_a_way_that_is_wrong)
{
	static const struct {
		const char *typed, *want;
	} cases[] = {
		{ "get a --resolve a:80", "option '--resolve': 'a:80': write it as HOST:PORT:" },
		{ "scan a --resolve +a:80:1.2.3.4", "option '--resolve': '+a:80:1.2.3.4': " },
		{ "get a --resolve ''", "option '--resolve': '': " },
		{ "get a --interface ''", "must not be empty" },
		{ "get a --interface host!eth0", "option '--interface': 'eth0' is not a numeric" },
		{ "get a -4 --interface ::1",
			"--interface has an IPv6 address, which --ipv4 excludes" },
		{ "scan a --interface 10.0.0.1 --ipv6",
			"--interface has an IPv4 address, which --ipv6 excludes" },
		{ "get a --unix-socket x --abstract-unix-socket x", "exclude each other" },
		{ "get a --unix-socket ''", "must not be empty" },
		{ "get a --unix-socket " LONG_NAME, "is too long: a socket has at most 107" },
		{ "scan a --abstract-unix-socket " LONG_NAME,
			"is too long: a socket has at most 107" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_usage(cases[i].typed, cases[i].want);
}

Test(options, what_would_have_no_effect_is_refused)
{
	expect_usage("scan --digest-base a --top 0", "--top 0 shows none");
	expect_usage("scan --digest-base a --top 0 --json", "--top 0 shows none");
	expect_usage("scan -M 80 a", "use it with -p");
}

Test(options, what_cannot_be_taken_over_is_refused)
{
	static const struct {
		const char *typed, *want;
	} cases[] = {
		{ "get a --adopt --append", "exclude each other" },
		{ "get a --adopt --no-continue", "--adopt resumes a file" },
		{ "get a --append --if-exists=skip", "--append works with --if-exists=auto" },
		{ "get a --append --content-disposition", "does not work with --content-disp" },
		{ "get a -o - --append", "--append has no effect" },
		{ "get a --keep-journal --no-continue", "--keep-journal needs" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_usage(cases[i].typed, cases[i].want);
}

Test(options, patterns_and_inputs_cannot_both_be_standard_input)
{
	expect_usage("scan -f -", "name files or directories");
	expect_usage("scan -f - a -", "cannot be scanned as well");
	expect_usage("scan -f - -f - a", "only once");
	expect_usage("scan -f= a -f", "needs a value");
	expect_usage("scan --file= a", "FILE must not be empty");
}

Test(options, names_of_inputs_are_no_events)
{
	expect_usage("scan -l --json a", "use one of them");
	expect_usage("scan -L --json a", "use one of them");
	expect_usage("scan --level=--error a", "'--error' is not a level");
	expect_usage("scan --level=fail a", "'fail' is not a level");
}

Test(options, of_proxies_may_be_empty)
{
	struct sl_get_options options;
	struct sl_scan_options scan_options;
	struct sl_error err = { 0 };
	struct line line;
	cr_assert_eq(get(&options, &line, "get --proxy= --proxy-user u:p --noproxy=a,b x", &err), 0,
		"%s", err.text);
	cr_expect_str_eq(options.network.proxy.proxy, "");
	cr_expect_str_eq(options.network.proxy.user, "u:p");
	cr_expect_str_eq(options.network.proxy.noproxy, "a,b");
	sl_get_options_release(&options);
	cr_assert_eq(scan(&scan_options, &line, "scan --proxy p:1 --noproxy= x", &err), 0, "%s",
		err.text);
	cr_expect_str_eq(scan_options.network.proxy.proxy, "p:1");
	cr_expect_null(scan_options.network.proxy.user);
	cr_expect_str_eq(scan_options.network.proxy.noproxy, "");
	sl_scan_options_release(&scan_options);
}

/* What users of other programs type, and what they are told. */
static const struct {
	const char *typed, *want;
} hints[] = {
	{ "get a -L", "unknown option '-L': not needed: redirects are followed by default" },
	{ "get a -qL", "unknown option '-L': not needed: redirects are followed by default" },
	{ "get a --location", "redirects are followed by default" },
	{ "get -O a", "files are named after their URL" },
	{ "get -C - a", "incomplete files are resumed" },
	{ "get -k https://a", "'https://a' is not a size (write it as 64M or 1.5G; "
			      "to trust another certificate use --cacert FILE" },
	{ "get -s https://a", "'https://a' is not a whole number; for no output use -q" },
	{ "get --no-check-certificate a", "--cacert" },
	{ "get -nc a", "unknown option '-nc': use --if-exists=skip" },
	{ "get --tries=3 a", "unknown option '--tries': use --retries" },
	{ "get -t 3 a", "use --retries" },
	{ "get --retry 3 a", "use --retries" },
	{ "get --max-tries=3 a", "use --retries" },
	{ "get --retry-delay 3 a", "--retry-max-wait limits them" },
	{ "get --retry-wait=3 a", "--retry-max-wait limits them" },
	{ "get --http2 a", "unknown option '--http2': not needed: HTTP/2 is used" },
	{ "get --http2-prior-knowledge a", "over TLS only" },
	{ "get -0 a", "use --http1.1" },
	{ "get --no-http2 a", "use --http1.1" },
	{ "get --http3 a", "HTTP/3 is not supported" },
	{ "get --retry-max-time 3 a", "use --deadline" },
	{ "get --retry-connrefused a", "not needed" },
	{ "get --split=8 a", "use -s" },
	{ "get --min-split-size=1M a", "use -k" },
	{ "get -s0 a", "from 1 to 64" },
	{ "get -s65 a", "from 1 to 64" },
	{ "get -k 1023K a", "from 1M to 1G" },
	{ "get --min-segment=2G a", "from 1M to 1G" },
	{ "get --max-connection-per-server=4 a", "use -x" },
	{ "get --max-concurrent-downloads=4 a", "use -j" },
	{ "get --http-user u a", "use --user USER:PASSWORD" },
	{ "get -U u:p a", "for that of curl --proxy-user USER:PASSWORD" },
	{ "get -b n=v a", "use --header 'Cookie: NAME=VALUE' or --cookie-file" },
	{ "get --cookie n=v a", "or -H 'Cookie: NAME=VALUE'" },
	{ "get --background a", "use '&' in the shell" },
	{ "get --oauth2-bearer t a", "use --bearer-file FILE" },
	{ "get --all-proxy=x a", "use --proxy SCHEME://HOST:PORT" },
	{ "get --socks5 x a", "use --proxy SCHEME://HOST:PORT" },
	{ "get -x http://p a", "for a proxy use --proxy" },
	{ "get --no-proxy a", "use --noproxy" },
	{ "get --load-cookies c a", "use --cookie-file FILE" },
	{ "get --cookie-jar c a", "cookies are kept until the run ends" },
	{ "get --location-trusted a", "use --auth-origin ORIGIN" },
	{ "get --tls-max 1.2 a", "not supported by this version" },
	{ "get --inet4-only a", "use --ipv4" },
	{ "get -h", "use --help" },
	{ "get --job 3 a", "did you mean '--jobs'?" },
	{ "get --inptu-file x", "did you mean '--input-file'?" },
	{ "get --quite a", "did you mean '--quiet'?" },
	{ "get --input x", "did you mean '--input-file'?" },
	{ "get --nonsense-of-all-kinds-that-goes-on-and-on-beyond-every-limit a",
		"'sluice get --help' lists the options" },
	{ "get -\x01 a", "'sluice get --help' lists the options" },
	{ "scan --null-data x", "not supported by this version" },
	{ "scan --recursive x", "not needed: this is the default" },
	{ "scan --sort=path x", "not needed: results come in the order" },
	{ "scan -3 x", "unknown option '-3': for lines around error lines use -C" },
	{ "scan -4 x", "for URLs use --ipv4 or --ipv6" },
	{ "scan -u me:pw x", "the user for URLs is set by --user" },
	{ "scan -y x", "unknown option '-y': use -i" },
	{ "scan -u u:p x", "the user for URLs is set by --user" },
	{ "scan --vimgrep x", "--json with -p has the place of each match" },
	{ "scan --wordy x", "'sluice scan --help' lists the options" },
	{ "scan -R x", "links in them to files are followed" },
	{ "scan --text x", "name the file itself" },
	{ "scan --binary x", "name the file itself" },
	{ "scan --search-zip x", "detected by their contents" },
	{ "scan --decompress x", "detected by their contents" },
	{ "scan --ignorecase x", "did you mean '--ignore-case'?" },
	{ "scan -h x", "use --help" },
};

Test(options, unknown_ones_get_a_hint)
{
	for (size_t i = 0; i < SL_COUNT_OF(hints); i++)
		expect_usage(hints[i].typed, hints[i].want);
}

Test(options, long_names_are_not_abbreviated)
{
	expect_usage("get u --fail", "an HTTP status other than success is always an error");
	expect_usage("get u --verb", "did you mean '--verbose'?");
}

/* A hint for an option that exists would never be seen. */
Test(options, no_option_of_ours_has_a_hint_against_it)
{
	size_t count = 0;
	const struct sl_command *commands = sl_commands(&count);
	for (size_t c = 0; c < count; c++) {
		for (size_t i = 0; i < commands[c].option_count; i++) {
			const struct sl_option *option = &commands[c].options[i];
			char name[64] = "", letter[3] = { '-', option->letter, '\0' };
			if (option->letter)
				cr_expect_str_eq(sl_option_hint(&commands[c], letter).text, "");
			if (!option->name)
				continue;
			snprintf(name, sizeof(name), "--%s", option->name);
			cr_expect(strstr(sl_option_hint(&commands[c], name).text, "did you mean"),
				"%s", name);
		}
	}
}

Test(options, no_name_or_letter_is_used_twice_and_groups_stand_together)
{
	size_t count = 0;
	const struct sl_command *commands = sl_commands(&count);
	for (size_t c = 0; c < count; c++) {
		const struct sl_option *options = commands[c].options;
		for (size_t i = 0; i < commands[c].option_count; i++) {
			cr_expect(options[i].name || options[i].letter);
			cr_expect_eq(options[i].help[strlen(options[i].help) - 1], '.');
			for (size_t j = 0; j < i; j++) {
				cr_expect(!options[i].letter ||
					  options[i].letter != options[j].letter);
				cr_expect(!options[i].name || !options[j].name ||
					  strcmp(options[i].name, options[j].name) != 0);
				cr_expect(strcmp(options[i].group, options[j].group) != 0 ||
					  strcmp(options[i].group, options[i - 1].group) == 0);
			}
		}
	}
}

Test(options, help_names_every_option_within_eighty_columns)
{
	size_t count = 0;
	const struct sl_command *commands = sl_commands(&count);
	for (size_t c = 0; c < count; c++) {
		struct sl_buf out = { 0 };
		sl_command_help(&commands[c], &out);
		for (size_t i = 0; i < commands[c].option_count; i++) {
			char name[64];
			const struct sl_option *option = &commands[c].options[i];
			if (option->name)
				snprintf(name, sizeof(name), "--%s", option->name);
			else
				snprintf(name, sizeof(name), "  -%c", option->letter);
			cr_expect(strstr(out.data, name), "%s", name);
		}
		for (const char *line = out.data; *line; line = strchr(line, '\n') + 1)
			cr_expect(sl_text_width(sl_span(line, strcspn(line, "\n"))) <= 80, "%.90s",
				line);
		sl_buf_release(&out);
	}
}

Test(options, header_fields_are_checked_when_they_are_read)
{
	struct sl_get_options options;
	struct sl_error err = { 0 };
	struct line line;
	cr_assert_eq(get(&options, &line, "get -H A:b --header=C: -HD; -A x a", &err), 0);
	cr_expect_eq(options.network.headers.count, 3);
	cr_expect_str_eq(options.network.headers.items[1], "C:");
	cr_expect_str_eq(options.network.user_agent, "x");
	sl_get_options_release(&options);
	expect_usage("get -H A-b a", "option '-H' (--header): a header field is written as");
	expect_usage("get --header Content-Length:1 a", "sluice sets it itself");
	expect_usage("scan --header A-b a", "option '--header': a header field is written as");
	expect_usage("get -U x a", "use -A");
	expect_usage("get -U u:p a", "for that of curl --proxy-user USER:PASSWORD");
	expect_usage("get --cookie n=v a", "or -H 'Cookie: NAME=VALUE'");
}
