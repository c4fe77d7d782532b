/*
 * log_writer - a program that writes a log, for tests of following.
 *
 *	log_writer PATH RATE COUNT     COUNT lines to PATH, about RATE a second
 *
 * Line i is "i ERROR " and text of a length that follows from i. Lines are written in blocks that
 * end anywhere. HUP: after the end of a line, PATH is opened anew. USR1: after the end of a line,
 * the process stops (SIGSTOP), until it gets CONT. PATH.opened has the number of times that PATH
 * was opened.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t reopen, pause_now;

static void
on_signal(int signo)
{
	if (signo == SIGHUP)
		reopen = 1;
	else
		pause_now = 1;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, data, len);
		if (done < 0)
			die("write");
		data += done;
		len -= (size_t)done;
	}
}

static void
note_opened(const char *path, unsigned count)
{
	char name[4096], next[4096 + 8], text[32];
	snprintf(name, sizeof(name), "%s.opened", path);
	snprintf(next, sizeof(next), "%s.next", name);
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		die(next);
	write_all(fd, text, (size_t)snprintf(text, sizeof(text), "%u\n", count));
	if (close(fd) < 0 || rename(next, name) < 0)
		die(name);
}

static int
open_log(const char *path, unsigned count)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		die(path);
	note_opened(path, count);
	return fd;
}

int
main(int argc, char **argv)
{
	static char block[65536];
	if (argc != 4)
		return 2;
	unsigned long rate = strtoul(argv[2], NULL, 10), count = strtoul(argv[3], NULL, 10);
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	unsigned opened = 1;
	int fd = open_log(argv[1], opened);
	size_t len = 0, limit = 100;
	unsigned long per_tick = rate / 100 + 1;
	for (unsigned long i = 1; i <= count; i++) {
		len += (size_t)snprintf(block + len, sizeof(block) - len, "%lu ERROR %.*s\n", i,
			(int)(i * 7 % 90),
			"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuv"
			"w"
			"xyzabcdefghijklmnop");
		/* Looked at once: a signal behind the write of a part waits for the next line. */
		bool is_reopening = reopen, is_pausing = pause_now;
		if (is_reopening || is_pausing || i == count) {
			write_all(fd, block, len);
			len = 0;
		} else if (len > limit) {
			size_t part = len - i % 50 % len;
			write_all(fd, block, part);
			memmove(block, block + part, len -= part);
			limit = 100 + i * 31 % 4000;
		}
		if (is_reopening) {
			reopen = 0;
			close(fd);
			fd = open_log(argv[1], ++opened);
		}
		if (is_pausing) {
			pause_now = 0;
			raise(SIGSTOP);
		}
		if (i % per_tick == 0)
			nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	return close(fd) == 0 ? 0 : 1;
}
