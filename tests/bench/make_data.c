/*
 * make_data.c - writes the data that is measured with; the same arguments give the same bytes.
 *
 *	make_data logs FILE BYTES SEED         lines of a server's log, 2 % of them with ERROR or
 *	                                       error
 *	make_data blob FILE BYTES SEED         bytes that do not compress
 *	make_data small DIRECTORY COUNT SEED   blobs of 20 to 60 kB called f0000, f0001...
 *
 * `logs` prints "LINES ERROR_LINES", what a scan of the file must find.
 */
#include "sluice/base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_MIN 20000
#define SMALL_MAX 60000
#define BLOCK (1024 * 1024)
#define LINE_MAX_BYTES 512 /* longer than any line written here */

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

struct counts {
	uint64_t lines, errors;
};

static void
add(struct line *line, const char *text)
{
	size_t len = strlen(text);
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

/* At least `width` digits. */
static void
add_number(struct line *line, uint64_t value, size_t width)
{
	char digits[20];
	size_t count = 0;
	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0 || count < width);
	while (count > 0)
		line->text[line->len++] = digits[--count];
}

#define PICK(random, array) (array)[sl_random_below(random, SL_COUNT_OF(array))]

static void
add_time(struct line *line, uint64_t ms)
{
	uint64_t seconds = ms / 1000;
	add(line, "2026-11-");
	add_number(line, 1 + seconds / 86400 % 30, 2);
	add(line, "T");
	add_number(line, seconds / 3600 % 24, 2);
	add(line, ":");
	add_number(line, seconds / 60 % 60, 2);
	add(line, ":");
	add_number(line, seconds % 60, 2);
	add(line, ".");
	add_number(line, ms % 1000, 3);
	add(line, "Z ");
}

static void
add_source(struct line *line, struct sl_random *random)
{
	static const char *const sources[] = { "store.Compactor", "http.Listener", "auth.Session",
		"queue.Consumer", "rpc.Dispatcher", "cache.Evictor", "raft.Follower",
		"disk.Allocator" };
	add(line, "[worker-");
	add_number(line, sl_random_below(random, 64), 1);
	add(line, "] ");
	add(line, PICK(random, sources));
	add(line, ": ");
}

static void
add_message(struct line *line, struct sl_random *random)
{
	static const char *const verbs[] = { "finished compaction of segment",
		"accepted connection", "renewed lease", "committed batch", "flushed",
		"evicted entry", "served request", "replicated entry" };
	add(line, PICK(random, verbs));
	add(line, " ");
	add_number(line, sl_random_below(random, 100000000), 1);
	add(line, " in ");
	add_number(line, sl_random_below(random, 2000), 1);
	add(line, " ms, peer 10.0.");
	add_number(line, sl_random_below(random, 256), 1);
	add(line, ".");
	add_number(line, sl_random_below(random, 256), 1);
}

static void
make_line(struct line *line, struct sl_random *random, uint64_t *ms, struct counts *counts)
{
	static const char *const levels[] = { "INFO  ", "INFO  ", "INFO  ", "DEBUG ", "WARN  " };
	static const char *const causes[] = { ", connection refused", ", timed out",
		", no space left", ", checksum mismatch" };
	uint64_t chance = sl_random_below(random, 100);
	line->len = 0;
	*ms += sl_random_below(random, 40);
	add_time(line, *ms);
	add(line, chance == 0 ? "ERROR " : PICK(random, levels));
	add_source(line, random);
	add_message(line, random);
	if (chance <= 1)
		add(line, PICK(random, causes));
	if (chance == 1)
		add(line, ": error 111");
	if (chance == 2)
		add(line, ", Errors so far 0"); /* a near miss: no error line */
	add(line, "\n");
	counts->lines++;
	counts->errors += chance <= 1;
}

static int
make_logs(FILE *out, uint64_t bytes, uint64_t seed)
{
	struct sl_random random;
	struct counts counts = { 0 };
	struct line line;
	uint64_t ms = seed * 3600 * 1000;
	sl_random_init(&random, seed);
	for (uint64_t done = 0; done < bytes; done += line.len) {
		make_line(&line, &random, &ms, &counts);
		if (fwrite(line.text, 1, line.len, out) != line.len)
			return -1;
	}
	printf("%llu %llu\n", (unsigned long long)counts.lines, (unsigned long long)counts.errors);
	return 0;
}

static int
make_blob(FILE *out, uint64_t bytes, uint64_t seed)
{
	static uint64_t block[BLOCK / sizeof(uint64_t)];
	struct sl_random random;
	sl_random_init(&random, seed);
	while (bytes > 0) {
		size_t len = (size_t)SL_MIN(bytes, (uint64_t)BLOCK);
		for (size_t i = 0; i < SL_COUNT_OF(block); i++)
			block[i] = sl_random_next(&random);
		if (fwrite(block, 1, len, out) != len)
			return -1;
		bytes -= len;
	}
	return 0;
}

typedef int maker(FILE *out, uint64_t bytes, uint64_t seed);

static int
write_file(const char *path, maker *make, uint64_t bytes, uint64_t seed)
{
	FILE *out = fopen(path, "w");
	if (out)
		setvbuf(out, NULL, _IOFBF, BLOCK); /* large writes make large pages in the cache */
	int result = out ? make(out, bytes, seed) : -1;
	if (out && fclose(out) != 0)
		result = -1;
	if (result != 0)
		fprintf(stderr, "make_data: cannot write '%s': %s\n", path, strerror(errno));
	return result;
}

static int
make_small(const char *directory, uint64_t count, uint64_t seed)
{
	struct sl_random random;
	sl_random_init(&random, seed);
	for (uint64_t i = 0; i < count; i++) {
		char path[4096];
		uint64_t bytes = SMALL_MIN + sl_random_below(&random, SMALL_MAX - SMALL_MIN + 1);
		snprintf(path, sizeof(path), "%s/f%04u", directory, (unsigned)i);
		if (write_file(path, make_blob, bytes, sl_random_next(&random)) != 0)
			return -1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: make_data logs|blob|small PATH BYTES|COUNT SEED\n");
		return 2;
	}
	const char *what = argv[1], *path = argv[2];
	uint64_t amount = strtoull(argv[3], NULL, 10), seed = strtoull(argv[4], NULL, 10);
	int result = -1;
	if (strcmp(what, "logs") == 0)
		result = write_file(path, make_logs, amount, seed);
	else if (strcmp(what, "blob") == 0)
		result = write_file(path, make_blob, amount, seed);
	else if (strcmp(what, "small") == 0)
		result = make_small(path, amount, seed);
	return result == 0 ? 0 : 1;
}
