/*
 * options.h - the command line: one table of options for each command, from which parsing, --help,
 * the check of the man pages and the completions are made.
 *
 * Parsing follows GNU's getopt_long with three departures: long names are not abbreviated (an
 * abbreviation that works today breaks when an option is added), options of curl, wget and aria2
 * that have another name here are explained in the message, and of an option given twice the last
 * one counts unless the table makes it repeatable.
 *
 * Options of the configuration file count as if they stood before those of the command line.
 *
 * Results point into argv and the configuration, and own only the arrays of `struct sl_words`.
 */
#ifndef SLUICE_CLI_OPTIONS_H
#define SLUICE_CLI_OPTIONS_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/cli/config_file.h"
#include "sluice/cli/network_options.h"
#include "sluice/download/batch.h"
#include "sluice/logline/level.h"
#include "sluice/scan/walk.h"
#include "sluice/ui/colour.h"

#include <stdbool.h>

/* ---- limits and defaults; the man pages name them ---- */

#define SL_OPTION_JOBS 16u
#define SL_OPTION_JOBS_MAX 512u
#define SL_OPTION_PER_HOST 16u
#define SL_OPTION_PER_HOST_MAX 256u
#define SL_OPTION_SEGMENTS 8u
#define SL_OPTION_SEGMENTS_MAX 64u
#define SL_OPTION_MIN_SEGMENT ((uint64_t)16 * SL_MIB)
#define SL_OPTION_RPS_MAX 1000000ull
#define SL_OPTION_MEMORY (64 * SL_MIB)
#define SL_OPTION_MEMORY_MIN (8 * SL_MIB)
#define SL_OPTION_MEMORY_MAX (1024 * SL_GIB)
#define SL_OPTION_WORKERS_MAX 256u
#define SL_OPTION_CHUNK SL_MIB
#define SL_OPTION_CHUNK_MIN (64 * SL_KIB)
#define SL_OPTION_CHUNK_MAX (64 * SL_MIB)
#define SL_OPTION_QUEUE 16u
#define SL_OPTION_QUEUE_MAX 4096u
#define SL_OPTION_TOP 10u /* kinds of error lines on a terminal */
#define SL_OPTION_TOP_MAX 10000u
#define SL_OPTION_TOP_AUTO UINT32_MAX /* SL_OPTION_TOP if the table is for a terminal, else none */

/* ---- what the choices mean ---- */

enum sl_option_progress {
	SL_OPTION_PROGRESS_AUTO, /* bars if stderr is a terminal, else plain; none for scan */
	SL_OPTION_PROGRESS_BARS,
	SL_OPTION_PROGRESS_PLAIN, /* a line each interval */
	SL_OPTION_PROGRESS_NONE,
};

/* Rules of names in directories, in order; array and globs are on the heap. */
struct sl_option_rules {
	struct sl_walk_rule *items;
	size_t count;
};

/* ---- results ---- */

struct sl_scan_options {
	struct sl_words inputs;   /* may be empty: stdin, if it is not a terminal */
	struct sl_words patterns; /* -e; if there are no files either: lines with ERROR or error */
	struct sl_words pattern_files; /* -f; "-" = stdin, once, and then not among the inputs */
	bool fixed_strings;
	bool ignore_case;
	bool word_regexp;
	bool line_regexp; /* then word_regexp is not used */
	bool invert_match;
	const char *level_name; /* as typed; NULL = none */
	enum sl_level level;    /* instead of patterns; NONE = patterns */
	bool records;           /* are selected and counted, not lines; not with by_pattern */

	const char *since, *until; /* as typed; NULL = not given */
	uint64_t sorted_slack_ns;  /* of files that are sorted by time; only with one of them, and
				      not with state or follow; SL_OPTION_NOT_SORTED */

	bool is_of_get; /* those of `sluice get --scan`: only their long names are options there */

	bool print;         /* never with count, quiet or a list of names */
	bool only_matching; /* implies print, unless json */
	bool files_with_matches, files_without_match; /* not both; neither with json */
	bool by_pattern; /* not with invert_match; without json only with the table */
	bool count;
	bool quiet;
	bool line_number;    /* implies print, unless json */
	bool no_line_number; /* excludes line_number, the later option wins; as the next two */
	bool with_filename;
	bool no_filename;
	bool null_names; /* a NUL after names, not a colon */
	/* Lines printed around each error line; SL_OPTION_NO_CONTEXT = not given, so that groups of
	 * lines are not separated. Any of them implies print, unless json. */
	uint64_t before, after, context;
	uint64_t
		max_columns; /* bytes of a line that are printed; 0 = all; SL_OPTION_AUTO_COLUMNS */
	uint64_t max_count;  /* error lines after which an input ends; UINT64_MAX = no limit */
	const char *histogram;         /* as typed, or "auto"; NULL = none; not with print, count,
					  quiet or a list of names */
	uint64_t histogram_interval_s; /* 0 = auto */
	const char *digest_out;        /* file, or NULL; as the next one */
	const char *digest_base;
	unsigned top; /* kinds of error lines that are shown; SL_OPTION_TOP_AUTO */
	bool json;
	bool verbose;
	bool stats;
	enum sl_colour_when colour;
	enum sl_option_progress progress;

	bool no_follow;
	struct sl_option_rules rules; /* of names in directories, in the order given */
	const char *state;            /* file, or NULL */
	bool follow;                  /* implies print, unless json; only with named inputs */

	struct sl_network_options network; /* of inputs that are URLs */
	uint64_t deadline_ns;              /* of the run; SL_FOREVER = none */
	bool compressed;

	unsigned workers; /* 0 = one for each CPU */
	uint64_t chunk;   /* bytes; a multiple of 4096 */
	unsigned queue;   /* chunks */
	uint64_t max_memory;
	enum sl_io_mode io;
};

#define SL_OPTION_NOT_SORTED UINT64_MAX
#define SL_OPTION_NO_CONTEXT UINT64_MAX
#define SL_OPTION_AUTO_COLUMNS UINT64_MAX /* a number for a terminal, all elsewhere */

/* Lines around error lines are printed, if any are. */
bool sl_scan_has_context(const struct sl_scan_options *options);

struct sl_get_options {
	struct sl_words urls;    /* may be empty if there are lists */
	struct sl_words mirrors; /* other sources of the only URL */
	struct sl_words lists;   /* paths, URLs, or once "-" = stdin */
	const char *base_url;    /* NULL = that of the list */
	const char *shard;       /* NULL = all inputs; see shard.h */
	const char *output;      /* NULL = named after the URL, "-" = stdout; only with one URL */
	const char *dir;         /* never NULL */
	bool tree;               /* only without output, as the next */
	bool content_disposition;
	enum sl_if_exists if_exists;
	bool dry_run;
	bool compressed;
	bool decompress;

	unsigned jobs;
	unsigned connections_per_host;
	unsigned segments;
	uint64_t min_segment; /* bytes */
	bool fail_fast;

	struct sl_checksum checksum; /* only with one URL */
	const char *sums;            /* as one of `lists`; NULL = none */
	enum sl_sync_mode sync;
	bool resume, verify_resume;
	bool keep_journal, adopt, append; /* only with resume; not both of the last */
	bool remote_time;

	bool scan; /* what is stored is scanned */
	/* Of these only patterns, fixed_strings, ignore_case and print are options of get; the
	 * rest is set to go with it. */
	struct sl_scan_options scanning;

	struct sl_network_options network;
	uint64_t deadline_ns; /* from the start of the run; SL_FOREVER = none */
	bool allow_outside;
	uint64_t limit_rate;    /* bytes a second; 0 = no limit */
	uint64_t max_rps_milli; /* thousandths of a request a second to each host; 0 = no limit */

	enum sl_option_progress progress;
	enum sl_colour_when colour;
	bool json;
	bool stats;
	bool quiet;
	unsigned verbose; /* how often -v was given */

	uint64_t max_memory; /* bytes */
	enum sl_io_mode io;
	unsigned workers; /* 0 = one for each CPU */
};

#define SL_OPTIONS_HELP 1

/*
 * Which configuration file the command line of `command` chooses; argv as below. Returns 0;
 * SL_OPTIONS_HELP; SL_E_USAGE if words of argv are not options of the command.
 */
int sl_options_choose_config(struct sl_config_choice *out, const char *command, int argc,
	char **argv, struct sl_error *err) SL_MUST_CHECK;

/* Overwrite in argv, as below, what other users are not to see in ps(1): see cli/arguments.h. A
 * command that does not exist has no such words. */
void sl_options_hide(const char *command, int argc, char **argv);

/*
 * Parse argv[1..argc) of `sluice get` (argv[0] is the command's own word), after what the
 * configuration has for it (NULL = none), which must outlive *out. Returns 0;
 * SL_OPTIONS_HELP as soon as --help is met; SL_E_USAGE with what is wrong and what to do in *err;
 * -ENOMEM. *out is set whatever is returned, and released with sl_get_options_release.
 */
int sl_get_options_parse(struct sl_get_options *out, const struct sl_config *config, int argc,
	char **argv, struct sl_error *err) SL_MUST_CHECK;
void sl_get_options_release(struct sl_get_options *options);

/* The same for `sluice scan`. */
int sl_scan_options_parse(struct sl_scan_options *out, const struct sl_config *config, int argc,
	char **argv, struct sl_error *err) SL_MUST_CHECK;
void sl_scan_options_release(struct sl_scan_options *options);

/* True if the single URL is written to standard output. */
bool sl_get_is_to_stdout(const struct sl_get_options *options);

/* ---- the tables themselves, for --help, the documents' check and completions ---- */

enum sl_option_kind {
	SL_OPTION_FLAG,     /* bool: true */
	SL_OPTION_UNFLAG,   /* bool: false */
	SL_OPTION_TALLY,    /* unsigned: one more */
	SL_OPTION_WORD,     /* const char *, not empty */
	SL_OPTION_TEXT,     /* const char * */
	SL_OPTION_WORDS,    /* struct sl_words: one more */
	SL_OPTION_HEADERS,  /* the same, of header fields */
	SL_OPTION_UNSIGNED, /* unsigned in [min, max] */
	SL_OPTION_NUMBER,   /* uint64_t in [min, max] */
	SL_OPTION_SIZE,     /* uint64_t bytes in [min, max] */
	SL_OPTION_DURATION, /* uint64_t nanoseconds in [min, max] */
	SL_OPTION_MILLI,    /* uint64_t thousandths in [min, max] */
	SL_OPTION_CHOICE,   /* an enum whose values number the words of `choices` from 0 */
	SL_OPTION_CHECKSUM, /* struct sl_checksum */
	SL_OPTION_RULE,     /* struct sl_option_rules: one more, of the kind `min` */
	SL_OPTION_IGNORED,  /* accepted, does nothing */
	SL_OPTION_SHOW_HELP,
	SL_OPTION_CONFIG_FILE, /* no field: see sl_options_choose_config, as for the next */
	SL_OPTION_NO_CONFIG,
};

/* One line of a table. */
struct sl_option {
	const char *name;     /* long name without dashes, or NULL */
	const char *argument; /* its name in help ("FILE"), or NULL if it takes none */
	const char *help;     /* whole sentences; the man page holds the same words */
	const char *omitted;  /* the value if none follows after '=', for an argument that may be
				 omitted, else NULL; only with a long name */
	const char *standard; /* default as shown, or NULL if there is nothing to show */
	const char *group;    /* heading; options of a group stand together */
	enum sl_option_kind kind;
	char letter;      /* or 0 */
	char secret_mark; /* with this character in it the value has a password; 0 = none has */
	size_t offset;    /* of the field in the result */
	size_t clears;    /* of a bool that becomes false when this flag is set; 0 = none */
	uint64_t min, max;
	const char *const *choices; /* ends with NULL; of a word those that are completed */
	const char *elsewhere;      /* what the letter means in other programs, for a number that is
				       none; or NULL */
};

struct sl_command {
	const char *name;     /* "get" */
	const char *operands; /* "URL..." */
	const char *summary;  /* one sentence for the list of commands */
	const char *about;    /* a paragraph for its own help */
	bool takes_files;     /* operands may be files */
	const struct sl_option *options;
	size_t option_count;
};

/* Every command, in the order of the list; static storage. */
const struct sl_command *sl_commands(size_t *count);

/* The command of that name, or NULL. */
const struct sl_command *sl_command_find(const char *name);

/* Append the text of `sluice NAME --help`, no line wider than 80 columns. */
void sl_command_help(const struct sl_command *command, struct sl_buf *out);

/* Append the text of `sluice --help`. */
void sl_command_list(struct sl_buf *out);

/*
 * What to do instead of an option that this command does not have: for options of curl, wget, aria2
 * and grep, for those reserved for later versions, else for names close to a supported one. `word`
 * is as typed, with its dashes and without its value. text is "" if there is no hint.
 */
struct sl_option_hint {
	char text[160];
};
struct sl_option_hint sl_option_hint(const struct sl_command *command, const char *word);

#endif
