/*
 * colour.h - whether to colour, and the colours. Pure: the environment is passed in, not read.
 */
#ifndef SLUICE_UI_COLOUR_H
#define SLUICE_UI_COLOUR_H

#include <stdbool.h>

enum sl_colour_when { SL_COLOUR_AUTO, SL_COLOUR_ALWAYS, SL_COLOUR_NEVER };

struct sl_colour_setting {
	enum sl_colour_when when; /* --color */
	const char *no_color; /* the variable NO_COLOR, NULL if it is not set; as the next three */
	const char *clicolor_force;
	const char *clicolor;
	const char *term;
	bool is_terminal; /* of the stream that would be coloured */
};

/*
 * --color=always and =never decide. Else the first of these that holds: NO_COLOR is not empty: no;
 * CLICOLOR_FORCE is set, not empty and not "0": yes; CLICOLOR is "0": no; TERM is "dumb", empty or
 * not set: no; else whether it is a terminal.
 */
bool sl_colour_is_wanted(const struct sl_colour_setting *setting);

enum sl_colour {
	SL_COLOUR_RESET,
	SL_COLOUR_BOLD,
	SL_COLOUR_DIM,
	SL_COLOUR_GOOD,  /* what is done: green */
	SL_COLOUR_BAD,   /* what failed: red */
	SL_COLOUR_WARN,  /* yellow */
	SL_COLOUR_BAR,   /* the filled part of a bar: cyan */
	SL_COLOUR_MATCH, /* grep's mt, 01;31 */
	SL_COLOUR_FILE,  /* grep's fn, 35 */
	SL_COLOUR_LINE,  /* grep's ln, 32 */
};

/* The control sequence, or "" if `wanted` is false, so that callers need no branches. Static
 * storage. */
const char *sl_colour_code(bool wanted, enum sl_colour colour);

#endif
