/*
 * crc32c.h - CRC-32C (Castagnoli, reflected, RFC 3720 appendix B.4), in hardware if the CPU has the
 * instruction.
 */
#ifndef SLUICE_BASE_CRC32C_H
#define SLUICE_BASE_CRC32C_H

#include "sluice/base/def.h"

/* The CRC of the bytes that `crc` covers (0 = none) followed by `data`. "123456789" gives
 * 0xe3069283. */
uint32_t sl_crc32c(uint32_t crc, const void *data, size_t len);

/* The same without hardware, for tests. */
uint32_t sl_crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
