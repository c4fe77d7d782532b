#include "sluice/cli/commands.h"

#include "sluice/base/log.h"

int
sl_cmd_scan(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	sl_log_error("scan is not part of this build");
	return SL_EXIT_SCAN_TROUBLE;
}
