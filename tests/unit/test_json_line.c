#include "sluice/logline/json_line.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* The members as "key=kind:value;". */
static const char *
members_of(struct sl_span text)
{
	static char out[512]; /* state: of this program's only thread */
	static const char kinds[] = { [SL_JSON_LINE_STRING] = 's',
		[SL_JSON_LINE_NUMBER] = 'n',
		[SL_JSON_LINE_WORD] = 'w',
		[SL_JSON_LINE_NESTED] = 'o' };
	struct sl_json_line line;
	struct sl_json_line_member member;
	size_t len = 0;
	out[0] = '\0';
	if (!sl_json_line_begin(&line, text))
		return "none";
	while (sl_json_line_next(&line, &member) && len < sizeof(out))
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%.*s=%c:%.*s;",
			(int)member.key.len, member.key.data, kinds[member.kind],
			(int)member.value.len, member.value.data);
	return out;
}

static const struct {
	const char *line, *members;
} cases[] = {
	{ "{}", "" },
	{ "{ }", "" },
	{ "{\"a\":1}", "a=n:1;" },
	{ "  {\"a\": -1.5e3 , \"b\" :true,\"c\":null}", "a=n:-1.5e3;b=w:true;c=w:null;" },
	{ "{\"level\":\"error\",\"msg\":\"a \\\"b\\\" \\\\\"}",
		"level=s:error;msg=s:a \\\"b\\\" \\\\;" },
	{ "{\"a\":{\"b\":[1,{\"c\":\"}]\"}]},\"d\":2}\r", "a=o:{\"b\":[1,{\"c\":\"}]\"}]};d=n:2;" },
	{ "{\"a\":[],\"b\":{}}", "a=o:[];b=o:{};" },
	{ "{\"a\":1,}", "a=n:1;" },
	/* What is not JSON ends it. */
	{ "", "none" },
	{ "[1]", "none" },
	{ "text {\"a\":1}", "none" },
	{ "{a:1}", "" },
	{ "{\"a\"}", "" },
	{ "{\"a\":}", "" },
	{ "{\"a\":\"b", "" },
	{ "{\"a\":\"b\\", "" },
	{ "{\"a\":[1,2", "" },
	{ "{\"a\":[\"b]", "" },
	{ "{\"a\":1 \"b\":2}", "a=n:1;" },
	{ "{\"a\":1", "a=n:1;" },
	{ "{\"a\":1} {\"b\":2}", "a=n:1;" },
};

Test(json_line, gives_the_members_of_an_object)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		cr_expect_str_eq(members_of(sl_span_str(cases[i].line)), cases[i].members, "%s",
			cases[i].line);
}

Test(json_line, reads_nothing_behind_the_line)
{
	struct guard guard;
	guard_init(&guard, 128);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		for (size_t len = 0; len <= strlen(cases[i].line); len++)
			(void)members_of(sl_span(guard_place(&guard, cases[i].line, len), len));
	guard_release(&guard);
}

Test(json_line, takes_deep_nesting_without_depth)
{
	size_t depth = 100000;
	struct sl_buf text = { 0 };
	sl_buf_add_str(&text, "{\"a\":");
	for (size_t i = 0; i < depth; i++)
		sl_buf_add_char(&text, '[');
	for (size_t i = 0; i < depth; i++)
		sl_buf_add_char(&text, ']');
	sl_buf_add_str(&text, ",\"b\":7}");
	struct sl_json_line line;
	struct sl_json_line_member member;
	cr_assert(sl_json_line_begin(&line, sl_buf_span(&text)));
	cr_assert(sl_json_line_next(&line, &member));
	cr_expect_eq(member.value.len, 2 * depth);
	cr_assert(sl_json_line_next(&line, &member));
	cr_expect(sl_span_is(member.key, "b") && sl_span_is(member.value, "7"));
	cr_expect(!sl_json_line_next(&line, &member));
	sl_buf_release(&text);
}
