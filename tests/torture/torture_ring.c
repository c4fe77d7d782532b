/*
 * torture_ring [ROUNDS [SEED]] - the real ring under cancellation: streams whose every byte is
 * accounted for, files that are written, read back, renamed and removed, all interrupted at random.
 * A round is a second or less.
 */
#include "support/run.h"
#include "support/torture.h"

#include "sluice/base/random.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/task.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAMS 20
#define FILES 20
#define STREAM_BYTES (256 * 1024)
#define FILE_BYTES (64 * 1024)

struct stream {
	int fds[2];
	uint64_t sent, received;
	struct sl_random random;
	bool whole; /* receive with MSG_WAITALL */
};

struct file {
	char name[32];
	struct sl_random random;
	int dir;
};

struct round {
	struct sl_random random;
	struct stream streams[STREAMS];
	struct file files[FILES];
	int dir;
};

static char
byte_at(uint64_t off)
{
	return (char)(off * 131 >> 3);
}

/* Mostly too short for anything to happen. */
static uint64_t
hasty(struct sl_random *random)
{
	return sl_deadline_in(
		sl_random_below(random, sl_random_below(random, 4) ? 30000 : 2000000));
}

/* ---- streams: what send accepted is what receive gets ---- */

static int
feed(void *arg)
{
	struct stream *stream = arg;
	char data[5000];
	while (stream->sent < STREAM_BYTES) {
		size_t n = 1 + (size_t)sl_random_below(&stream->random, sizeof(data));
		n = (size_t)SL_MIN(n, STREAM_BYTES - stream->sent);
		for (size_t i = 0; i < n; i++)
			data[i] = byte_at(stream->sent + i);
		int code = sl_io_send(stream->fds[0], data, n, 0, hasty(&stream->random));
		if (code > 0)
			stream->sent += (uint64_t)code;
		else if (code != -ETIMEDOUT)
			return code;
	}
	return 0;
}

static int
drink(void *arg)
{
	struct stream *stream = arg;
	char data[9000];
	while (stream->received < STREAM_BYTES) {
		size_t n = 1 + (size_t)sl_random_below(&stream->random, sizeof(data));
		int flags = stream->whole ? MSG_WAITALL : 0;
		int code = sl_io_recv(stream->fds[1], data, n, flags, hasty(&stream->random));
		for (int i = 0; i < code; i++)
			require(data[i] == byte_at(stream->received + (uint64_t)i),
				"a byte was lost or doubled");
		if (code > 0)
			stream->received += (uint64_t)code;
		else if (code != -ETIMEDOUT)
			return code;
	}
	return 0;
}

/* ---- files ---- */

static int
write_and_read(struct file *file, int fd)
{
	static char data[FILE_BYTES]; /* the same in all tasks, only read */
	char back[4096];
	for (size_t i = 0; data[1] == 0 && i < sizeof(data); i++)
		data[i] = byte_at(i);
	uint64_t off = sl_random_below(&file->random, 1000) * 512;
	int code = sl_io_write_all(fd, data, sizeof(data), off);
	for (uint64_t done = 0; code == 0 && done < sizeof(data);) {
		int n = sl_io_read(fd, back, sizeof(back), off + done, 0);
		if (n < 0)
			return n;
		require(n > 0 && memcmp(back, data + done, (size_t)n) == 0,
			"a file holds other bytes");
		done += (uint64_t)n;
	}
	return code;
}

static int
work_on_file(struct file *file, const char *part)
{
	struct statx st;
	int fd = sl_io_open(file->dir, part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, 0);
	if (fd < 0)
		return fd;
	int code = sl_io_lock(fd);
	if (code == 0)
		code = sl_io_allocate(fd, 0, FILE_BYTES);
	if (code == 0)
		code = write_and_read(file, fd);
	if (code == 0)
		code = sl_io_sync(fd, SL_SYNC_DATA);
	if (code == 0)
		code = sl_io_truncate(fd, 100);
	if (code == 0)
		code = sl_io_stat(fd, "", AT_EMPTY_PATH, STATX_SIZE, &st);
	require(code != 0 || st.stx_size == 100, "another size than it was cut to");
	if (code == 0)
		code = sl_io_set_mode(fd, 0644);
	if (code == 0)
		code = sl_io_rename(file->dir, part, file->dir, file->name, 1);
	sl_io_close(fd);
	return code;
}

static int
file_life(void *arg)
{
	struct file *file = arg;
	char part[48];
	snprintf(part, sizeof(part), "%s.part", file->name);
	struct sl_deadline scope;
	sl_deadline_begin(
		&scope, sl_deadline_in(sl_random_below(&file->random, 60 * SL_NS_PER_MS)));
	int code = work_on_file(file, part);
	require(code == 0 || code == -ETIMEDOUT || code == -ECANCELED, "a file operation failed");
	sl_deadline_end(&scope);
	struct sl_shield shield;
	sl_shield_begin(&shield, SL_FOREVER);
	int part_gone = sl_io_unlink(file->dir, part, 0);
	int name_gone = sl_io_unlink(file->dir, file->name, 0);
	sl_shield_end(&shield);
	require(part_gone == 0 || part_gone == -ENOENT, "unlink of the part");
	require(name_gone == 0 || name_gone == -ENOENT, "unlink of the name");
	require((name_gone == 0) == (code == 0), "a rename did not do what its result says");
	return 0;
}

/* ---- rounds ---- */

static void
spawn_all(struct round *round, struct sl_group *streams, struct sl_group *files)
{
	for (int i = 0; i < STREAMS; i++) {
		struct stream *stream = &round->streams[i];
		*stream = (struct stream){ .whole = i % 2 };
		sl_random_init(&stream->random, sl_random_next(&round->random));
		require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream->fds) == 0,
			"socketpair");
		require(sl_group_spawn(streams, "feed", feed, stream, NULL) == 0, "spawn");
		require(sl_group_spawn(streams, "drink", drink, stream, NULL) == 0, "spawn");
	}
	for (int i = 0; i < FILES; i++) {
		struct file *file = &round->files[i];
		*file = (struct file){ .dir = round->dir };
		snprintf(file->name, sizeof(file->name), "f%d", i);
		sl_random_init(&file->random, sl_random_next(&round->random));
		require(sl_group_spawn(files, "file", file_life, file, NULL) == 0, "spawn");
	}
}

/* What was sent and not received is still in the socket: nothing more, nothing less. */
static void
account(struct stream *stream)
{
	char data[4096];
	close(stream->fds[0]);
	for (;;) {
		ssize_t n = read(stream->fds[1], data, sizeof(data));
		require(n >= 0, "read");
		if (n == 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			require(data[i] == byte_at(stream->received + (uint64_t)i),
				"a byte was lost or doubled");
		stream->received += (uint64_t)n;
	}
	close(stream->fds[1]);
	require(stream->sent == stream->received, "more or fewer bytes than were sent");
}

static void
play_round(struct round *round)
{
	struct sl_group streams, files;
	sl_group_enter(&streams, SL_GROUP_COLLECT);
	sl_group_enter(&files, SL_GROUP_COLLECT);
	spawn_all(round, &streams, &files);
	bool cancel = sl_random_below(&round->random, 2);
	int slept = sl_sleep(sl_random_below(&round->random, 30 * SL_NS_PER_MS));
	require(slept == 0, "the main task was disturbed");
	if (cancel) {
		sl_group_cancel(&streams, -ECANCELED);
		sl_group_cancel(&files, -ECANCELED);
	}
	require(sl_group_leave(&files) == (cancel ? -ECANCELED : 0), "files");
	require(sl_group_leave(&streams) == (cancel ? -ECANCELED : 0), "streams");
	for (int i = 0; i < STREAMS; i++) {
		require(cancel || round->streams[i].received == STREAM_BYTES,
			"a stream ended early");
		account(&round->streams[i]);
	}
}

static int
play(void *arg)
{
	const struct torture *torture = arg;
	char directory[] = "/var/tmp/sluice-torture-XXXXXX";
	struct round *round = calloc(1, sizeof(*round));
	require(round && mkdtemp(directory), "mkdtemp");
	sl_random_init(&round->random, torture->seed);
	round->dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(round->dir >= 0, "open");
	for (uint64_t i = 0; torture_continues(torture, i); i++)
		play_round(round);
	close(round->dir);
	require(rmdir(directory) == 0, "files are left");
	free(round);
	return 0;
}

int
main(int argc, char **argv)
{
	struct torture torture = torture_begin("torture_ring", argc, argv, 5);
	require(ring_run(2, play, &torture) == 0, "the run failed");
	return torture_end(&torture);
}
