/*
 * Rights of a file that is to be replaced. The ACL is handled as it is stored in the extended
 * attribute (acl(5), linux/posix_acl_xattr.h): a version of 4 bytes, then entries of 8 bytes: tag
 * and permissions, 2 bytes each, and an id, little-endian. Only entries that every ACL has are
 * changed, and only to fewer permissions, so that a valid ACL stays valid.
 */
#include "sluice/download/rights.h"

#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>
#include <sys/stat.h>

#define VERSION_LEN 4
#define ENTRY_LEN 8
#define PERM_AT 2 /* in an entry; the tag comes before it */
#define ALL 7u    /* rwx */

static unsigned
tag_of(const unsigned char *entry)
{
	return entry[0] | (unsigned)entry[1] << 8;
}

static bool
is_valid(const unsigned char *acl, size_t len)
{
	static const unsigned char version[VERSION_LEN] = { POSIX_ACL_XATTR_VERSION };
	return len > VERSION_LEN && (len - VERSION_LEN) % ENTRY_LEN == 0 &&
	       memcmp(acl, version, VERSION_LEN) == 0;
}

/* What all entries with a tag of the set `tags` allow; without such an entry, everything. */
static uint32_t
common_perm(const struct sl_rights *rights, unsigned tags)
{
	uint32_t perm = ALL;
	for (int at = VERSION_LEN; at < rights->acl_len; at += ENTRY_LEN)
		if (tag_of(rights->acl + at) & tags)
			perm &= rights->acl[at + PERM_AT];
	return perm;
}

static uint32_t
without_owner(const struct sl_rights *rights, uint32_t perm)
{
	return (rights->mode & S_IRWXU) | perm << 3 | perm;
}

uint32_t
sl_rights_mode_without_acl(const struct sl_rights *rights)
{
	const unsigned not_owner = ACL_USER | ACL_GROUP_OBJ | ACL_GROUP | ACL_MASK | ACL_OTHER;
	if (rights->acl_len <= 0)
		return rights->mode;
	return without_owner(rights, common_perm(rights, not_owner));
}

bool
sl_rights_drop_group(struct sl_rights *rights)
{
	bool is_narrower = false;
	uint32_t perm = rights->mode >> 3 & rights->mode & ALL;
	if (rights->acl_len > 0)
		perm = common_perm(rights, ACL_GROUP_OBJ | ACL_MASK | ACL_OTHER);
	for (int at = VERSION_LEN; at < rights->acl_len; at += ENTRY_LEN)
		if (tag_of(rights->acl + at) & (ACL_GROUP_OBJ | ACL_OTHER)) {
			is_narrower = is_narrower || rights->acl[at + PERM_AT] != perm;
			rights->acl[at + PERM_AT] = (unsigned char)perm;
		}
	if (rights->acl_len > 0)
		return is_narrower;
	is_narrower = rights->mode != without_owner(rights, perm);
	rights->mode = without_owner(rights, perm);
	return is_narrower;
}

int
sl_rights_read(struct sl_rights *rights, int dir_fd, const char *name)
{
	enum { OPEN, STAT, ACL, CLOSE };
	struct statx st = { 0 };
	/* O_PATH: this user may not be allowed to read the file. */
	struct sl_op ops[] = {
		{ .kind = SL_OP_OPEN, .dir_fd = dir_fd, .path = name, .flags = O_PATH },
		{ .kind = SL_OP_STAT,
			.dir_fd = SL_FD_OF_AFTER,
			.path = "",
			.flags = AT_EMPTY_PATH,
			.mask = STATX_BASIC_STATS,
			.statx = &st },
		{ .kind = SL_OP_GET_ACL,
			.fd = SL_FD_OF_AFTER,
			.data = rights->acl,
			.len = sizeof(rights->acl) },
		{ .kind = SL_OP_CLOSE, .fd = SL_FD_OF_AFTER },
	};
	for (size_t i = STAT; i < SL_COUNT_OF(ops); i++)
		ops[i].after = &ops[OPEN];
	int code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (!code)
		code = ops[OPEN].result < 0 ? ops[OPEN].result : ops[STAT].result;
	if (code)
		return code;
	rights->uid = st.stx_uid;
	rights->gid = st.stx_gid;
	rights->mode = st.stx_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
	rights->acl_len = ops[ACL].result;
	if (rights->acl_len > 0 && !is_valid(rights->acl, (size_t)rights->acl_len))
		rights->acl_len = -EINVAL;
	if (rights->acl_len < 0)
		rights->mode &= S_IRWXU;
	return 0;
}
