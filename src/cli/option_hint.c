/*
 * option_hint.c - what to use instead of an option that is unknown here. First the options of other
 * programs (curl, wget, aria2, grep, ripgrep) are looked up in a table; then a name within two
 * edits of an own option, or one that begins an own option, is suggested.
 */
#include "sluice/cli/options.h"

#include "sluice/base/number.h"

#include <stdio.h>

#define UNSUPPORTED "not supported by this version"
#define IS_DEFAULT "not needed: this is the default"
#define NAME_MAX_LEN 40 /* of an option; for longer words none is suggested */

struct hint {
	const char *words; /* separated by spaces */
	const char *text;
};

static const struct hint get_hints[] = {
	{ "-h", "use --help" },
	{ "-V", "use 'sluice --version'; to verify a checksum use --checksum" },
	/* curl */
	{ "-L --location",
		"not needed: redirects are followed by default; --max-redirs limits them" },
	{ "--location-trusted",
		"use --auth-origin ORIGIN for an origin that may get credentials by a redirect" },
	{ "-O --remote-name --remote-name-all",
		"not needed: files are named after their URL; to choose the name, use -o FILE" },
	{ "-e --execute",
		"for the -e of curl use --referer; settings of a .wgetrc are not supported" },
	{ "-J --remote-header-name", "use --content-disposition" },
	{ "-C --continue-at",
		"not needed: incomplete files are resumed (--no-continue turns that off)" },
	{ "--no-check-certificate --check-certificate",
		"to trust another certificate use --cacert FILE; --insecure verifies none" },
	{ "-f --fail --fail-with-body",
		"not needed: an HTTP status other than success is always an error" },
	{ "--fail-early", "use --fail-fast" },
	{ "-S --show-error", "not needed: errors are always shown" },
	{ "--silent -nv --no-verbose", "use -q" },
	{ "-Z --parallel", "not needed: files are fetched in parallel; -j sets how many" },
	{ "--parallel-max --max-concurrent-downloads", "use -j" },
	{ "--create-dirs", "not needed: the directory of -d is created if it does not exist" },
	{ "--output-dir -P --directory-prefix", "use -d" },
	{ "--max-time -m", "use --deadline" },
	{ "-# --progress-bar --show-progress --no-progress-meter --summary-interval",
		"use --progress=auto, bars, plain or none" },
	{ "-z --time-cond -N --timestamping --conditional-get",
		"--if-exists=auto skips files that are complete and not older than the server's" },
	{ "--max-overall-download-limit", "use --limit-rate" },
	{ "--max-download-limit",
		"a limit for each file is not supported; --limit-rate limits the whole run" },
	{ "-Y --lowest-speed-limit", "use --speed-limit" },
	{ "-y", "use --speed-time" },
	{ "--rate -w --wait --random-wait", "to limit the rate of requests use --max-rps" },
	{ "--retry --tries -t --max-tries", "use --retries, which does not count the first "
					    "attempt" },
	{ "--retry-delay --retry-wait --waitretry",
		"waits grow with each retry; --retry-max-wait limits them" },
	{ "--retry-max-time", "use --deadline, which limits the whole run" },
	{ "--retry-connrefused --retry-all-errors --retry-on-http-error",
		"not needed: refused connections and temporary errors of servers are retried by "
		"default; --retries sets how often" },
	{ "--all-proxy --http-proxy --https-proxy --socks5 --socks5-hostname --socks4a --socks4",
		"use --proxy SCHEME://HOST:PORT, and --proxy-user USER:PASSWORD" },
	{ "--no-proxy", "use --noproxy '*', or a list of hosts" },
	{ "-r --range", "ranges are not supported: files are always fetched completely" },
	{ "-I --head -X --request --data --data-raw -F --form --upload-file",
		"only GET requests for complete files are supported" },
	{ "-T", "for a timeout use --stall-timeout; uploads are not supported" },
	{ "--spider", "use --dry-run" },
	{ "--url", "give the URL as an operand, without an option" },
	/* wget */
	{ "-B --base", "use --base-url" },
	{ "-nc --no-clobber", "use --if-exists=skip" },
	{ "--timeout", "use --connect-timeout, --stall-timeout or --deadline" },
	{ "--read-timeout", "use --stall-timeout" },
	{ "--max-redirect", "use --max-redirs" },
	{ "--output-document --out", "use -o" },
	{ "--ca-certificate", "use --cacert" },
	{ "--ca-directory", "use --capath" },
	{ "--bind-address", "use --interface" },
	{ "--inet4-only", "use --ipv4" },
	{ "--inet6-only", "use --ipv6" },
	{ "--certificate -E", "use --cert" },
	{ "--private-key", "use --key" },
	{ "--tlsv1.2 --tlsv1.3 --min-tls-version --secure-protocol", "use --tls-min=1.2 or 1.3" },
	{ "--no-http2 -0 --http1.0", "use --http1.1" },
	{ "--http2", "not needed: HTTP/2 is used with https servers that offer it" },
	{ "--http2-prior-knowledge", "HTTP/2 is supported over TLS only, where servers offer it" },
	{ "--http3 --http3-only", "HTTP/3 is not supported" },
	{ "--no-use-server-timestamps", "use --no-remote-time" },
	{ "--force-directories", "use --tree" },
	{ "-nd --no-directories --no-host-directories --cut-dirs -nH",
		"--tree creates directories for the host and the path; without it none are "
		"created, "
		"and out= of a list gives any" },
	{ "-p -np --recursive --page-requisites --no-parent",
		"links are not followed: give all URLs, or a list of them with -i" },
	{ "-b --background -D --daemon --enable-rpc",
		"running in the background is not supported (use '&' in the shell); for the -b of "
		"curl use --header 'Cookie: NAME=VALUE' or --cookie-file" },
	/* aria2 */
	{ "--split", "use -s" },
	{ "--max-connection-per-server", "use -x" },
	{ "--min-split-size", "use -k" },
	{ "--allow-overwrite", "use --if-exists=replace" },
	{ "--auto-file-renaming", "use --if-exists=rename" },
	{ "--check-integrity", "use --checksum" },
	{ "--file-allocation", "not needed: space is allocated where the file system supports it" },
	{ "--log -l --console-log-level --debug", "use -v; the log goes to standard error" },
	{ "--colour", "use --color" },
	{ "--compression --http-accept-gzip",
		"use --compressed (to store .gz, .zst, .xz and .bz2 files decompressed, use "
		"--decompress)" },
	{ "-K --conf-path", "use --config FILE" },
	{ "--disable --no-conf", "use --no-config" },
	/* names reserved for later versions */
	{ "-U", "for the -U of wget use -A, for that of curl --proxy-user USER:PASSWORD" },
	{ "--password --http-user --http-password --http-passwd",
		"use --user USER:PASSWORD, or in a list (-i) http-user=USER and "
		"http-passwd=PASSWORD below a URL" },
	{ "-n --netrc-optional --netrc-path", "use --netrc or --netrc-file FILE" },
	{ "--oauth2-bearer", "use --bearer-file FILE, so that other users cannot see the token" },
	{ "--cookie", "use --cookie-file FILE, or -H 'Cookie: NAME=VALUE'" },
	{ "--load-cookies --cookies --cookies-from-browser",
		"use --cookie-file FILE, a file in Netscape's format" },
	{ "--cookie-jar --save-cookies --keep-session-cookies --junk-session-cookies",
		"not needed: cookies are kept until the run ends, and not stored" },
	{ "--basic --anyauth --auth-no-challenge --http-auth-challenge",
		"not needed: Basic is used, or Digest if the server asks for it; --digest permits "
		"Digest only" },
	{ "--engine --tls-max --ntlm --negotiate --proxy-header --proxy-insecure --preproxy",
		UNSUPPORTED },
	{ NULL, NULL },
};

static const struct hint scan_hints[] = {
	{ "-h", "use --help, or --no-filename" },
	{ "-V", "use 'sluice --version'" },
	{ "--compression", "use --compressed" },
	{ "--search-zip --decompress",
		"compressed files are detected by their contents and decompressed" },
	{ "-R --dereference-recursive",
		"directories are searched by default, and links in them to files are followed; to "
		"scan a linked directory name it" },
	{ "--text --binary --binary-files",
		"binary files are skipped in directories but read if they are named: name the file "
		"itself" },
	{ "-u", "not needed: this is the default; the user for URLs is set by --user" },
	{ "--recursive --no-ignore --hidden --unrestricted --extended-regexp --perl-regexp "
	  "--pcre2 --case-sensitive --crlf --include-zero --no-heading",
		IS_DEFAULT },
	{ "--sort --sort-files",
		"not needed: results come in the order of the operands, and of the names in "
		"directories" },
	{ "--encoding", "not needed: UTF-16 is detected and converted" },
	{ "-j --threads", "use --workers" },
	{ "--colour", "use --color" },
	{ "-G --basic-regexp", "patterns are Perl-compatible regular expressions" },
	{ "-s --no-messages", "inputs that could not be read are always reported; redirect "
			      "standard error (2>FILE)" },
	{ "-0", "use --null" },
	{ "-y", "use -i" },
	{ "-4 -6", "for lines around error lines use -C; for URLs use --ipv4 or --ipv6" },
	{ "-1 -2 -3 -5 -7 -8 -9", "for lines around error lines use -C" },
	{ "-g --glob --iglob -t --type -T --type-not", "use --include or --exclude" },
	{ "--column --vimgrep", UNSUPPORTED "; --json with -p has the place of each match" },
	{ "--count-matches", UNSUPPORTED "; to count matches use: -o --no-filename | wc -l" },
	{ "--null-data -b "
	  "--byte-offset --line-buffered -S --smart-case -U --multiline -d -D -I --replace "
	  "--heading --passthru --trim --max-depth --max-filesize",
		UNSUPPORTED },
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

/* Edit distance (optimal string alignment): insertions, deletions, substitutions and swaps of
 * neighbouring letters. */
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

/* The long name that is closest to a mistyped or shortened one, or NULL if none is close. */
static const char *
closest(const struct sl_command *command, const char *name)
{
	const char *best = NULL;
	unsigned least = strlen(name) < 5 ? 2 : 3; /* the suggested one must be closer than this */
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
