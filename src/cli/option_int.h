/*
 * option_int.h - what the files share that parse command lines: option_value.c sets the field of an
 * option, option_parser.c goes through the words, get_options.c and scan_options.c know the
 * defaults of their command and what may be combined.
 */
#ifndef SLUICE_CLI_OPTION_INT_H
#define SLUICE_CLI_OPTION_INT_H

#include "sluice/cli/options.h"

struct option_parser {
	const struct sl_command *command;
	void *result;
	int argc, next; /* next: index in argv of the next word to parse */
	char **argv;
	struct sl_error *err;
};

#define option_usage(parser, ...) sl_fail((parser)->err, SL_PHASE_NONE, SL_E_USAGE, __VA_ARGS__)

/* Set the field of `option`, which messages call `name`, by `value`. 0; SL_E_USAGE; -ENOMEM. */
int option_set_value(struct option_parser *parser, const struct sl_option *option, const char *name,
	const char *value);

/* Append a word. The array has room for as many as the command line has. 0; -ENOMEM. */
int option_add_word(struct option_parser *parser, struct sl_words *words, const char *word);

void option_release_rules(struct sl_option_rules *rules);

/* Parse the whole command line. As sl_get_options_parse; what the options are together is for the
 * caller to check. */
int option_parse(struct option_parser *parser, struct sl_words *operands);

/* Rules for the options of TLS together. 0; SL_E_USAGE. */
int option_check_tls(struct option_parser *parser, const struct sl_tls_options *tls);

/* The defaults of a scan. */
void option_init_scan(struct sl_scan_options *options);

#endif
