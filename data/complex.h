/* Complex numbers: nothing that is quantized as a whole, so their real and imaginary parts are
 * offered beside them, as tensors of their own that read every second number. */
#ifndef QSCOPE_DATA_COMPLEX_H
#define QSCOPE_DATA_COMPLEX_H

#include "data/source_types.h"

/* Adds NAME.real and NAME.imag for every complex tensor of SOURCE, whose names are indexed; where a
 * tensor has one of these names already, that part is left out. STATUS_MEMORY. */
enum status complex_offer(struct source *source, struct error *error);

#endif
