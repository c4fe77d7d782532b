/*
 * memory.h - how much memory the process may still use, to decide whether to use the page cache,
 * and how much it has used.
 */
#ifndef SLUICE_BASE_MEMORY_H
#define SLUICE_BASE_MEMORY_H

#include "sluice/base/def.h"

#include <stdint.h>

/*
 * Bytes that can be allocated or cached now without swapping: MemAvailable of /proc/meminfo, or
 * less if a memory limit of the process's cgroup (version 1 or 2) or of a parent of it allows less.
 * Cached files count as available. UINT64_MAX if /proc is not mounted.
 */
uint64_t sl_memory_available(void);

/*
 * The part of `wanted` bytes that buffers may take where `available` are left: at most half, since
 * the kernel's socket buffers, the page cache and the program itself need the rest; but at least
 * `least`.
 */
uint64_t sl_memory_share(uint64_t wanted, uint64_t available, uint64_t least);

/* The most bytes that were resident at once since the program was started, without what the program
 * had used that this process ran before, which getrusage() includes. 0 if /proc is not mounted. */
uint64_t sl_memory_peak(void);

/* sl_memory_available() with "/proc" and "/sys" below `root`, for tests. */
uint64_t sl_memory_available_below(const char *root);

#endif
