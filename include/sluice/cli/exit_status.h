/*
 * exit_status.h - which exit status a failure gets: the table of EXIT STATUS in sluice-get(1).
 * Pure.
 */
#ifndef SLUICE_CLI_EXIT_STATUS_H
#define SLUICE_CLI_EXIT_STATUS_H

#include "sluice/base/error.h"
#include "sluice/cli/commands.h"

/* The status for a failure of `sluice get`; err->code is not 0. */
enum sl_exit sl_exit_status(const struct sl_error *err);

#endif
