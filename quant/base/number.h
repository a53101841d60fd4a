/* Numbers as text that reads back as the same number.
 *
 * Ownership: writes into the caller's buffer. Threads: no state; the C numeric locale is
 * assumed (the program never sets another one). */
#ifndef QSCOPE_QUANT_BASE_NUMBER_H
#define QSCOPE_QUANT_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

enum { NUMBER_TEXT = 32 };

/* VALUE with the fewest significant digits that strtod reads back exactly ("0.1", "100",
 * "1e-07", "nan", "-inf"), into TEXT (NUMBER_TEXT bytes); returns TEXT. */
char *number_print(double value, char *text);

/* The factor that the unit at *TEXT stands for, and *TEXT moves behind it: K M G T (of either case)
 * are powers of 1000, as sizes of files are told, Ki Mi Gi Ti of 1024. 1 where there is none. */
size_t number_unit(const char **text);

/* A whole number from 0 on, decimal or hexadecimal (0x200), with a unit or without: "4096", "64Ki".
 * False when TEXT is no such number, or it does not fit. */
bool number_size(const char *text, size_t *out);

#endif
