/*
 * rights.h - owner, group, mode and access ACL of a file that is to be replaced, for the file that
 * replaces it. Where one of them cannot be kept, the rest is narrowed, so that the new file gives
 * no user but the one who owns it more than the old file gave.
 */
#ifndef SLUICE_DOWNLOAD_RIGHTS_H
#define SLUICE_DOWNLOAD_RIGHTS_H

#include "sluice/rt/task.h"

#define SL_RIGHTS_ACL_MAX 4096 /* 511 entries; a longer one cannot be kept */

struct sl_rights {
	uint32_t uid, gid;
	uint32_t mode; /* permission bits; with an ACL those of the group are its mask */
	int acl_len;   /* 0 = no ACL; a negative code: it is not known */
	unsigned char acl[SL_RIGHTS_ACL_MAX]; /* as in its extended attribute */
};

/* Of the file `name`, links followed, in one call of the blocking pool. set-user-ID and
 * set-group-ID are dropped: the new content is from outside. Returns 0 or the code of open or stat.
 * A failure to read the ACL is in `acl_len`, and the mode is narrowed to the owner's bits. */
SL_SUSPENDS
int sl_rights_read(struct sl_rights *rights, int dir_fd, const char *name) SL_MUST_CHECK;

/* The group is not kept: the new group, and what is no longer in the old one, get only what both
 * the old group and all others had. True if that took a permission away. */
bool sl_rights_drop_group(struct sl_rights *rights);

/* Without an ACL the mode. Else the mode to have if the ACL cannot be set: group and others get
 * only what each entry but the owner's allows. */
uint32_t sl_rights_mode_without_acl(const struct sl_rights *rights);

#endif
