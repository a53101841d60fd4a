/* Numbers as text that reads back as the same number.
 *
 * Ownership: writes into the caller's buffer. Threads: no state; the C numeric locale is
 * assumed (the program never sets another one). */
#ifndef QSCOPE_QUANT_BASE_NUMBER_H
#define QSCOPE_QUANT_BASE_NUMBER_H

enum { NUMBER_TEXT = 32 };

/* VALUE with the fewest significant digits that strtod reads back exactly ("0.1", "100",
 * "1e-07", "nan", "-inf"), into TEXT (NUMBER_TEXT bytes); returns TEXT. */
char *number_print(double value, char *text);

#endif
