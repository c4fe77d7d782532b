#include "match_int.h"

/*
 * The bytes of logs, letters in lower case, most frequent first; bytes that are not listed are
 * rarer. Filters look for the rarest bytes of a literal. Counted over the eight samples of 2,000
 * lines of Loghub (Zhu et al., ISSRE 2023: Apache, BGL, HPC, Hadoop, HealthApp, Linux, OpenSSH,
 * Spark): all their bytes, A to Z folded to a to z.
 */
static const char frequent[] =
	" 0e1rotn2asic:.d53-l4um7p68h9f\r\ngbk_[]=jw/yvx|()#,z;@*q><!'+\\${}&";

unsigned
sl_match_rarity(unsigned char c)
{
	const char *at = memchr(frequent, sl_match_lower(c), sizeof(frequent) - 1);
	return at ? (unsigned)(at - frequent) : (unsigned)sizeof(frequent);
}

/* Zipf's law over the ranks. */
double
sl_match_frequency(unsigned char c)
{
	return 0.35 / (sl_match_rarity(c) + 5.0);
}
