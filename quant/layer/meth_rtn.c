/* Round to nearest: W' is what the quantizer makes of W. */
#include "quant/base/size.h"
#include "quant/layer/methods.h"
#include "quant/layer/round.h"

enum status rtn_run(const struct layer_task *task, struct layer_made *made, struct error *error)
{
  const struct layer *layer = task->layer;
  made->weight = mem_array(layer->rows * layer->columns, sizeof *made->weight);
  if (!made->weight)
    return error_memory(error, "the weights");
  return layer_round(&task->weight, layer->weight, layer->rows, layer->columns, made->weight,
                     &made->stored_bits, task->keeps_codes ? &made->codes : NULL, task->progress,
                     error);
}
