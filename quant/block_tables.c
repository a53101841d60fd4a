/* Number tables that the block codecs of every instruction set share. */
#include "quant/block.h"

#define FOUR(n)    (n), (n) + 1, (n) + 2, (n) + 3
#define SIXTEEN(n) FOUR(n), FOUR((n) + 4), FOUR((n) + 8), FOUR((n) + 12)
#define SIXTY(n)   SIXTEEN(n), SIXTEEN((n) + 16), SIXTEEN((n) + 32), SIXTEEN((n) + 48)

const float block_whole_numbers[256] = {SIXTY(-128), SIXTY(-64), SIXTY(0), SIXTY(64)};
