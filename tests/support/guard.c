#include "support/guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void
guard_init(struct guard *guard, size_t max)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	guard->cap = (max / page + 1) * page;
	guard->map_len = guard->cap + page;
	void *map = mmap(
		NULL, guard->map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect((char *)map + guard->cap, page, PROT_NONE) != 0)
		abort();
	guard->map = map;
}

void
guard_release(struct guard *guard)
{
	if (guard->map)
		munmap(guard->map, guard->map_len);
	memset(guard, 0, sizeof(*guard));
}

char *
guard_place(struct guard *guard, const void *data, size_t len)
{
	if (len > guard->cap)
		abort();
	char *place = guard->map + guard->cap - len;
	if (len)
		memcpy(place, data, len);
	return place;
}
