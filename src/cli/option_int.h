/*
 * option_int.h - what the files share that parse command lines: option_value.c sets the field of an
 * option, option_parser.c goes through the words, option_config.c through the items of a
 * configuration file; get_options.c and scan_options.c have the defaults of their command and what
 * may be combined, network_options.c those of the options that both have.
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
	const struct sl_config *config; /* NULL = none */
	/* Only options about the configuration file are heeded, which goes to `choice`; else
	 * these are not. */
	bool is_choosing;
	struct sl_config_choice choice;
	bool is_hiding; /* values are only hidden, see option_hide_value; argv is writable */
};

#define option_usage(parser, ...) sl_fail((parser)->err, SL_PHASE_NONE, SL_E_USAGE, __VA_ARGS__)

/* Set the field of `option`, which messages call `name`, by `value`. 0; SL_E_USAGE; -ENOMEM. */
int option_set_value(struct option_parser *parser, const struct sl_option *option, const char *name,
	const char *value);

/* Overwrite in place what ps(1) is not to show of the value of an option, or of an operand (NULL).
 */
void option_hide_value(const struct sl_option *option, const char *word);

/* Append a word. The array has room for as many as command line and configuration file have. 0;
 * -ENOMEM. */
int option_add_word(struct option_parser *parser, struct sl_words *words, const char *word);

void option_release_rules(struct sl_option_rules *rules);

/* The value of option `name` is sent as the header field `field`; NULL = not given. 0;
 * SL_E_USAGE. */
int option_check_field(
	struct option_parser *parser, const char *name, const char *field, const char *value);

/* An option that takes no value. 0; SL_OPTIONS_HELP. */
int option_apply_flag(struct option_parser *parser, const struct sl_option *option);

/* An option as messages show it: "'-j' (--jobs)", "'--json'". */
struct option_name {
	char text[64];
};
struct option_name option_name(const struct sl_option *option, bool by_letter);

/* Set what the configuration file has for this command, if there is one; before option_parse, so
 * that the command line has the last word. 0; SL_E_USAGE; -ENOMEM. */
int option_apply_config(struct option_parser *parser);

/* Parse the whole command line. As sl_get_options_parse; what the options are together is for the
 * caller to check. */
int option_parse(struct option_parser *parser, struct sl_words *operands);

/* The options of the network: their defaults, and the rules for each and for several together. The
 * check returns 0; SL_E_USAGE; -ENOMEM. */
void option_init_network(struct sl_network_options *options);
int option_check_network(struct option_parser *parser, struct sl_network_options *options);
void option_release_network(struct sl_network_options *options);

/* Of these: what is given for --user and the like. 0; SL_E_USAGE. */
int option_check_auth(struct option_parser *parser, const struct sl_auth_options *auth);
/* The options of TLS. 0; SL_E_USAGE. */
int option_check_tls(struct option_parser *parser, const struct sl_tls_options *tls);
/* How hosts are reached. 0; SL_E_USAGE; -ENOMEM. */
int option_check_connect(struct option_parser *parser, struct sl_connect_options *options);
void option_release_connect(struct sl_connect_options *options);

/* The defaults of a scan. */
void option_init_scan(struct sl_scan_options *options);

#endif
