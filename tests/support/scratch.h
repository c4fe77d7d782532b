/*
 * scratch.h - a directory of its own for a test on the real file system, and small helpers for
 * files in it. A failing helper ends the test.
 */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include "sluice/base/bytes.h"

#include <stdbool.h>
#include <sys/stat.h>

/* Make a fresh directory under TMPDIR or /tmp and go there. Static text: its path. */
const char *scratch_enter(void);

/* Go back to where the test was and remove the directory with all that is in it. */
void scratch_leave(void);

void scratch_write(const char *path, const void *data, size_t len);
void scratch_write_text(const char *path, const char *text);

/* What is in a file; *out is cleared first. False if it cannot be read. */
bool scratch_read(const char *path, struct sl_buf *out);

/* True if it is a file that holds this. */
bool scratch_holds(const char *path, const char *text);

/* lstat; false if the name does not exist. */
bool scratch_stat(const char *path, struct stat *st);
bool scratch_exists(const char *path);

/* An access ACL, or with scratch_set_default_acl what new files of a directory get: rwx bits of the
 * owner, user 1, the group, the mask and all others. */
struct scratch_acl {
	unsigned char owner, user_1, group, mask, other;
};

#define SCRATCH_ACL_LEN 44

/* As it is in the extended attribute. */
void scratch_acl_bytes(const struct scratch_acl *acl, unsigned char bytes[SCRATCH_ACL_LEN]);

/* False on a file system without ACLs. */
bool scratch_set_acl(const char *path, const struct scratch_acl *acl);
bool scratch_set_default_acl(const char *path, const struct scratch_acl *acl);

/* True if the access ACL is this one; NULL = there is none. */
bool scratch_has_acl(const char *path, const struct scratch_acl *acl);

/* Names in a directory. */
unsigned scratch_count(const char *path);

#endif
