#include "sluice/download/schedule.h"

#include "sluice/base/def.h"

#define DESCRIPTORS_PER_JOB 4u /* socket, part, direct part, a directory */

/* Directories that stay open: so many, and no more than this part of the descriptors. */
#define DIRECTORIES_MAX 64u
#define DIRECTORIES_SHARE 16u

/* Connections take at most half of the pool: the other half is on its way to the disk. */
static size_t
half_of_chunks(const struct sl_schedule_means *means)
{
	return SL_MAX(means->chunks / 2, (size_t)1);
}

static unsigned
jobs_of(const struct sl_schedule_means *means)
{
	size_t half = half_of_chunks(means);
	size_t by_descriptors = SL_MAX(means->descriptors / DESCRIPTORS_PER_JOB, 1u);
	return (unsigned)SL_MIN(SL_MIN((size_t)SL_MAX(means->jobs, 1u), half), by_descriptors);
}

/* Beyond the first of each file, a segment needs its connection only. */
static unsigned
segments_of(const struct sl_schedule_means *means, unsigned jobs)
{
	unsigned used = jobs * DESCRIPTORS_PER_JOB;
	unsigned rest = means->descriptors > used ? means->descriptors - used : 0;
	size_t more = SL_MIN(half_of_chunks(means) - jobs, (size_t)rest / 2);
	return jobs + (unsigned)more;
}

/* Files of a group keep their part, and perhaps a directory of their own, until it is committed:
 * those in the queue and those in the group, half each of what the jobs leave. */
static unsigned
commit_files_of(const struct sl_schedule_means *means, unsigned jobs)
{
	unsigned used = jobs * DESCRIPTORS_PER_JOB;
	unsigned rest = means->descriptors > used ? means->descriptors - used : 0;
	return SL_MAX(SL_MIN(rest / 4, (unsigned)SL_SCHEDULE_COMMIT_FILES), 1u);
}

struct sl_schedule
sl_schedule_make(const struct sl_schedule_means *means)
{
	unsigned jobs = jobs_of(means);
	return (struct sl_schedule){ .jobs = jobs,
		.segments = segments_of(means, jobs),
		.commit_files = commit_files_of(means, jobs),
		.directories = SL_MAX(
			SL_MIN(means->descriptors / DIRECTORIES_SHARE, DIRECTORIES_MAX), 1u) };
}
