/*
 * The scripts for shells have all that the tables have. What the shells make of them is tried by
 * tests/integration/completions.sh.
 */
#include "sluice/cli/completion.h"
#include "sluice/cli/options.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct sl_buf
script(const char *shell)
{
	struct sl_buf out = { 0 };
	cr_assert(sl_completion_script(&out, shell));
	cr_assert(!out.failed && out.len > 0);
	return out;
}

/* Each option of each command, as a text made of its name. */
static void
expect_names(const char *shell, const char *before, const char *after)
{
	struct sl_buf text = script(shell);
	size_t count = 0;
	const struct sl_command *commands = sl_commands(&count);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < commands[i].option_count; j++) {
			char want[80];
			const char *name = commands[i].options[j].name;
			snprintf(want, sizeof(want), "%s%s%s", before, name ? name : "", after);
			cr_expect(!name || strstr(text.data, want), "%s: no '%s'", shell, want);
		}
	sl_buf_release(&text);
}

Test(completion, has_every_option)
{
	expect_names("bash", " --", " ");
	expect_names("zsh", "--", "");
	expect_names("fish", " -l ", " ");
}

Test(completion, quotes_what_a_shell_would_take)
{
	struct sl_buf text = script("zsh");
	cr_expect(strstr(text.data, "standard output if FILE is '\\''-'\\'']:FILE:_files'"));
	cr_expect(strstr(text.data, "]:USER[\\:PASSWORD]: '"));
	cr_expect(strstr(text.data, "]:PATH:_files'"));
	sl_buf_release(&text);
	text = script("fish");
	cr_expect(strstr(text.data, "standard output if FILE is \\'-\\''\n"));
	sl_buf_release(&text);
}

Test(completion, is_for_three_shells)
{
	struct sl_buf out = { 0 };
	cr_expect(!sl_completion_script(&out, "csh"));
	cr_expect(!sl_completion_script(&out, ""));
	cr_expect_eq(out.len, 0);
}
