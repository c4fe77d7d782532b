/* cuts.h - lengths of the pieces that a text is cut into, which take turns: short ones, or of any
 * length up to the whole. */
#ifndef TESTS_SUPPORT_CUTS_H
#define TESTS_SUPPORT_CUTS_H

#include "sluice/base/random.h"

#include <stddef.h>

#define CUTS 8

/* For a text of `len` bytes. None is 0. */
void cuts_make(struct sl_random *random, size_t len, size_t sizes[CUTS]);

#endif
