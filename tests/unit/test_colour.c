#include "sluice/ui/colour.h"

#include "sluice/base/def.h"

#include <criterion/criterion.h>

#define TTY .is_terminal = true, .term = "xterm"

Test(colour, follows_the_order_of_option_then_variables_then_terminal)
{
	static const struct {
		struct sl_colour_setting setting;
		bool want;
		const char *why;
	} cases[] = {
		{ { TTY }, true, "a terminal" },
		{ { .term = "xterm" }, false, "a pipe" },
		{ { .is_terminal = true }, false, "TERM is not set" },
		{ { .is_terminal = true, .term = "" }, false, "TERM is empty" },
		{ { .is_terminal = true, .term = "dumb" }, false, "TERM=dumb" },
		{ { TTY, .when = SL_COLOUR_NEVER }, false, "--color=never" },
		{ { .when = SL_COLOUR_ALWAYS }, true, "--color=always on a pipe" },
		{ { .when = SL_COLOUR_ALWAYS, .no_color = "1", .term = "dumb" }, true,
			"--color=always beats NO_COLOR and TERM" },
		{ { .when = SL_COLOUR_NEVER, .clicolor_force = "1" }, false,
			"--color=never beats CLICOLOR_FORCE" },
		{ { TTY, .no_color = "1" }, false, "NO_COLOR" },
		{ { TTY, .no_color = "0" }, false, "NO_COLOR, whatever its value" },
		{ { TTY, .no_color = "" }, true, "an empty NO_COLOR does not count" },
		{ { TTY, .no_color = "1", .clicolor_force = "1" }, false,
			"NO_COLOR beats CLICOLOR_FORCE" },
		{ { .clicolor_force = "1" }, true, "CLICOLOR_FORCE on a pipe" },
		{ { .clicolor_force = "1", .term = "dumb" }, true, "CLICOLOR_FORCE beats TERM" },
		{ { .clicolor_force = "1", .clicolor = "0" }, true,
			"CLICOLOR_FORCE beats CLICOLOR=0" },
		{ { .clicolor_force = "0" }, false, "CLICOLOR_FORCE=0 forces nothing" },
		{ { .clicolor_force = "" }, false, "an empty CLICOLOR_FORCE forces nothing" },
		{ { TTY, .clicolor = "0" }, false, "CLICOLOR=0" },
		{ { TTY, .clicolor = "1" }, true, "CLICOLOR=1" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		cr_expect_eq(
			sl_colour_is_wanted(&cases[i].setting), cases[i].want, "%s", cases[i].why);
}

Test(colour, codes_are_empty_when_colour_is_not_wanted)
{
	cr_expect_str_eq(sl_colour_code(false, SL_COLOUR_BAD), "");
	cr_expect_str_eq(sl_colour_code(true, SL_COLOUR_BAD), "\033[31m");
	cr_expect_str_eq(sl_colour_code(true, SL_COLOUR_RESET), "\033[0m");
}
