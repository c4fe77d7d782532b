/*
 * password.h - asks for a password on the terminal.
 */
#ifndef SLUICE_CLI_PASSWORD_H
#define SLUICE_CLI_PASSWORD_H

#include "sluice/base/error.h"

#define SL_PASSWORD_MAX 1023u /* bytes */

/*
 * Show "Password for USER: " on the terminal of the process, whatever standard input is, and read a
 * line without echo. A signal that ends the process does so after the echo is on again. Returns 0
 * and a string on the heap, to be wiped; SL_E_USAGE if there is no terminal, or no line of at most
 * SL_PASSWORD_MAX bytes; -ENOMEM.
 */
int sl_password_ask(const char *user, char **out, struct sl_error *err) SL_MUST_CHECK;

#endif
