/*
 * measure.c - runs a program and prints its wall time, CPU time, peak memory and exit status.
 *
 *	measure [-c CPU] [-o FILE] PROGRAM ARGUMENT...
 *
 * Prints one line, "WALL CPU RSS STATUS": seconds, seconds of user and system, MB (2^20), and the
 * exit status as in a shell. -c pins the program to a CPU; -o is the file for its standard output
 * and error, which are discarded otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct options {
	long cpu; /* -1 = any */
	const char *output;
	char **command;
};

static double
now_s(void)
{
	struct timespec ts = { 0 };
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double
seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

static int
fail(const char *what)
{
	fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
	return 125;
}

static int
parse(int argc, char **argv, struct options *options)
{
	*options = (struct options){ .cpu = -1, .output = "/dev/null" };
	for (int opt; (opt = getopt(argc, argv, "+c:o:")) != -1;) {
		if (opt == 'c')
			options->cpu = strtol(optarg, NULL, 10);
		else if (opt == 'o')
			options->output = optarg;
		else
			return -1;
	}
	options->command = argv + optind;
	return optind < argc ? 0 : -1;
}

/* In the child. Returns only if something fails. */
static int
become(const struct options *options)
{
	if (options->cpu >= 0) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET((size_t)options->cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set) != 0)
			return fail("cannot pin to the CPU");
	}
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(options->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (in < 0 || out < 0)
		return fail(options->output);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		dup2(out, STDERR_FILENO) < 0)
		return fail("cannot redirect");
	execvp(options->command[0], options->command);
	return 127;
}

int
main(int argc, char **argv)
{
	struct options options;
	if (parse(argc, argv, &options) != 0) {
		fprintf(stderr, "usage: measure [-c CPU] [-o FILE] PROGRAM ARGUMENT...\n");
		return 125;
	}
	double start = now_s();
	pid_t pid = fork();
	if (pid < 0)
		return fail("cannot fork");
	if (pid == 0)
		_exit(become(&options));
	int status = 0;
	struct rusage usage;
	while (wait4(pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			return fail("cannot wait");
	double wall = now_s() - start;
	printf("%.4f %.4f %.1f %d\n", wall, seconds(usage.ru_utime) + seconds(usage.ru_stime),
		(double)usage.ru_maxrss / 1024,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
