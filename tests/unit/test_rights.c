/*
 * The rights of a file that is replaced: what the file that replaces it gets, and what if something
 * of it is refused.
 */
#include "sluice/download/part.h"
#include "sluice/download/rights.h"

#include "support/run.h"
#include "support/scratch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define KIND(kind) (1ull << (kind))
#define OTHER_USER 65534

/* ---- a part that replaces "x" in the current directory ---- */

struct bench {
	void (*body)(struct bench *bench);
	struct sim *sim; /* NULL = real */
	struct sl_directories directories;
	struct sl_directory *directory;
	struct sl_error err;
};

static int
bench_main(void *arg)
{
	struct bench *bench = arg;
	sl_directories_init(&bench->directories, 4, false);
	cr_assert_eq(sl_directories_open(
			     &bench->directories, NULL, sl_span_str(""), &bench->directory, NULL),
		0);
	bench->body(bench);
	sl_directory_unref(bench->directory);
	sl_directories_release(&bench->directories);
	return 0;
}

static void
on_disk(void (*body)(struct bench *bench))
{
	struct bench bench = { .body = body };
	scratch_enter();
	cr_expect_eq(ring_run(1, bench_main, &bench), 0);
	scratch_leave();
}

static void
simulated(void (*body)(struct bench *bench))
{
	struct sim_options options = sim_options(1);
	options.short_percent = 0; /* a short write seals twice: faults are counted */
	struct bench bench = { .body = body, .sim = sim_new(&options) };
	cr_expect_eq(sim_run(bench.sim, bench_main, &bench), 0);
	sim_free(bench.sim);
}

/* Both ways to seal it must give the same. */
static int
replace(struct bench *bench, bool whole)
{
	const struct sl_part_attributes set = { .replaces = true };
	struct sl_chunk chunk = { .len = 3, .size = 3 };
	struct sl_part part;
	sl_error_clear(&bench->err);
	chunk.data = malloc(3);
	memcpy(chunk.data, "new", 3);
	cr_assert_eq(sl_part_create(&part, bench->directory, "x", SL_PART_PRIVATE, &bench->err), 0,
		"%s", bench->err.text);
	int code = 0;
	if (whole) {
		code = sl_part_write_whole(&part, &chunk, &set, &bench->err);
	} else {
		cr_assert_eq(sl_part_write(&part, &chunk), 0);
		code = sl_part_seal(&part, &set, &bench->err);
	}
	free(chunk.data);
	if (!code)
		cr_assert_eq(sl_part_publish(&part, true, &bench->err), 0, "%s", bench->err.text);
	sl_part_discard(&part);
	return code;
}

static void
must_replace(struct bench *bench, bool whole)
{
	int code = replace(bench, whole);
	cr_assert_eq(code, 0, "%d: %s", code, bench->err.text);
}

static void
put_old(uint32_t mode, uid_t uid, gid_t gid)
{
	unlink("x");
	scratch_write_text("x", "old");
	if (geteuid() == 0)
		cr_assert_eq(chown("x", uid, gid), 0);
	cr_assert_eq(chmod("x", mode), 0);
}

static void
expect_rights(uint32_t mode, uid_t uid, gid_t gid)
{
	struct stat st;
	cr_assert(scratch_stat("x", &st) && st.st_size == 3);
	cr_expect(scratch_holds("x", "new") || geteuid() != 0);
	cr_expect_eq(st.st_mode & 07777, mode, "%o, not %o", st.st_mode & 07777, mode);
	cr_expect_eq(st.st_uid, uid, "user %u, not %u", st.st_uid, uid);
	cr_expect_eq(st.st_gid, gid, "group %u, not %u", st.st_gid, gid);
}

/* ---- all of it may be kept ---- */

static void
keeps_mode_and_owner(struct bench *bench)
{
	static const uint32_t modes[] = { 0600, 0644, 0640, 0604, 0751, 0444, 0666, 0777 };
	bool is_root = geteuid() == 0;
	uid_t uid = is_root ? 1 : geteuid();
	gid_t gid = is_root ? 2 : getegid();
	for (size_t i = 0; i < 2 * SL_COUNT_OF(modes); i++) {
		uint32_t mode = modes[i / 2];
		put_old(mode, uid, gid);
		must_replace(bench, i % 2);
		expect_rights(mode, uid, gid);
	}
	put_old(06755, uid, gid);
	must_replace(bench, true);
	expect_rights(0755, uid, gid);
}

Test(rights, owner_group_and_mode_are_kept_and_set_user_id_is_not)
{
	on_disk(keeps_mode_and_owner);
}

/* The mode's group bits are the mask: as the group's own they would give the group more. */
static const struct scratch_acl private_acl = { 6, 6, 0, 6, 0 };

static void
keeps_acl(struct bench *bench)
{
	static const struct scratch_acl acls[] = { { 6, 6, 0, 6, 0 }, { 6, 0, 4, 4, 4 },
		{ 7, 7, 5, 7, 5 }, { 4, 6, 4, 0, 0 } };
	for (size_t i = 0; i < 2 * SL_COUNT_OF(acls); i++) {
		const struct scratch_acl *acl = &acls[i / 2];
		put_old(0600, geteuid(), getegid());
		cr_assert(scratch_set_acl("x", acl));
		must_replace(bench, i % 2);
		cr_expect(scratch_has_acl("x", acl), "ACL %zu", i / 2);
		expect_rights(
			acl->owner * 0100u | acl->mask * 010u | acl->other, geteuid(), getegid());
	}
}

static bool
has_acls(void)
{
	scratch_enter();
	scratch_write_text("x", "");
	bool has = scratch_set_acl("x", &private_acl);
	scratch_leave();
	return has;
}

Test(rights, the_acl_is_kept)
{
	if (!has_acls())
		cr_skip_test("this file system has no ACLs");
	on_disk(keeps_acl);
}

static void
drops_default_acl(struct bench *bench)
{
	const struct scratch_acl inherited = { 7, 7, 7, 7, 5 };
	cr_assert(scratch_set_default_acl(".", &inherited));
	for (int i = 0; i < 2; i++) {
		put_old(0600, geteuid(), getegid());
		cr_assert_eq(removexattr("x", "system.posix_acl_access"), 0);
		cr_assert_eq(chmod("x", 0640), 0);
		must_replace(bench, i);
		cr_expect(scratch_has_acl("x", NULL), "user 1 would have rights");
		expect_rights(0640, geteuid(), getegid());
	}
}

Test(rights, a_default_acl_gives_nothing_that_the_replaced_file_did_not_give)
{
	if (!has_acls())
		cr_skip_test("this file system has no ACLs");
	on_disk(drops_default_acl);
}

/* They are those at the moment of the seal: what was changed during the download counts. */
static void
removed_meanwhile(struct bench *bench)
{
	must_replace(bench, true);
	expect_rights(0600, geteuid(), getegid());
}

Test(rights, what_replaces_a_file_that_is_gone_is_for_its_owner_only)
{
	on_disk(removed_meanwhile);
}

static void
looks_through_links(struct bench *bench)
{
	put_old(0640, 1, 2);
	cr_assert_eq(rename("x", "target") | symlink("target", "x"), 0);
	must_replace(bench, true);
	expect_rights(0640, 1, 2);
	cr_expect(scratch_holds("target", "old"));
}

Test(rights, a_link_is_replaced_with_the_rights_of_its_file)
{
	if (geteuid() != 0)
		cr_skip_test("only root can give a file away");
	on_disk(looks_through_links);
}

/* ---- something is refused ---- */

/* With another group. `old_acl` and `new_acl` have 0 as mask where the file has no ACL. */
struct group_case {
	uint32_t old_mode, new_mode;
	struct scratch_acl old_acl, new_acl;
};

static const struct group_case group_cases[] = {
	{ .old_mode = 0600, .new_mode = 0600 },
	{ .old_mode = 0664, .new_mode = 0644 },
	{ .old_mode = 0660, .new_mode = 0600 },
	{ .old_mode = 0666, .new_mode = 0666 },
	{ .old_mode = 0604, .new_mode = 0600 }, /* the old group is one of all others now */
	{ .old_mode = 0756, .new_mode = 0744 },
	{ .old_acl = { 6, 6, 0, 6, 0 }, .new_acl = { 6, 6, 0, 6, 0 } },
	{ .old_acl = { 6, 6, 6, 6, 4 }, .new_acl = { 6, 6, 4, 6, 4 } },
	{ .old_acl = { 6, 6, 0, 6, 4 }, .new_acl = { 6, 6, 0, 6, 0 } },
	{ .old_acl = { 6, 6, 6, 4, 6 }, .new_acl = { 6, 6, 4, 4, 4 } },
};

static uint32_t
mode_of(const struct scratch_acl *acl, uint32_t mode)
{
	return acl->mask ? acl->owner * 0100u | acl->mask * 010u | acl->other : mode;
}

/* As another user than root, in none of root's groups. */
static void
other_group(struct bench *bench)
{
	cr_assert_eq(chmod(".", 0777), 0);
	for (size_t i = 0; i < SL_COUNT_OF(group_cases); i++) {
		const struct group_case *c = &group_cases[i];
		put_old(mode_of(&c->old_acl, c->old_mode), 0, 0);
		if (c->old_acl.mask)
			cr_assert(scratch_set_acl("x", &c->old_acl));
		cr_assert_eq(setegid(OTHER_USER) | seteuid(OTHER_USER), 0);
		must_replace(bench, i % 2);
		cr_assert_eq(seteuid(0) | setegid(0), 0);
		expect_rights(mode_of(&c->new_acl, c->new_mode), OTHER_USER, OTHER_USER);
		if (c->old_acl.mask)
			cr_expect(scratch_has_acl("x", &c->new_acl), "case %zu", i);
	}
}

Test(rights, what_a_group_had_is_not_given_to_another)
{
	if (geteuid() != 0 || !has_acls())
		cr_skip_test("needs root and ACLs");
	cr_assert_eq(setgroups(0, NULL), 0);
	on_disk(other_group);
}

static void
own_group(struct bench *bench)
{
	const gid_t shared = 60001;
	cr_assert_eq(chmod(".", 0777), 0);
	put_old(0664, 0, shared);
	cr_assert_eq(setgroups(1, &shared) | setegid(OTHER_USER) | seteuid(OTHER_USER), 0);
	must_replace(bench, true);
	cr_assert_eq(seteuid(0) | setegid(0), 0);
	expect_rights(0664, OTHER_USER, shared);
}

Test(rights, a_group_that_the_user_is_in_is_kept_if_the_owner_cannot_be)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	on_disk(own_group);
}

static void
put_simulated(struct bench *bench, const struct scratch_acl *acl)
{
	unsigned char bytes[SCRATCH_ACL_LEN];
	sim_put_file(bench->sim, "x", "old", 3, 0664);
	sim_set_owner(bench->sim, "x", 7, 8);
	scratch_acl_bytes(acl, bytes);
	if (acl->mask)
		sim_set_acl(bench->sim, "x", bytes, sizeof(bytes));
}

struct refusal {
	enum sl_op_kind kind;
	uint64_t nth;
	struct scratch_acl acl; /* of the old file; mask 0 = mode 0664 without ACL */
	uint32_t mode;          /* of the new */
	bool has_uid, has_gid, has_acl;
};

static const struct refusal refusals[] = {
	{ SL_OP_SET_OWNER, 9, { .mask = 0 }, 0664, true, true, false }, /* none */
	{ SL_OP_SET_OWNER, 1, { .mask = 0 }, 0644, true, false, false },
	{ SL_OP_SET_OWNER, 2, { .mask = 0 }, 0664, false, true, false },
	{ SL_OP_SET_MODE, 1, { .mask = 0 }, 0600, true, true, false },
	{ SL_OP_SET_ACL, 1, { .mask = 0 }, 0600, true, true, false },
	{ SL_OP_GET_ACL, 1, { .mask = 0 }, 0600, true, true, false },
	{ SL_OP_SET_OWNER, 9, { 6, 6, 0, 6, 4 }, 0664, true, true, true },
	{ SL_OP_SET_OWNER, 1, { 6, 6, 0, 6, 4 }, 0660, true, false, true },
	/* what each entry allows */
	{ SL_OP_SET_ACL, 2, { 6, 6, 0, 6, 4 }, 0600, true, true, false },
	{ SL_OP_SET_ACL, 2, { 6, 6, 4, 6, 4 }, 0644, true, true, false },
	{ SL_OP_SET_ACL, 2, { 6, 0, 4, 6, 4 }, 0600, true, true, false },
	{ SL_OP_SET_ACL, 2, { 7, 7, 7, 4, 7 }, 0744, true, true, false },
	{ SL_OP_GET_ACL, 1, { 6, 6, 6, 6, 6 }, 0600, true, true, false },
};

static void
refuses(struct bench *bench)
{
	static const int codes[] = { -EPERM, -EACCES, -EOPNOTSUPP, -ENOSYS, -EINVAL };
	for (size_t i = 0; i < 2 * SL_COUNT_OF(codes) * SL_COUNT_OF(refusals); i++) {
		const struct refusal *c = &refusals[i / 2 / SL_COUNT_OF(codes)];
		size_t index = (size_t)(c - refusals);
		put_simulated(bench, &c->acl);
		sim_fail_nth(bench->sim, c->nth, codes[i / 2 % SL_COUNT_OF(codes)], KIND(c->kind));
		must_replace(bench, i % 2);
		sim_fail_nth(bench->sim, 0, 0, 0);
		cr_expect_eq(sim_mode(bench->sim, "x"), c->mode, "case %zu: %o", index,
			sim_mode(bench->sim, "x"));
		cr_expect_eq(sim_uid(bench->sim, "x") == 7, c->has_uid, "case %zu", index);
		cr_expect_eq(sim_gid(bench->sim, "x") == 8, c->has_gid, "case %zu", index);
		cr_expect_eq(sim_acl(bench->sim, "x").len > 0, c->has_acl, "case %zu", index);
		sim_remove(bench->sim, "x");
	}
}

Test(rights, what_cannot_be_kept_gives_no_other_user_more)
{
	simulated(refuses);
}

struct failure {
	enum sl_op_kind kind;
	uint64_t nth;
	int code;
	const char *text;
};

static const struct failure failures[] = {
	{ SL_OP_SET_OWNER, 1, -EDQUOT, "cannot set the group of 'x.sluice-part': disk quota " },
	{ SL_OP_SET_OWNER, 2, -EDQUOT, "cannot set the owner of 'x.sluice-part': disk quota " },
	{ SL_OP_SET_ACL, 1, -EIO, "cannot set the ACL of 'x.sluice-part': input/output error" },
	{ SL_OP_SET_ACL, 2, -ENOSPC, "cannot set the ACL of 'x.sluice-part': no space left " },
	{ SL_OP_SET_MODE, 1, -EROFS, "cannot set the mode of 'x.sluice-part': read-only file " },
	{ SL_OP_GET_ACL, 1, -EIO, "cannot set the permissions of 'x.sluice-part': cannot take " },
	{ SL_OP_OPEN, 2, -EMFILE, "cannot set the permissions of 'x.sluice-part': cannot take " },
};

static void
fails(struct bench *bench)
{
	const struct scratch_acl acl = { 6, 6, 4, 6, 4 };
	for (size_t i = 0; i < 2 * SL_COUNT_OF(failures); i++) {
		const struct failure *c = &failures[i / 2];
		put_simulated(bench, &acl);
		sim_fail_nth(bench->sim, c->nth, c->code, KIND(c->kind));
		cr_expect_eq(replace(bench, i % 2), c->code, "case %zu", i / 2);
		sim_fail_nth(bench->sim, 0, 0, 0);
		cr_expect_eq(strncmp(bench->err.text, c->text, strlen(c->text)), 0, "%s",
			bench->err.text);
		cr_expect_eq(sim_uid(bench->sim, "x"), 7, "the old file stays");
	}
}

Test(rights, an_error_of_the_disk_fails_the_file)
{
	simulated(fails);
}
