#include "support/cuts.h"

#define SHORT 30

void
cuts_make(struct sl_random *random, size_t len, size_t sizes[CUTS])
{
	size_t longest = sl_random_below(random, 2) ? SHORT : len + 1;
	for (size_t i = 0; i < CUTS; i++)
		sizes[i] = 1 + sl_random_below(random, longest);
}
