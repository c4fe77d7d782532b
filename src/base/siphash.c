#include "sluice/base/siphash.h"

#define COMPRESS_ROUNDS 2
#define FINISH_ROUNDS 4

static uint64_t
rotate(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static void
mix(uint64_t v[4], unsigned rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

/* Little-endian, whatever the machine. */
static uint64_t
load(const char *data, size_t len)
{
	uint64_t value = 0;
	for (size_t i = 0; i < len; i++)
		value |= (uint64_t)(unsigned char)data[i] << 8 * i;
	return value;
}

static void
add_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix(v, COMPRESS_ROUNDS);
	v[0] ^= word;
}

struct sl_siphash
sl_siphash(uint64_t key0, uint64_t key1, struct sl_span text)
{
	uint64_t v[4] = { key0 ^ 0x736f6d6570736575u, key1 ^ 0x646f72616e646f6du ^ 0xee,
		key0 ^ 0x6c7967656e657261u, key1 ^ 0x7465646279746573u };
	struct sl_siphash out;
	size_t whole = text.len - text.len % 8;
	for (size_t i = 0; i < whole; i += 8)
		add_word(v, load(text.data + i, 8));
	add_word(v, load(text.data + whole, text.len - whole) | (uint64_t)text.len << 56);
	v[2] ^= 0xee;
	mix(v, FINISH_ROUNDS);
	out.low = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	mix(v, FINISH_ROUNDS);
	out.high = v[0] ^ v[1] ^ v[2] ^ v[3];
	return out;
}
