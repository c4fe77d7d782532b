#include "sluice/ui/colour.h"

#include <string.h>

static bool
is_set(const char *value)
{
	return value && *value;
}

bool
sl_colour_is_wanted(const struct sl_colour_setting *setting)
{
	if (setting->when != SL_COLOUR_AUTO)
		return setting->when == SL_COLOUR_ALWAYS;
	if (is_set(setting->no_color))
		return false;
	if (is_set(setting->clicolor_force) && strcmp(setting->clicolor_force, "0") != 0)
		return true;
	if (setting->clicolor && strcmp(setting->clicolor, "0") == 0)
		return false;
	if (!is_set(setting->term) || strcmp(setting->term, "dumb") == 0)
		return false;
	return setting->is_terminal;
}

const char *
sl_colour_code(bool wanted, enum sl_colour colour)
{
	if (!wanted)
		return "";
	switch (colour) {
	case SL_COLOUR_RESET:
		return "\033[0m";
	case SL_COLOUR_BOLD:
		return "\033[1m";
	case SL_COLOUR_DIM:
		return "\033[2m";
	case SL_COLOUR_GOOD:
	case SL_COLOUR_LINE:
		return "\033[32m";
	case SL_COLOUR_BAD:
		return "\033[31m";
	case SL_COLOUR_WARN:
		return "\033[33m";
	case SL_COLOUR_BAR:
		return "\033[36m";
	case SL_COLOUR_MATCH:
		return "\033[1;31m";
	case SL_COLOUR_FILE:
		return "\033[35m";
	}
	return "";
}
