/*
 * origin - the test server as a program. It ends on SIGTERM or SIGINT and when its parent does.
 *
 * The ready file appears, complete, once every port listens: a line "name=number" for each, which a
 * shell can source.
 */
#include "support/origin.h"
#include "support/origin_body.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MAX_CONNECTIONS 256

static int
usage(FILE *to)
{
	fprintf(to, "origin --ready-file FILE [--dir DIR] [--log FILE] [--cert PEM --key PEM]\n"
		    "       [--tls NAME,PEM,KEY[,MAX_VERSION]]... [--unix PATH | --unix @NAME]\n"
		    "origin --gen SIZE SEED     the body of /gen/SIZE/SEED on stdout\n"
		    "origin --sum SIZE SEED     its SHA-256\n"
		    "origin --sums              the same for each line 'SIZE SEED NAME' of stdin, "
		    "for sha256sum -c\n");
	sl_origin_help(to);
	return to == stdout ? 0 : 2;
}

static int
print_body(uint64_t size, uint64_t seed)
{
	char block[64 * SL_KIB];

	for (uint64_t off = 0; off < size; off += sizeof(block)) {
		size_t len = (size_t)SL_MIN((uint64_t)sizeof(block), size - off);

		sl_origin_body_fill(seed, off, block, len);
		if (fwrite(block, 1, len, stdout) != len)
			return 1;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

static int
body_command(const char *command, const char *size_text, const char *seed_text)
{
	char sum[SL_ORIGIN_SUM_TEXT];
	uint64_t size, seed;

	if (!sl_parse_u64(size_text, strlen(size_text), &size) ||
		!sl_parse_u64(seed_text, strlen(seed_text), &seed))
		return usage(stderr);
	if (strcmp(command, "--gen") == 0)
		return print_body(size, seed);
	if (sl_origin_body_sum(seed, size, sum) < 0)
		return 1;
	puts(sum);
	return 0;
}

static int
print_sums(void)
{
	char line[4096], sum[SL_ORIGIN_SUM_TEXT];

	while (fgets(line, sizeof(line), stdin)) {
		char *rest = line;
		const char *size_text = strsep(&rest, " "), *seed_text = strsep(&rest, " ");
		uint64_t size, seed;

		if (!rest || !sl_parse_u64(size_text, strlen(size_text), &size) ||
			!sl_parse_u64(seed_text, strlen(seed_text), &seed) ||
			sl_origin_body_sum(seed, size, sum) < 0)
			return usage(stderr);
		printf("%s  %s", sum, rest);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

static void
add_port(struct sl_origin_options *options, struct sl_origin_port port)
{
	sl_assert(options->port_count < SL_ORIGIN_PORTS);
	options->ports[options->port_count++] = port;
}

/* NAME,PEM,KEY[,MAX_VERSION]; cuts `text` apart and keeps it. */
static bool
add_tls_port(struct sl_origin_options *options, char *text)
{
	char *cert = strchr(text, ','), *key = cert ? strchr(cert + 1, ',') : NULL;
	char *version = key ? strchr(key + 1, ',') : NULL;

	if (!key || options->port_count == SL_ORIGIN_PORTS)
		return false;
	*cert++ = '\0';
	*key++ = '\0';
	if (version)
		*version++ = '\0';
	add_port(options, (struct sl_origin_port){ .name = text,
				  .kind = SL_ORIGIN_HTTPS,
				  .cert = cert,
				  .key = key,
				  .max_version = version });
	return true;
}

static void
add_usual_ports(struct sl_origin_options *options, const char *cert, const char *key)
{
	add_port(options, (struct sl_origin_port){ .name = "http" });
	add_port(options, (struct sl_origin_port){ .name = "other" });
	add_port(options, (struct sl_origin_port){ .name = "http6", .v6 = true, .optional = true });
	add_port(options, (struct sl_origin_port){ .name = "closed", .kind = SL_ORIGIN_CLOSED });
	add_port(options, (struct sl_origin_port){
				  .name = "full", .kind = SL_ORIGIN_FULL, .optional = true });
	add_port(options, (struct sl_origin_port){ .name = "silent", .kind = SL_ORIGIN_SILENT });
	add_port(options, (struct sl_origin_port){ .name = "hangup", .kind = SL_ORIGIN_HANGUP });
	if (!cert || !key)
		return;
	add_port(options,
		(struct sl_origin_port){
			.name = "https", .kind = SL_ORIGIN_HTTPS, .cert = cert, .key = key });
	add_port(options,
		(struct sl_origin_port){
			.name = "https_other", .kind = SL_ORIGIN_HTTPS, .cert = cert, .key = key });
	add_port(options, (struct sl_origin_port){ .name = "https6",
				  .kind = SL_ORIGIN_HTTPS,
				  .cert = cert,
				  .key = key,
				  .v6 = true,
				  .optional = true });
}

static bool
write_ready(const struct sl_origin *origin, const char *path)
{
	size_t len = strlen(path) + 8;
	char *part = malloc(len);
	FILE *to = NULL;
	bool ok = false;

	if (part) {
		snprintf(part, len, "%s.new", path);
		to = fopen(part, "we");
	}
	if (to) {
		sl_origin_print_ports(origin, to);
		fprintf(to, "pid=%ld\n", (long)getpid());
		ok = fclose(to) == 0 && rename(part, path) == 0;
	}
	free(part);
	return ok;
}

static int
run(const struct sl_origin_options *options, const char *ready_path)
{
	struct sl_origin *origin = NULL;
	struct sl_error err = { 0 };
	sigset_t ends;
	int number;

	/* Blocked before the first thread starts, so that only sigwait() takes them. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (sl_origin_start(&origin, options, &err) < 0) {
		fprintf(stderr, "origin: %s\n", err.text);
		return 1;
	}
	if (!write_ready(origin, ready_path)) {
		fprintf(stderr, "origin: cannot write '%s'\n", ready_path);
		sl_origin_stop(origin);
		return 1;
	}
	sigwait(&ends, &number);
	sl_origin_stop(origin);
	return 0;
}

int
main(int argc, char **argv)
{
	struct sl_origin_options options = { .max_connections = MAX_CONNECTIONS };
	const char *cert = NULL, *key = NULL, *ready_path = NULL;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	if (argc == 4 && (strcmp(argv[1], "--gen") == 0 || strcmp(argv[1], "--sum") == 0))
		return body_command(argv[1], argv[2], argv[3]);
	if (argc == 2 && strcmp(argv[1], "--sums") == 0)
		return print_sums();
	for (int i = 1; i < argc; i += 2) {
		char *value = argv[i + 1];

		if (!value)
			return usage(stderr);
		if (strcmp(argv[i], "--dir") == 0)
			options.dir = value;
		else if (strcmp(argv[i], "--log") == 0)
			options.log = value;
		else if (strcmp(argv[i], "--cert") == 0)
			cert = value;
		else if (strcmp(argv[i], "--key") == 0)
			key = value;
		else if (strcmp(argv[i], "--ready-file") == 0)
			ready_path = value;
		else if (strcmp(argv[i], "--unix") == 0)
			add_port(
				&options, (struct sl_origin_port){ .name = "unix", .path = value });
		else if (strcmp(argv[i], "--tls") != 0 || !add_tls_port(&options, value))
			return usage(stderr);
	}
	if (!ready_path || options.port_count + 10 > SL_ORIGIN_PORTS)
		return usage(stderr);
	add_usual_ports(&options, cert, key);
	return run(&options, ready_path);
}
