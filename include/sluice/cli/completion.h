/*
 * completion.h - scripts with which shells complete the words of a command line, made from the
 * option tables.
 */
#ifndef SLUICE_CLI_COMPLETION_H
#define SLUICE_CLI_COMPLETION_H

#include "sluice/base/bytes.h"

#include <stdbool.h>

/* Append the script for "bash", "zsh" or "fish". False for another shell: nothing is appended. */
bool sl_completion_script(struct sl_buf *out, const char *shell) SL_MUST_CHECK;

#endif
