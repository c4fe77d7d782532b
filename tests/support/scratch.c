#include "scratch.h"

#include "sluice/base/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ACCESS_ACL "system.posix_acl_access"

static char directory[4096];
static int before = -1;

static void
must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "scratch: %s: %s\n", what, strerror(errno));
	abort();
}

const char *
scratch_enter(void)
{
	const char *base = getenv("TMPDIR");
	snprintf(directory, sizeof(directory), "%s/sluice-test-XXXXXX",
		base && *base ? base : "/tmp");
	before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(before >= 0, "open");
	must(mkdtemp(directory) != NULL, "mkdtemp");
	must(chdir(directory) == 0, "chdir");
	return directory;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void
scratch_leave(void)
{
	must(fchdir(before) == 0, "fchdir");
	close(before);
	must(nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, "remove");
}

void
scratch_write(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "wbe");
	must(file != NULL, path);
	must(fwrite(data, 1, len, file) == len, path);
	must(fclose(file) == 0, path);
}

void
scratch_write_text(const char *path, const char *text)
{
	scratch_write(path, text, strlen(text));
}

bool
scratch_read(const char *path, struct sl_buf *out)
{
	static char block[64 * 1024]; /* tasks have small stacks */
	FILE *file = fopen(path, "rbe");
	size_t got = 0;
	sl_buf_clear(out);
	if (!file)
		return false;
	while ((got = fread(block, 1, sizeof(block), file)) > 0)
		sl_buf_add(out, block, got);
	bool good = !ferror(file);
	fclose(file);
	return good;
}

bool
scratch_holds(const char *path, const char *text)
{
	struct sl_buf got = { 0 };
	bool same = scratch_read(path, &got) && sl_span_is(sl_buf_span(&got), text);
	sl_buf_release(&got);
	return same;
}

bool
scratch_stat(const char *path, struct stat *st)
{
	return lstat(path, st) == 0;
}

bool
scratch_exists(const char *path)
{
	struct stat st;
	return scratch_stat(path, &st);
}

void
scratch_acl_bytes(const struct scratch_acl *acl, unsigned char bytes[SCRATCH_ACL_LEN])
{
	const unsigned char none = 0xff; /* an entry without an id */
	const struct {
		unsigned char tag, perm, id;
	} entries[] = {
		{ 0x01, acl->owner, none },
		{ 0x02, acl->user_1, 1 },
		{ 0x04, acl->group, none },
		{ 0x10, acl->mask, none },
		{ 0x20, acl->other, none },
	};
	memset(bytes, 0, SCRATCH_ACL_LEN);
	bytes[0] = 2; /* the version */
	for (size_t i = 0; i < SL_COUNT_OF(entries); i++) {
		unsigned char *entry = bytes + 4 + i * 8;
		entry[0] = entries[i].tag;
		entry[2] = entries[i].perm;
		memset(entry + 4, entries[i].id == none ? none : 0, 4);
		entry[4] = entries[i].id;
	}
}

static bool
set_acl(const char *path, const char *attribute, const struct scratch_acl *acl)
{
	unsigned char bytes[SCRATCH_ACL_LEN];
	scratch_acl_bytes(acl, bytes);
	int code = setxattr(path, attribute, bytes, sizeof(bytes), 0);
	must(code == 0 || errno == EOPNOTSUPP, path);
	return code == 0;
}

bool
scratch_set_acl(const char *path, const struct scratch_acl *acl)
{
	return set_acl(path, ACCESS_ACL, acl);
}

bool
scratch_set_default_acl(const char *path, const struct scratch_acl *acl)
{
	return set_acl(path, "system.posix_acl_default", acl);
}

bool
scratch_has_acl(const char *path, const struct scratch_acl *acl)
{
	unsigned char want[SCRATCH_ACL_LEN], got[SCRATCH_ACL_LEN + 8];
	ssize_t len = getxattr(path, ACCESS_ACL, got, sizeof(got));
	if (!acl)
		return len < 0 && errno == ENODATA;
	scratch_acl_bytes(acl, want);
	return len == SCRATCH_ACL_LEN && memcmp(got, want, SCRATCH_ACL_LEN) == 0;
}

unsigned
scratch_count(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	unsigned count = 0;
	must(dir != NULL, path);
	while ((entry = readdir(dir)))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}
