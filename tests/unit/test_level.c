#include "sluice/logline/level.h"

#include "support/guard.h"

#include <criterion/criterion.h>

/* What says so stands between ~ and ~. */
static const struct {
	const char *line;
	enum sl_level level;
} cases[] = {
	/* syslog */
	{ "~<11>~Oct 11 22:14:15 host su: x", SL_LEVEL_ERROR },
	{ "~<34>~1 2003-10-11T22:14:15.003Z host su - ID47 - x", SL_LEVEL_CRITICAL },
	{ "~<3>~kernel message INFO", SL_LEVEL_ERROR },
	{ "~<191>~x", SL_LEVEL_DEBUG },
	{ "Oct 11 22:14:15 host sshd[1]: ~error~: kex_exchange", SL_LEVEL_ERROR },
	{ "Oct 11 22:14:15 host sshd[1]: ~fatal~: Read from socket failed", SL_LEVEL_CRITICAL },
	/* letters */
	{ "~E~1018 18:01:47.978901   7 main.go:3] x", SL_LEVEL_ERROR },
	{ "~I~1018 18:01:47.978901   7 main.go:3] error", SL_LEVEL_INFO },
	{ "~F~20151018 18:01:47.978901   7 main.cc:3] x", SL_LEVEL_CRITICAL },
	{ "2024-01-02T15:04:05.6Z stderr F ~W~0102 15:04:05.678901 1 x.go:3] x", SL_LEVEL_WARNING },
	{ "~E~/AndroidRuntime( 1234): FATAL EXCEPTION: main", SL_LEVEL_ERROR },
	{ "10-18 18:01:47.978  123  456 ~E~ Tag: x", SL_LEVEL_ERROR },
	{ "10-18 18:01:47.978  123  456 ~D~ Tag: ERROR", SL_LEVEL_DEBUG },
	{ "2015-10-18T18:01:47.978+0000 ~I~ NETWORK  [conn1] error", SL_LEVEL_INFO },
	/* capitals */
	{ "2015-10-18 18:01:47,978 ~ERROR~ [main] org.apache.x: y", SL_LEVEL_ERROR },
	{ "2015-10-18 18:01:47,978 ~WARN~ [main] org.apache.x: ERROR", SL_LEVEL_WARNING },
	{ "2015-10-18 18:01:47.978  ~ERROR~ 1234 --- [main] o.x : y", SL_LEVEL_ERROR },
	{ "2015-10-18T18:01:47Z\t~ERROR~\tmain.go:7\tx", SL_LEVEL_ERROR },
	{ "[2015-10-18T18:01:47Z ~ERROR~ crate::module] x", SL_LEVEL_ERROR },
	{ "2015-10-18 18:01:47,978 - name - ~CRITICAL~ - x", SL_LEVEL_CRITICAL },
	{ "~ERROR~:root:x", SL_LEVEL_ERROR },
	{ "~SEVERE~: x", SL_LEVEL_ERROR },
	{ "~FINE~: x", SL_LEVEL_DEBUG },
	{ "18-Oct-2015 18:01:47.978 ~SEVERE~ [main] org.apache.catalina x", SL_LEVEL_ERROR },
	{ "2015-10-18 18:01:47.978 UTC [12] ~ERROR~:  relation \"x\"", SL_LEVEL_ERROR },
	{ "2015-10-18 18:01:47.978 UTC [12] u@db ~LOG~:  statement: ERROR", SL_LEVEL_INFO },
	{ "2015-10-18 18:01:47.978 UTC [12] ~PANIC~:  could not", SL_LEVEL_CRITICAL },
	{ "- 1117838570 2005.06.03 R02 2005-06-03-15.42.50.675872 R02 RAS KERNEL ~FATAL~ data TLB "
	  "error",
		SL_LEVEL_CRITICAL },
	{ "- 1117838570 2005.06.03 R02 RAS KERNEL ~INFO~ instruction cache parity error",
		SL_LEVEL_INFO },
	{ "[2024-01-02 15:04:05,678: ~ERROR~/MainProcess] x", SL_LEVEL_ERROR },
	{ "\033[31m~ERROR~\033[0m x", SL_LEVEL_ERROR },
	{ "2015-10-18 \033[1;32m~INFO~\033[0m ERROR", SL_LEVEL_INFO },
	{ "~ERRO~[0001] x", SL_LEVEL_ERROR },
	{ "~FATA~[0000] x", SL_LEVEL_CRITICAL },
	/* brackets */
	{ "[Sun Dec 04 04:47:44 2005] [~notice~] workerEnv.init() ok", SL_LEVEL_NOTICE },
	{ "[Sun Dec 04 04:47:44 2005] [~error~] mod_jk", SL_LEVEL_ERROR },
	{ "[Sun Dec 04 04:47:44.1 2005] [core:~error~] [pid 7] x", SL_LEVEL_ERROR },
	{ "2015/10/18 18:01:47 [~error~] 12#0: *1 open()", SL_LEVEL_ERROR },
	{ "2015/10/18 18:01:47 [~crit~] 12#0: *1 x", SL_LEVEL_CRITICAL },
	{ "[2015-10-18T18:01:47,978][~WARN~ ][o.e.x] [node] error", SL_LEVEL_WARNING },
	{ "2015-10-18T18:01:47.9Z 0 [~ERROR~] [MY-010457] [Server] x", SL_LEVEL_ERROR },
	{ "2015-10-18T18:01:47.9Z 0 [~Note~] InnoDB: error", SL_LEVEL_NOTICE },
	{ "2015-10-18T18:01:47.9Z 0 [~Warning~] x", SL_LEVEL_WARNING },
	{ "[18:01:47 ~ERR~] x", SL_LEVEL_ERROR },
	{ "[18:01:47 ~INF~] x", SL_LEVEL_NONE },
	{ "18:01:47 [~INF~] x", SL_LEVEL_INFO },
	{ "a|~error~|b", SL_LEVEL_ERROR },
	/* colons */
	{ "main.c:3:5: ~error~: expected ';'", SL_LEVEL_ERROR },
	{ "~Error~: x", SL_LEVEL_ERROR },
	{ "~fail~: Microsoft.Hosting[0]", SL_LEVEL_ERROR },
	{ "~panic~: runtime error: index out of range", SL_LEVEL_CRITICAL },
	{ "~error~[E0308]: mismatched types", SL_LEVEL_ERROR },
	{ "make: ~warning~: x", SL_LEVEL_WARNING },
	/* behind a stamp */
	{ "2015-10-18 18:01:47 ~error~ x", SL_LEVEL_ERROR },
	{ "2015-10-18 18:01:47 ~Info~ x error", SL_LEVEL_INFO },
	{ "2015-10-18 18:01:47 - ~warn~: x", SL_LEVEL_WARNING },
	/* logfmt */
	{ "time=\"2015-10-18T18:01:47Z\" level=~error~ msg=\"x\"", SL_LEVEL_ERROR },
	{ "level=\"~warning~\" msg=x", SL_LEVEL_WARNING },
	{ "msg=\"an ERROR x: [error]\" level=~info~", SL_LEVEL_INFO },
	{ "msg=\"a \\\" ERROR b\" lvl=~dbug~", SL_LEVEL_DEBUG },
	{ "level=~50~ msg=x", SL_LEVEL_ERROR },
	{ "PRIORITY=~3~ MESSAGE=x", SL_LEVEL_ERROR },
	{ "a=0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
	  "234567890123456789012345678901234567890123456789012345678901234567890123456789 "
	  "level=~error~",
		SL_LEVEL_ERROR },
	/* JSON */
	{ "{\"level\":\"~error~\",\"msg\":\"x\"}", SL_LEVEL_ERROR },
	{ "{\"msg\":\"ERROR [error]\",\"severity\":\"~INFO~\"}", SL_LEVEL_INFO },
	{ "{ \"name\":\"x\", \"level\": ~50~ }", SL_LEVEL_ERROR },
	{ "{\"level\":~60~}", SL_LEVEL_CRITICAL },
	{ "{\"level\":~35~}", SL_LEVEL_INFO },
	{ "{\"level\":~3~}", SL_LEVEL_ERROR },
	{ "{\"log.level\":\"~WARN~\"}", SL_LEVEL_WARNING },
	{ "{\"log\":{\"level\":\"~error~\"},\"message\":\"x\"}", SL_LEVEL_ERROR },
	{ "{\"t\":{\"$date\":\"2015-10-18T18:01:47.978+00:00\"},\"s\":\"~E~\",\"c\":\"X\"}",
		SL_LEVEL_ERROR },
	{ "{\"log\":\"2015-10-18 18:01:47 ~ERROR~ x\\n\",\"stream\":\"stderr\"}", SL_LEVEL_ERROR },
	{ "{\"log\":\"level=~50~ x\",\"stream\":\"stderr\"}", SL_LEVEL_ERROR },
	{ "{\"request\":\"GET /\",\"status\":~502~}", SL_LEVEL_ERROR },
	{ "{\"request\":\"GET /\",\"status\":\"502\",\"level\":~6~}", SL_LEVEL_INFO },
	{ "Jun 14 15:16:01 host app[1]: {\"level\":\"~error~\"}", SL_LEVEL_ERROR },
	{ "2015-10-18 18:01:47 ~INFO~ body {\"level\":\"error\"}", SL_LEVEL_INFO },
	/* access logs */
	{ "10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET /error HTTP/1.0\" ~502~ 2326",
		SL_LEVEL_ERROR },
	{ "10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.0\" ~404~ 2326 \"-\" \"x\"",
		SL_LEVEL_WARNING },
	{ "10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/2\" ~200~ 5020", SL_LEVEL_INFO },
	/* none */
	{ "", SL_LEVEL_NONE },
	{ "an error occurred", SL_LEVEL_NONE },
	{ "Jun 14 15:16:01 combo sshd: authentication failure; error = 7", SL_LEVEL_NONE },
	{ "Jun 14 15:16:01 error sshd: x", SL_LEVEL_NONE },
	{ "java.lang.Error: x", SL_LEVEL_NONE },
	{ "the NON-ERROR case, TERROR, ERRORS, ERROR_CODE=7, /ERROR/", SL_LEVEL_NONE },
	{ "FINE with me, LOG it, NOTE that", SL_LEVEL_NONE },
	{ "eRRoR: x", SL_LEVEL_NONE },
	{ "<192>x", SL_LEVEL_NONE },
	{ "<b>x", SL_LEVEL_NONE },
	{ "<>", SL_LEVEL_NONE },
	{ "E101 18:01:47", SL_LEVEL_NONE },
	{ "I am here", SL_LEVEL_NONE },
	{ "level=high", SL_LEVEL_NONE },
	{ "sublevel=error", SL_LEVEL_NONE },
	{ "{\"level\":\"high\"}", SL_LEVEL_NONE },
	{ "{\"level\":{\"a\":\"error\"}}", SL_LEVEL_NONE },
	{ "{\"level\":8}", SL_LEVEL_NONE },
	{ "{\"message\":\"x ERROR y\"}", SL_LEVEL_NONE },
	{ "\"GET / HTTP/1.0\" 999 1", SL_LEVEL_NONE },
	{ "\"GET / HTTP/1.0\" 50", SL_LEVEL_NONE },
	{ "\"GET / HTTP/1.0", SL_LEVEL_NONE },
	{ "= \"", SL_LEVEL_NONE },
	{ "level=\"", SL_LEVEL_NONE },
	{ "[error", SL_LEVEL_NONE },
	{ "\033[31", SL_LEVEL_NONE },
};

static struct sl_span
without_marks(const char *text, char *line, size_t *begin, size_t *end)
{
	size_t len = 0, marks = 0;
	*begin = *end = 0;
	for (const char *at = text; *at; at++) {
		if (*at != '~')
			line[len++] = *at;
		else if (marks++ == 0)
			*begin = len;
		else
			*end = len;
	}
	return sl_span(line, len);
}

Test(level, is_found_where_programs_write_it)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		char text[512];
		size_t begin, end;
		struct sl_span line = without_marks(cases[i].line, text, &begin, &end);
		struct sl_level_found found = sl_level_find(line);
		cr_expect_eq(found.level, cases[i].level, "%s: %s", cases[i].line,
			sl_level_name(found.level));
		if (cases[i].level)
			cr_expect(found.begin == begin && found.end == end, "%s: %zu to %zu",
				cases[i].line, found.begin, found.end);
	}
}

Test(level, is_looked_for_in_the_line_only)
{
	struct guard guard;
	guard_init(&guard, 512);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		char text[512];
		size_t begin, end;
		struct sl_span line = without_marks(cases[i].line, text, &begin, &end);
		for (size_t len = 0; len <= line.len; len++) {
			struct sl_span part = { guard_place(&guard, text, len), len };
			struct sl_level_found found = sl_level_find(part);
			cr_expect(found.begin <= found.end && found.end <= len);
			cr_expect(!found.level || found.begin < found.end);
		}
	}
	guard_release(&guard);
}

Test(level, does_not_depend_on_what_lies_behind_the_first_bytes)
{
	static char line[SL_LEVEL_LINE + 100]; /* state: too large for a stack */
	memset(line, 'a', sizeof(line));
	static const char word[] = " ERROR ";
	memcpy(line + SL_LEVEL_PREFIX - 2, word, sizeof(word) - 1);
	cr_expect_eq(sl_level_find(sl_span(line, 1000)).level, SL_LEVEL_ERROR);
	memcpy(line + SL_LEVEL_PREFIX - 2, "aaaaaaa", 7);
	memcpy(line + SL_LEVEL_PREFIX, word, sizeof(word) - 1);
	cr_expect_eq(sl_level_find(sl_span(line, 1000)).level, SL_LEVEL_NONE);
	static const char member[] = "\",\"level\":\"error\"}";
	memcpy(line, "{\"a\":\"", 6);
	memcpy(line + SL_LEVEL_LINE - sizeof(member) + 1, member, sizeof(member) - 1);
	cr_expect_eq(sl_level_find(sl_span(line, sizeof(line))).level, SL_LEVEL_ERROR);
	memset(line + SL_LEVEL_LINE - sizeof(member), 'a', sizeof(member));
	memcpy(line + SL_LEVEL_LINE - 8, member, sizeof(member) - 1);
	cr_expect_eq(sl_level_find(sl_span(line, sizeof(line))).level, SL_LEVEL_NONE);
}
