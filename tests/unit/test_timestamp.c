#include "sluice/base/random.h"
#include "sluice/logline/timestamp.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

/* "2015-10-18 18:01:47.978 +0200": the time in the log, as precise as it is there; '-' for a zone
 * that is not known. Without a year, it begins with "--". */
static const char *
shown(const struct sl_timestamp *stamp)
{
	static char out[64]; /* state: of this program's only thread */
	char date[32], fraction[16] = "";
	int64_t local_ns = sl_timestamp_local_ns(stamp);
	time_t seconds = (time_t)(local_ns / 1000000000);
	struct tm tm;
	cr_assert(gmtime_r(&seconds, &tm));
	strftime(date, sizeof(date), stamp->has_year ? "%Y-%m-%d %H:%M:%S" : "--%m-%d %H:%M:%S",
		&tm);
	int digits = 0;
	for (uint64_t unit = stamp->unit_ns; unit < 1000000000; unit *= 10)
		digits++;
	if (digits)
		snprintf(fraction, sizeof(fraction), ".%0*llu", digits,
			(unsigned long long)(local_ns % 1000000000) / stamp->unit_ns);
	if (stamp->unit_ns == 60000000000u)
		date[strlen(date) - 3] = '\0';
	int zone = stamp->zone_s / 60;
	snprintf(out, sizeof(out), stamp->has_zone ? "%s%s %+05d" : "%s%s -", date, fraction,
		zone / 60 * 100 + zone % 60);
	return out;
}

/* The text of the stamp stands between | and |. */
static const struct {
	const char *line, *stamp;
} cases[] = {
	/* ISO 8601 and its relatives. */
	{ "|2015-10-18 18:01:47,978| INFO [main] org.apache.hadoop", "2015-10-18 18:01:47.978 -" },
	{ "|2015-10-18T18:01:47.123456789Z| x", "2015-10-18 18:01:47.123456789 +0000" },
	{ "|2015-10-18T18:01:47.1234567891Z| x", "2015-10-18 18:01:47.123456789 +0000" },
	{ "|2015-10-18T18:01:47+02:00| x", "2015-10-18 18:01:47 +0200" },
	{ "|2015-10-18T18:01:47-0330| x", "2015-10-18 18:01:47 -0330" },
	{ "|2015-10-18 18:01:47 +0200| x", "2015-10-18 18:01:47 +0200" },
	{ "|2015-10-18 18:01:47+02| x", "2015-10-18 18:01:47 +0200" },
	{ "|2015-10-18 18:01:47.978 UTC| [12] ERROR:  relation", "2015-10-18 18:01:47.978 +0000" },
	{ "|2015-10-18 18:01:47| CET [12] ERROR:  relation", "2015-10-18 18:01:47 -" },
	{ "|2015-10-18 18:01:47| -5 degrees", "2015-10-18 18:01:47 -" },
	{ "|2015-10-18 18:01:47|-INFO x", "2015-10-18 18:01:47 -" },
	{ "|2015-10-18 18:01|: started", "2015-10-18 18:01 -" },
	{ "|2015-10-18_18:01:47.978| x", "2015-10-18 18:01:47.978 -" },
	{ "|2015-10-18 6:01:47 PM| x", "2015-10-18 18:01:47 -" },
	{ "[|2015-10-18T18:01:47,978|][ERROR][o.e.x] [node]", "2015-10-18 18:01:47.978 -" },
	{ "|2015/10/18 18:01:47| [error] 12#0: *1 open()", "2015-10-18 18:01:47 -" },
	{ "|2015/10/18 18:01:47.000012| main.go:7: x", "2015-10-18 18:01:47.000012 -" },
	{ "<34>1 |2003-10-11T22:14:15.003Z| mymachine su - ID47 - x",
		"2003-10-11 22:14:15.003 +0000" },
	{ "|20151018T180147Z| x", "2015-10-18 18:01:47 +0000" },
	{ "|20151018180147.5| x", "2015-10-18 18:01:47.5 -" },
	{ "|20171223-22:15:29:606|\x7cStep_LSC\x7c"
	  "30002312",
		"2017-12-23 22:15:29.606 -" },
	{ "|20171223-23:21:0:125|\x7cStep_LSC", "2017-12-23 23:21:00.125 -" },
	{ "- |1117838570| 2005.06.03 R02-M1-N0-C:J12-U11 2005-06-03-15.42.50.675872 R02",
		"2005-06-03 22:42:50 +0000" },
	{ "x |2005-06-03-15.42.50.675872| R02 RAS", "2005-06-03 15:42:50.675872 -" },
	{ "time=\"|2015-10-18T18:01:47Z|\" level=error", "2015-10-18 18:01:47 +0000" },
	{ "|2016-12-31T23:59:60Z| leap", "2017-01-01 00:00:00 +0000" },
	/* Days first. */
	{ "192.168.1.9 - frank [|10/Oct/2000:13:55:36 -0700|] \"GET /a HTTP/1.0\" 200 2326",
		"2000-10-10 13:55:36 -0700" },
	{ "|18-Oct-2015 18:01:47.978| SEVERE [main] x", "2015-10-18 18:01:47.978 -" },
	{ "1234:M |18 Oct 2015 18:01:47.978| # x", "2015-10-18 18:01:47.978 -" },
	{ "Sun, |18 Oct 2015 18:01:47 +0000| x", "2015-10-18 18:01:47 +0000" },
	/* Months first. */
	{ "|Jun 14 15:16:01| combo sshd(pam_unix)[19939]: authentication failure",
		"--06-14 15:16:01 -" },
	{ "|Jul  2 04:15:43| combo sshd: at Sun Jul 17 15:09:16 2005", "--07-02 04:15:43 -" },
	{ "<13>|Feb 29 15:16:01| combo x", "--02-29 15:16:01 -" },
	{ "[Sun |Dec 04 04:47:44 2005|] [notice] workerEnv.init() ok", "2005-12-04 04:47:44 -" },
	{ "[Sun |Dec 04 04:47:44.123456 2005|] [core:error] [pid 7] x",
		"2005-12-04 04:47:44.123456 -" },
	{ "Sun |Dec  4 04:47:44 UTC 2005| x", "2005-12-04 04:47:44 +0000" },
	{ "Sun |Dec  4 04:47:44 CEST 2005|: x", "2005-12-04 04:47:44 -" },
	{ "|Oct 18, 2015 6:01:47 PM| org.x.Foo bar", "2015-10-18 18:01:47 -" },
	{ "|Oct 18, 2015 12:01:47 AM| org.x.Foo bar", "2015-10-18 00:01:47 -" },
	{ "|Jan  1 2024 00:00:07|: %ASA-6-302013: x", "2024-01-01 00:00:07 -" },
	{ "|Jun 14 15:16:01| 2005-x combo", "--06-14 15:16:01 -" },
	/* klog, Android, log4j, MySQL. */
	{ "|E1018 18:01:47.978901|   7 main.go:3] x", "--10-18 18:01:47.978901 -" },
	{ "|I20151018 18:01:47.978901|   7 main.cc:3] x", "2015-10-18 18:01:47.978901 -" },
	{ "|10-18 18:01:47.978|  123  456 E Tag: x", "--10-18 18:01:47.978 -" },
	{ "|17/06/09 20:10:40| INFO executor.Backend: x", "2017-06-09 20:10:40 -" },
	{ "|151018 18:01:47| [ERROR] x", "2015-10-18 18:01:47 -" },
	{ "|151018  8:01:47| [ERROR] x", "2015-10-18 08:01:47 -" },
	{ "|081109 203615| 148 INFO dfs.DataNode$PacketResponder: x", "2008-11-09 20:36:15 -" },
	{ "|080229 000000|", "2008-02-29 00:00:00 -" },
	/* Since 1970. */
	{ "|1445191307| x", "2015-10-18 18:01:47 +0000" },
	{ "[|1445191307.978|] x", "2015-10-18 18:01:47.978 +0000" },
	{ "|1445191307978| x", "2015-10-18 18:01:47.978 +0000" },
	{ "|1445191307978123| x", "2015-10-18 18:01:47.978123 +0000" },
	{ "|1445191307978123456| x", "2015-10-18 18:01:47.978123456 +0000" },
	{ "level=info ts=|1445191307.978| caller=x", "2015-10-18 18:01:47.978 +0000" },
	{ "KERNDTLB |1118536327 2005.06.11| R30-M0-N9-C:J16-U01 2005-06-11-17.32.07.581048 R30",
		"2005-06-12 00:32:07 +0000" },
	{ "N_PBS_CON |1131566461 2005.11.09| dn228 Nov 9 12:01:01 dn228/dn228 crond",
		"2005-11-09 20:01:01 +0000" },
	{ "type=SYSCALL msg=audit(|1364481363.243|:24287): arch=c000003e",
		"2013-03-28 14:36:03.243 +0000" },
	/* Joined to names. */
	{ "nova-api.log.1.2017-05-16_13:53:08 |2017-05-16 00:00:00.008| 25746 INFO x",
		"2017-05-16 00:00:00.008 -" },
	{ "/var/log/app-2017-05-16-13.53.08/x_2001-01-01_00:00:00: |May 16 00:00:00| x",
		"--05-16 00:00:00 -" },
	{ "app.log.|2017-05-16_13:53:08| ERROR x", "2017-05-16 13:53:08 -" },
	{ "app-|2017-05-16_13:53:08| x_2001-01-01_00:00:00", "2017-05-16 13:53:08 -" },
	{ "--|2017-05-16 13:53:08|--  http://x/2001-01-01_00:00:00", "2017-05-16 13:53:08 -" },
	{ "]-|2017-05-16 13:53:08| x", "2017-05-16 13:53:08 -" },
	/* JSON. */
	{ "{\"level\":\"info\",\"ts\":|1445191307.978|,\"msg\":\"2001-01-01 00:00:00\"}",
		"2015-10-18 18:01:47.978 +0000" },
	{ "{\"msg\":\"2001-01-01 00:00:00\",\"time\":\"|2015-10-18T18:01:47Z|\"}",
		"2015-10-18 18:01:47 +0000" },
	{ "{\"msg\":\"x\",\"Timestamp\":\"|2015-10-18T18:01:47Z|\"}", "2015-10-18 18:01:47 +0000" },
	{ "{\"t\":{\"$date\":\"|2015-10-18T18:01:47.978+00:00|\"},\"s\":\"I\"}",
		"2015-10-18 18:01:47.978 +0000" },
	{ "{\"when\":\"|2015-10-18T18:01:47Z|\",\"time\":\"soon\"}", "2015-10-18 18:01:47 +0000" },
};

static size_t
without_marks(const char *text, char *line, size_t *begin, size_t *end)
{
	size_t len = 0, marks = 0;
	for (const char *at = text; *at; at++) {
		if (*at != '|' || marks == 2)
			line[len++] = *at;
		else if (marks++ == 0)
			*begin = len;
		else
			*end = len;
	}
	line[len] = '\0';
	cr_assert_eq(marks, 2, "%s", text);
	return len;
}

Test(timestamp, is_found_in_the_forms_that_programs_write)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		char line[256];
		size_t begin = 0, end = 0;
		size_t len = without_marks(cases[i].line, line, &begin, &end);
		struct sl_timestamp stamp;
		if (!sl_timestamp_find(sl_span(line, len), &stamp)) {
			cr_expect(false, "%s: none", line);
			continue;
		}
		cr_expect_str_eq(shown(&stamp), cases[i].stamp, "%s: %s", line, shown(&stamp));
		cr_expect(stamp.begin == begin && stamp.end == end, "%s: at %zu to %zu", line,
			stamp.begin, stamp.end);
	}
}

Test(timestamp, is_not_seen_in_what_is_none)
{
	static const char *const lines[] = { "", " ", "x", "2015", "2015-10-18", "18:01:47 ERROR x",
		"2015-13-18 18:01:47", "2015-02-29 18:01:47", "2015-10-18 24:01:47",
		"2015-10-18 18:60:47", "2015-10-18 18:01:61", "1969-10-18 18:01:47",
		"2200-10-18 18:01:47", "12015-10-18 18:01:47", "x2015-10-18 18:01:47",
		"10/11/2015 18:01:47 ambiguous", "10.11.12.13 - connection", "Oct 32 18:01:47 x",
		"October 18 18:01:47", "Oct 18", "Oct 18 18:01 ls", "oct 18 18:01:47", "Octane 18",
		"version 1.2.3", "E1018 18:01:47 no fraction", "10-18 18:01:47 no fraction",
		"request 1445191307 failed", "445191307 x", "14451913071 x", "9999999999 x",
		"1445191307x", "id=1445191307",
		"415345 node-246 unix.hw state_change 1077804742 1 Component", "13 Oct 15 x",
		"2015-10-18 13:01:47 PM", "151018 x", "x 081109 203615 148", "081309 203615 148",
		"081109 243615 148", "081109 206015 148", "081109 203661 148", "081109 2036150 148",
		"081109 203615x", "081109  203615 148", "081109\t203615 148", "0811090 203615 148",
		"081109 203615,148", "APPREAD 1117869872 R04", "APPREAD 1117869872 2005.06.4",
		"Apread 1117869872 2005.06.04", "APPREAD  1117869872 2005.06.04",
		"x APPREAD 1117869872 2005.06.04", "APPREAD 117869872 2005.06.04",
		"\377\376\0002015", "{\"time\":7}", "{" };
	for (size_t i = 0; i < SL_COUNT_OF(lines); i++) {
		struct sl_timestamp stamp;
		cr_expect(!sl_timestamp_find(sl_span_str(lines[i]), &stamp), "%s", lines[i]);
	}
}

Test(timestamp, begins_in_the_first_bytes_of_the_line)
{
	char line[SL_TIMESTAMP_PREFIX + 64];
	static const char text[] = "2015-10-18 18:01:47";
	struct sl_timestamp stamp;
	for (size_t at = 0; at <= SL_TIMESTAMP_PREFIX + 8; at++) {
		memset(line, ' ', sizeof(line));
		memcpy(line + at, text, sizeof(text) - 1);
		bool found = sl_timestamp_find(sl_span(line, at + sizeof(text) - 1), &stamp);
		cr_expect_eq(found, at < SL_TIMESTAMP_PREFIX, "at %zu", at);
	}
}

Test(timestamp, is_short_whatever_follows_its_seconds)
{
	static const char *const starts[] = { "2015-10-18 18:01:47.", "1445191307." };
	for (size_t i = 0; i < SL_COUNT_OF(starts); i++)
		for (size_t digits = 1; digits < 400; digits++) {
			char line[512];
			size_t len = strlen(starts[i]);
			struct sl_timestamp stamp;
			memcpy(line, starts[i], len);
			memset(line + len, '1', digits);
			cr_expect(sl_timestamp_find(sl_span(line, len + digits), &stamp));
			cr_expect(stamp.end == (digits <= 30 ? len + digits : len - 1), "%zu",
				stamp.end);
		}
}

Test(timestamp, is_short_whatever_gap_is_in_it)
{
	for (int blanks = 1; blanks < 300; blanks++) {
		char line[512];
		struct sl_timestamp stamp;
		snprintf(line, sizeof(line), "Sun Oct 18 18:01:47%*s2015", blanks, "");
		cr_expect(sl_timestamp_find(sl_span_str(line), &stamp), "%d", blanks);
		cr_expect_eq(stamp.has_year, blanks <= 16, "%d", blanks);
		snprintf(line, sizeof(line), "2015-10-18 18:01:47%*s+0200", blanks, "");
		cr_expect(sl_timestamp_find(sl_span_str(line), &stamp), "%d", blanks);
		cr_expect_eq(stamp.has_zone, blanks <= 16, "%d", blanks);
	}
}

static void
expect_second(const char *line, size_t len)
{
	struct sl_timestamp stamp = { 0 };
	int64_t local_s = -1;
	bool has_year = false;
	bool is_found = sl_timestamp_find(sl_span(line, len), &stamp);
	cr_assert_eq(sl_timestamp_find_second(sl_span(line, len), &local_s, &has_year), is_found,
		"%.*s", (int)len, line);
	if (!is_found)
		return;
	cr_assert_eq(local_s, sl_timestamp_local_ns(&stamp) / 1000000000, "%.*s", (int)len, line);
	cr_assert_eq(has_year, stamp.has_year, "%.*s", (int)len, line);
}

/* Of each case, and of those that differ in a few bytes, at each length. */
Test(timestamp, has_the_same_second_if_only_that_is_looked_for)
{
	static const char *const usual[] = { "2015-10-18 18:01:47 x", "2015-02-29T18:01:47Z",
		"2015-10-18 08:01:60,978 PM", "2015-10-18T18:01:47.123456789012 +02:00",
		"2016-02-29 00:59:00:123 am", "1970-01-01 00:00:00.5+14:00" };
	static const char bytes[] = "0123456789::  ..,,-TZ+APMapm\t[";
	struct sl_random random;
	struct guard guard;
	sl_random_init(&random, 1);
	guard_init(&guard, 256);
	for (size_t i = 0; i < SL_COUNT_OF(cases) + SL_COUNT_OF(usual); i++) {
		char line[256];
		size_t begin, end, all;
		if (i < SL_COUNT_OF(cases)) {
			all = without_marks(cases[i].line, line, &begin, &end);
		} else {
			all = strlen(usual[i - SL_COUNT_OF(cases)]);
			memcpy(line, usual[i - SL_COUNT_OF(cases)], all);
		}
		unsigned rounds = i < SL_COUNT_OF(cases) ? 20 : 3000;
		for (unsigned round = 0; round < rounds && all; round++) {
			char other[256];
			memcpy(other, line, all);
			for (unsigned change = round % 4; change > 0; change--)
				other[sl_random_below(&random, all)] =
					bytes[sl_random_below(&random, sizeof(bytes) - 1)];
			size_t len = round % 3 ? all : (size_t)sl_random_below(&random, all + 1);
			expect_second(guard_place(&guard, other, len), len);
		}
	}
	guard_release(&guard);
}

Test(timestamp, is_read_to_the_end_of_the_line_only)
{
	struct guard guard;
	guard_init(&guard, 256);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		char line[256];
		size_t begin = 0, end = 0;
		size_t all = without_marks(cases[i].line, line, &begin, &end);
		for (size_t len = 0; len <= all; len++) {
			struct sl_timestamp stamp;
			const char *text = guard_place(&guard, line, len);
			if (sl_timestamp_find(sl_span(text, len), &stamp))
				cr_expect(stamp.begin < stamp.end && stamp.end <= len);
		}
	}
	guard_release(&guard);
}

Test(timestamp, without_a_year_gets_the_last_one_that_is_not_later)
{
	static const struct {
		const char *line, *latest, *stamp;
	} settled[] = {
		{ "Jun 14 15:16:01 x", "2027-06-20 00:00:00", "2027-06-14 15:16:01 -" },
		{ "Jun 14 15:16:01 x", "2027-06-14 10:00:00", "2027-06-14 15:16:01 -" },
		{ "Jun 14 15:16:01 x", "2027-06-13 10:00:00", "2026-06-14 15:16:01 -" },
		{ "Dec 31 23:59:59 x", "2027-01-01 00:00:00", "2026-12-31 23:59:59 -" },
		{ "Jan  1 00:00:00 x", "2026-12-31 12:00:00", "2027-01-01 00:00:00 -" },
		{ "Feb 29 00:00:00 x", "2027-03-01 00:00:00", "2024-02-29 00:00:00 -" },
		{ "2015-10-18 18:01:47", "2010-01-01 00:00:00", "2015-10-18 18:01:47 -" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(settled); i++) {
		struct sl_timestamp latest, stamp;
		cr_assert(sl_timestamp_find(sl_span_str(settled[i].latest), &latest));
		cr_assert(sl_timestamp_find(sl_span_str(settled[i].line), &stamp));
		sl_timestamp_settle(&stamp, latest.ns);
		cr_expect_str_eq(shown(&stamp), settled[i].stamp, "%s at %s: %s", settled[i].line,
			settled[i].latest, shown(&stamp));
	}
}
