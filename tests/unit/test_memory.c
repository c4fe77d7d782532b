/*
 * What may still be used, by the files of /proc and /sys below a directory of the test's own.
 */
#include "sluice/base/memory.h"

#include "support/scratch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With the directories above it. */
static void
put(const char *path, const char *text)
{
	char directory[256];
	snprintf(directory, sizeof(directory), "%s", path);
	for (char *slash = directory; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		(void)mkdir(directory, 0700);
	}
	scratch_write_text(path, text);
}

static void
put_group(const char *directory, const char *limit, const char *usage, const char *stat)
{
	bool is_first_version = strstr(directory, "cgroup/memory") != NULL;
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", directory,
		is_first_version ? "memory.limit_in_bytes" : "memory.max");
	put(path, limit);
	snprintf(path, sizeof(path), "%s/%s", directory,
		is_first_version ? "memory.usage_in_bytes" : "memory.current");
	put(path, usage);
	snprintf(path, sizeof(path), "%s/memory.stat", directory);
	put(path, stat);
}

static const char *
begin(const char *groups)
{
	scratch_enter();
	put("proc/meminfo", "MemTotal:       2000 kB\nMemFree:         100 kB\n"
			    "MemAvailable:   1000 kB\nBuffers:         1 kB\n");
	put("proc/self/cgroup", groups);
	return ".";
}

Test(memory, without_a_limit_it_is_what_the_kernel_calls_available)
{
	cr_expect_eq(sl_memory_available_below(begin("0::/\n")), 1000 * SL_KIB);
	put_group("sys/fs/cgroup", "max\n", "5000000\n", "");
	cr_expect_eq(sl_memory_available_below("."), 1000 * SL_KIB);
	scratch_leave();
}

Test(memory, without_proc_it_is_not_known)
{
	scratch_enter();
	cr_expect_eq(sl_memory_available_below("."), UINT64_MAX);
	scratch_leave();
}

Test(memory, a_limit_of_the_group_counts_less_what_it_uses_but_for_cached_files)
{
	begin("0::/a/b\n");
	put_group("sys/fs/cgroup/a/b", "500000\n", "300000\n",
		"anon 1\ninactive_file 90000\nactive_file 10000\nfile 5\n");
	cr_expect_eq(sl_memory_available_below("."), 300000);
	scratch_leave();
}

Test(memory, a_limit_further_up_counts_too)
{
	begin("0::/a/b\n");
	put_group("sys/fs/cgroup/a/b", "max\n", "300000\n", "");
	put_group("sys/fs/cgroup/a", "400000\n", "300000\n", "inactive_file 1000\n");
	cr_expect_eq(sl_memory_available_below("."), 101000);
	put_group("sys/fs/cgroup/a", "200000\n", "300000\n", "");
	cr_expect_eq(sl_memory_available_below("."), 0, "the limit was lowered below what is used");
	scratch_leave();
}

Test(memory, both_versions_of_cgroups_are_supported)
{
	begin("9:name=systemd:/\n4:memory:/box\n1:cpu:/other\n0::/\n");
	put_group("sys/fs/cgroup/memory/box", "600000\n", "200000\n",
		"inactive_file 7\ntotal_inactive_file 100000\ntotal_active_file 5000\n");
	cr_expect_eq(sl_memory_available_below("."), 505000);
	scratch_leave();
}

/* A container sees its own group as the root of the mount, and the host's path in /proc. */
Test(memory, a_path_that_is_not_mounted_leads_to_the_root_of_the_mount)
{
	begin("4:memory:/docker/0123\n");
	put_group("sys/fs/cgroup/memory", "700000\n", "200000\n", "");
	cr_expect_eq(sl_memory_available_below("."), 500000);
	scratch_leave();
}

Test(memory, what_does_not_parse_sets_no_limit)
{
	begin("nonsense\n::\n0:\n4:memory\n0::/a\n");
	put_group("sys/fs/cgroup/a", "", "x\n", "y\n");
	cr_expect_eq(sl_memory_available_below("."), 1000 * SL_KIB);
	scratch_leave();
}

Test(memory, this_machine_has_some)
{
	cr_expect_gt(sl_memory_available(), 0);
}

Test(memory, buffers_take_at_most_half_of_what_is_left)
{
	cr_expect_eq(sl_memory_share(64, UINT64_MAX, 8), 64);
	cr_expect_eq(sl_memory_share(64, 128, 8), 64);
	cr_expect_eq(sl_memory_share(64, 40, 8), 20);
	cr_expect_eq(sl_memory_share(64, 10, 8), 8, "not below the least");
	cr_expect_eq(sl_memory_share(64, 0, 8), 8);
}
