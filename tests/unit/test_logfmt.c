#include "sluice/logline/logfmt.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct {
	const char *line, *pairs;
} cases[] = {
	{ "", "" },
	{ "a=1", "a:1;" },
	{ "time=\"2015-10-18 18:01\" level=error msg=\"a b\"",
		"time:2015-10-18 18:01;level:error;msg:a b;" },
	{ "text a=1 more, b.c-d_e@f/g=\t2\r", "a:1;b.c-d_e@f/g:;" },
	{ "a=\"b \\\" c\\\\\" d=2", "a:b \\\" c\\\\;d:2;" },
	{ "a= b=", "a:;b:;" },
	{ "=1 =", "" },
	{ "a==b c=d=e", "a:=b;c:d=e;" },
	{ "(a=1)", "a:1);" },
	{ "a=\"b", "a:b;" },
	{ "a=\"b\\", "a:b\\;" },
	{ "a=\"", "a:;" },
	{ "no pairs at all", "" },
};

static const char *
pairs_of(struct sl_span line)
{
	static char out[256]; /* state: of this program's only thread */
	struct sl_logfmt logfmt = sl_logfmt_begin(line);
	struct sl_logfmt_pair pair;
	size_t len = 0;
	out[0] = '\0';
	while (sl_logfmt_next(&logfmt, &pair) && len < sizeof(out))
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%.*s:%.*s;",
			(int)pair.key.len, pair.key.data, (int)pair.value.len, pair.value.data);
	return out;
}

Test(logfmt, gives_the_pairs_of_a_line)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		cr_expect_str_eq(
			pairs_of(sl_span_str(cases[i].line)), cases[i].pairs, "%s", cases[i].line);
}

Test(logfmt, reads_nothing_behind_the_line)
{
	struct guard guard;
	guard_init(&guard, 128);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		for (size_t len = 0; len <= strlen(cases[i].line); len++)
			(void)pairs_of(sl_span(guard_place(&guard, cases[i].line, len), len));
	guard_release(&guard);
}
