/*
 * siphash.h - SipHash-2-4 with 128 bits (Aumasson and Bernstein, public domain): a keyed hash that
 * stands for the text itself where the text is too long to keep.
 */
#ifndef SLUICE_BASE_SIPHASH_H
#define SLUICE_BASE_SIPHASH_H

#include "sluice/base/bytes.h"

struct sl_siphash {
	uint64_t low, high;
};

struct sl_siphash sl_siphash(uint64_t key0, uint64_t key1, struct sl_span text);

#endif
