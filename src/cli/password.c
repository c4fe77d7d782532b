/*
 * password.c - the terminal may be left without echo only while a line is read: signals that would
 * end the process interrupt the read, the terminal is restored, and then they are raised again.
 */
#include "sluice/cli/password.h"

#include "sluice/base/bytes.h"
#include "sluice/base/number.h"
#include "sluice/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static volatile sig_atomic_t came; /* state: of a handler, which has no argument */

static void
on_signal(int signo)
{
	came = signo;
}

/* Without SA_RESTART. What is ignored stays so (nohup). */
static void
catch_signals(struct sigaction before[])
{
	struct sigaction action = { .sa_handler = on_signal };
	sigemptyset(&action.sa_mask);
	came = 0;
	for (size_t i = 0; i < SL_COUNT_OF(signals); i++) {
		(void)sigaction(signals[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &action, NULL);
	}
}

static void
release_signals(const struct sigaction before[])
{
	for (size_t i = 0; i < SL_COUNT_OF(signals); i++)
		(void)sigaction(signals[i], &before[i], NULL);
	if (came)
		raise(came);
}

static void
put(int fd, struct sl_span text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.data, text.len);
		if (n <= 0)
			return;
		text = sl_span(text.data + n, text.len - (size_t)n);
	}
}

/* The line without its end. Returns its length, or -1. */
static int
read_line(int fd, char *line, size_t cap)
{
	size_t len = 0;
	while (len < cap && !came) {
		ssize_t n = read(fd, line + len, 1);
		if (n <= 0)
			return -1;
		if (line[len] == '\n')
			return sl_int(len);
		len++;
	}
	return -1;
}

static int
ask(int fd, const char *user, char *line, size_t cap)
{
	struct termios before, quiet;
	struct sigaction actions[SL_COUNT_OF(signals)];
	struct sl_buf prompt = { 0 };
	if (tcgetattr(fd, &before) != 0)
		return -1;
	sl_buf_add_str(&prompt, "Password for ");
	sl_text_make_safe(&prompt, sl_span_str(user));
	sl_buf_add_str(&prompt, ": ");
	quiet = before;
	quiet.c_lflag = (quiet.c_lflag & ~(tcflag_t)ECHO) | ICANON | ECHONL;
	catch_signals(actions);
	(void)tcsetattr(fd, TCSAFLUSH, &quiet);
	put(fd, sl_buf_span(&prompt));
	int len = read_line(fd, line, cap);
	(void)tcsetattr(fd, TCSAFLUSH, &before);
	if (len < 0)
		put(fd, sl_span_str("\n"));
	release_signals(actions);
	sl_buf_release(&prompt);
	return len;
}

int
sl_password_ask(const char *user, char **out, struct sl_error *err)
{
	char line[SL_PASSWORD_MAX + 1];
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"--user has no password, and there is no terminal to ask for it: write "
			"USER:PASSWORD, or use --netrc-file");
	int len = ask(fd, user, line, sizeof(line));
	close(fd);
	bool has_control = len > 0 && sl_text_has_control(sl_span(line, (size_t)len));
	*out = len >= 0 && !has_control ? sl_span_dup(sl_span(line, (size_t)len)) : NULL;
	explicit_bzero(line, sizeof(line));
	if (has_control)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"the password that was entered contains a control byte, which is not "
			"allowed in it (an arrow key sends one, for example)");
	if (len < 0)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"no password was entered (a line of at most %u characters is expected)",
			SL_PASSWORD_MAX);
	return *out ? 0 : sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot keep a password");
}
