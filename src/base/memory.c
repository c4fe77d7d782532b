/*
 * memory.c - reads /proc/meminfo, /proc/self/status and cgroup, and the files of those cgroups. A
 * file that is missing or cannot be parsed sets no limit. In a container the path in
 * /proc/self/cgroup may lead outside the mounted hierarchy; then the mounted root is the
 * container's own group.
 */
#include "sluice/base/memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 4096
#define LINE_BYTES (PATH_BYTES + 64)

/* Mount points and file names of the two cgroup versions. */
struct version {
	const char *mount, *limit, *usage, *inactive, *active;
};

static const struct version versions[] = {
	{ "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
		"total_inactive_file", "total_active_file" },
	{ "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file", "active_file" },
};

/* Read the number at the start of a file. False if there is none, as in "max". */
static bool
read_number(const char *directory, const char *name, uint64_t *out)
{
	char path[PATH_BYTES], line[64];
	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return false;
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	char *end = line;
	if (fgets(line, sizeof(line), file))
		*out = strtoull(line, &end, 10);
	fclose(file);
	return end != line;
}

/* The sum of the values of lines "FIRST N" and "SECOND N" (or "FIRST: N kB"). 0 without them. */
static uint64_t
read_fields(const char *path, const char *first, const char *second)
{
	char line[256], name[128];
	unsigned long long value = 0;
	uint64_t sum = 0;
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%127[^: ]%*[: ]%llu", name, &value) == 2 &&
			(strcmp(name, first) == 0 || strcmp(name, second) == 0))
			sum += value;
	fclose(file);
	return sum;
}

/* Bytes that one group may still allocate; its cached files count as free. */
static uint64_t
left_in_group(const struct version *version, const char *directory)
{
	char path[PATH_BYTES];
	uint64_t limit = UINT64_MAX, usage = 0, cached = 0;
	if (!read_number(directory, version->limit, &limit) ||
		!read_number(directory, version->usage, &usage))
		return UINT64_MAX;
	if (snprintf(path, sizeof(path), "%s/memory.stat", directory) < (int)sizeof(path))
		cached = read_fields(path, version->inactive, version->active);
	usage -= SL_MIN(cached, usage);
	return limit > usage ? limit - usage : 0;
}

/* The minimum over a group and all its parents. */
static uint64_t
left_in_groups(const struct version *version, const char *root, const char *group)
{
	char directory[PATH_BYTES];
	int mount_len = snprintf(directory, sizeof(directory), "%s%s", root, version->mount);
	if (snprintf(directory, sizeof(directory), "%s%s%s", root, version->mount, group) >=
		(int)sizeof(directory))
		return UINT64_MAX;
	uint64_t least = UINT64_MAX;
	for (;;) {
		uint64_t left = left_in_group(version, directory);
		least = SL_MIN(least, left);
		char *slash = strrchr(directory, '/');
		if (!slash || slash - directory < mount_len)
			return least;
		*slash = '\0';
	}
}

/* A line of /proc/self/cgroup, "ID:CONTROLLERS:PATH"; ID 0 without controllers is version 2. */
static uint64_t
left_by_line(const char *root, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	char *controllers = strchr(line, ':');
	char *group = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!group)
		return UINT64_MAX;
	*controllers++ = *group++ = '\0';
	if (*controllers == '\0')
		return left_in_groups(&versions[1], root, group);
	if (strcmp(controllers, "memory") == 0)
		return left_in_groups(&versions[0], root, group);
	return UINT64_MAX;
}

uint64_t
sl_memory_available_below(const char *root)
{
	char path[PATH_BYTES], line[LINE_BYTES];
	if (snprintf(path, sizeof(path), "%s/proc/meminfo", root) >= (int)sizeof(path))
		return UINT64_MAX;
	uint64_t kib = read_fields(path, "MemAvailable", "MemAvailable");
	uint64_t least = kib ? kib * SL_KIB : UINT64_MAX;
	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		uint64_t left = left_by_line(root, line);
		least = SL_MIN(least, left);
	}
	if (file)
		fclose(file);
	return least;
}

uint64_t
sl_memory_available(void)
{
	return sl_memory_available_below("");
}

uint64_t
sl_memory_share(uint64_t wanted, uint64_t available, uint64_t least)
{
	return SL_MAX(SL_MIN(wanted, available / 2), SL_MIN(wanted, least));
}

uint64_t
sl_memory_peak(void)
{
	return read_fields("/proc/self/status", "VmHWM", "VmHWM") * SL_KIB;
}
