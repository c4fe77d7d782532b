#include "sluice/cli/text_sample.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 64u      /* of a directory that are looked at */
#define SIZE_MIN (64 * 1024) /* bytes: of a smaller file there is little to learn */

/* O_NONBLOCK and the check before: to open a FIFO or a device may wait or do something. */
static int
open_regular(int dir, const char *path)
{
	struct stat st;
	if (fstatat(dir, path, &st, 0) != 0 || !S_ISREG(st.st_mode) || st.st_size < SIZE_MIN)
		return -1;
	return openat(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int
open_in_directory(const char *path)
{
	DIR *dir = opendir(path);
	int fd = -1;
	if (!dir)
		return -1;
	for (unsigned i = 0; i < ENTRIES_MAX && fd < 0; i++) {
		const struct dirent *entry = readdir(dir);
		if (!entry)
			break;
		if (entry->d_name[0] != '.')
			fd = open_regular(dirfd(dir), entry->d_name);
	}
	(void)closedir(dir);
	return fd;
}

static int
open_first(const struct sl_scan_options *options)
{
	int fd = -1;
	for (size_t i = 0; i < options->inputs.count && i < ENTRIES_MAX && fd < 0; i++) {
		const char *path = options->inputs.items[i];
		fd = open_regular(AT_FDCWD, path);
		if (fd < 0)
			fd = open_in_directory(path);
	}
	return fd;
}

void
sl_text_sample_read(struct sl_buf *text, const struct sl_scan_options *options)
{
	int fd = open_first(options);
	if (fd < 0)
		return;
	if (sl_buf_reserve(text, SL_TEXT_SAMPLE_MAX)) {
		ssize_t got = pread(fd, text->data, SL_TEXT_SAMPLE_MAX, 0);
		text->len = got > 0 ? (size_t)got : 0;
		text->data[text->len] = '\0';
	}
	(void)close(fd);
}
