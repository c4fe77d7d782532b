#include "sluice/cli/options.h"

#include "sluice/base/number.h"

#include <stdio.h>

#define LATER "this version does not have it"
#define ANYWAY "leave it out, it is so anyway"
#define NAME_MAX_LEN 40 /* of an option; longer words are close to none */

struct hint {
	const char *words; /* separated by spaces */
	const char *text;
};

static const struct hint get_hints[] = {
	{ "-h", "use --help" },
	{ "-V", "use 'sluice --version'; a checksum is checked with --checksum" },
	/* curl */
	{ "-L --location --location-trusted",
		"redirects are followed already; --max-redirs bounds them" },
	{ "-O --remote-name --remote-name-all",
		"files are named by their URL already; to choose the name, use -o FILE" },
	{ "-C --continue-at -c --continue --no-continue",
		"this version does not resume; a file that failed is fetched anew" },
	{ "-k", "certificates are always verified, use --cacert FILE to trust another one; "
		"segments are to come" },
	{ "--insecure --no-check-certificate --check-certificate",
		"certificates are always verified; use --cacert FILE to trust another one" },
	{ "-f --fail --fail-with-body",
		"a status that is no success is an error already; leave it out" },
	{ "--fail-early", "use --fail-fast" },
	{ "-S --show-error", "errors are shown already; leave it out" },
	{ "-s", "for silence use -q; segments are to come: one connection a file for now" },
	{ "--silent -nv --no-verbose", "use -q" },
	{ "-Z --parallel", "files are fetched in parallel already; -j sets how many" },
	{ "--parallel-max --max-concurrent-downloads", "use -j" },
	{ "--create-dirs", "the directory of -d is made already; leave it out" },
	{ "--output-dir -P --directory-prefix", "use -d" },
	{ "--max-time -m", "use --deadline" },
	{ "-# --progress-bar --show-progress --no-progress-meter --summary-interval",
		"use --progress=auto, bars, plain or none" },
	{ "-z --time-cond -N --timestamping --conditional-get",
		"--if-exists=auto skips what has the same size and time" },
	{ "--limit-rate --max-download-limit --max-overall-download-limit",
		LATER ": there is no rate limit yet" },
	{ "--retry --tries -t --max-tries --retries --retry-max-wait --retry-wait --waitretry",
		"this version does not try again, except once on a connection that was kept open" },
	{ "-r --range", "files are always fetched whole" },
	{ "-I --head -X --request --data --data-raw -F --form --upload-file",
		"only whole files are fetched, by GET" },
	{ "-T", "for a time limit use --stall-timeout; nothing is ever uploaded" },
	{ "--url", "give the URL without an option" },
	/* wget */
	{ "-nc --no-clobber", "use --if-exists=skip" },
	{ "--timeout", "use --connect-timeout, --stall-timeout or --deadline" },
	{ "--read-timeout", "use --stall-timeout" },
	{ "--max-redirect", "use --max-redirs" },
	{ "--output-document --out", "use -o" },
	{ "--ca-certificate", "use --cacert" },
	{ "--no-use-server-timestamps", "use --no-remote-time" },
	{ "-p -np -nd -nH --recursive --mirror --page-requisites --no-parent",
		"only the URLs given are fetched; list them, or give a list with -i" },
	{ "-b --background -D --daemon --enable-rpc", "it runs in the foreground only" },
	/* aria2 */
	{ "--split --segments", "one connection a file for now; -j sets the files at once" },
	{ "--max-connection-per-server", "use -x" },
	{ "--min-split-size --min-segment", "one connection a file for now" },
	{ "--allow-overwrite", "use --if-exists=replace" },
	{ "--auto-file-renaming", "use --if-exists=rename" },
	{ "--check-integrity", "use --checksum" },
	{ "--file-allocation",
		"space is allocated already where the file system can; leave it out" },
	{ "--lowest-speed-limit", "use --stall-timeout" },
	{ "--log -l --console-log-level --debug", "use -v; the log goes to standard error" },
	{ "--colour", "use --color" },
	/* ours, to come */
	{ "--base-url --content-disposition --dry-run --verify-resume --sums -H --header -A "
	  "--user-agent "
	  "--referer -u --user --netrc --netrc-file --bearer-file --auth-origin --proxy --noproxy "
	  "--all-proxy --capath "
	  "--cert --key --tls-min -4 --ipv4 -6 --ipv6 --resolve --max-rps --compressed "
	  "--decompress --scan --engine",
		LATER },
	{ NULL, NULL },
};

static const struct hint scan_hints[] = {
	{ "-h", "use --help, or --no-filename" },
	{ "-V", "use 'sluice --version'" },
	{ "--search-zip --decompress",
		"compressed input is not read by this version: 'zcat FILE | sluice scan'" },
	{ "-R --dereference-recursive",
		"directories are walked anyway; links in them are read if they lead to files, to "
		"scan a linked directory name it" },
	{ "--text --binary",
		"files that are named are read whatever they are; binary ones in directories are "
		"passed over: name the file itself" },
	{ "--recursive --no-ignore --hidden -u --unrestricted --extended-regexp --perl-regexp "
	  "--pcre2",
		ANYWAY },
	{ "-j --threads", "use --workers" },
	{ "--colour", "use --color" },
	{ "-G --basic-regexp", "patterns are Perl-compatible regular expressions" },
	{ "-s --no-messages",
		"what could not be read is always said; send standard error elsewhere" },
	{ "-v", "this version does not have --invert-match; to see what is passed over use "
		"--verbose" },
	{ "-0", "use --null" },
	{ "--invert-match -w --word-regexp -f --file -l --files-with-matches -L "
	  "--files-without-match -o "
	  "--only-matching -A --after-context -B --before-context -C --context -x --line-regexp "
	  "--level --histogram "
	  "--records --include --exclude --exclude-dir -g --glob --follow --state --since --until "
	  "--top --null-data -b "
	  "--byte-offset --line-buffered -S --smart-case -U --multiline -d -D -I",
		LATER },
	{ NULL, NULL },
};

static bool
holds_word(const char *words, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = words; *at;) {
		size_t have = strcspn(at, " ");
		if (have == len && memcmp(at, word, len) == 0)
			return true;
		at += have;
		at += strspn(at, " ");
	}
	return false;
}

/* Letters to insert, remove, change or swap with their neighbour to make one word of the other. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned rows[3][NAME_MAX_LEN + 1];
	size_t a_len = strlen(a), b_len = strlen(b);
	if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];
	for (unsigned j = 0; j <= b_len; j++)
		above[j] = before[j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		row[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			unsigned changed = above[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = SL_MIN(SL_MIN(above[j] + 1, row[j - 1] + 1), changed);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = SL_MIN(row[j], before[j - 2] + 1);
		}
		unsigned *spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[b_len];
}

/* The long name a mistyped or shortened one means most likely, or NULL. */
static const char *
closest(const struct sl_command *command, const char *name)
{
	const char *best = NULL;
	unsigned least = strlen(name) < 5 ? 2 : 3; /* differences that are too many */
	for (size_t i = 0; i < command->option_count; i++) {
		const char *known = command->options[i].name;
		if (!known || strlen(name) < 2)
			continue;
		unsigned far = strncmp(known, name, strlen(name)) == 0 ? 0 : distance(known, name);
		if (far < least) {
			least = far;
			best = known;
		}
	}
	return best;
}

struct sl_option_hint
sl_option_hint(const struct sl_command *command, const char *word)
{
	struct sl_option_hint out = { "" };
	const struct hint *hint = strcmp(command->name, "get") == 0 ? get_hints : scan_hints;
	for (; hint->words; hint++) {
		if (holds_word(hint->words, word)) {
			snprintf(out.text, sizeof(out.text), "%s", hint->text);
			return out;
		}
	}
	const char *name = strncmp(word, "--", 2) == 0 ? closest(command, word + 2) : NULL;
	if (name)
		snprintf(out.text, sizeof(out.text), "did you mean '--%s'?", name);
	return out;
}
