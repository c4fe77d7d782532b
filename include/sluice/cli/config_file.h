/*
 * config_file.h - finds and reads the configuration file of the user. Outside any runtime, by
 * blocking calls.
 *
 * The default file is read without being asked for, so it must be a regular file that belongs to
 * the user or root and that others may not write, as ssh demands of its own. A file named by
 * --config may be any that can be read, such as a FIFO.
 */
#ifndef SLUICE_CLI_CONFIG_FILE_H
#define SLUICE_CLI_CONFIG_FILE_H

#include "sluice/cli/config.h"

/* How long the writer of a FIFO is waited for. */
#define SL_CONFIG_WAIT_NS (60 * SL_NS_PER_S)

/* What the command line says about the file. */
struct sl_config_choice {
	const char *path; /* of --config; NULL = the default one */
	bool is_off;      /* --no-config */
	uint64_t wait_ns; /* 0 = SL_CONFIG_WAIT_NS */
};

/* As getenv. */
typedef char *sl_config_env(const char *name);

/* Append the path of the default file: sluice/config in $XDG_CONFIG_HOME if that is an absolute
 * path, else in $HOME/.config. Nothing if HOME is not set either. */
void sl_config_default_path(struct sl_buf *out, sl_config_env *env);

/*
 * Read the file that was chosen to *out. That the default one does not exist, or is in a directory
 * that may not be searched, is no failure: *out has no items then. Returns 0; SL_E_USAGE with
 * what to do in *err; -ENOMEM. Release *out in any case.
 */
int sl_config_read(struct sl_config *out, const struct sl_config_choice *choice, sl_config_env *env,
	struct sl_error *err) SL_MUST_CHECK;

#endif
