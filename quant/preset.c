#include "quant/preset.h"

#include <strings.h>

#define TORCH "pytorch/pytorch:torch/ao/quantization"
#define ORT   "microsoft/onnxruntime:onnxruntime/python/tools/quantization"

const struct preset preset_table[] = {
    {"pytorch-qint8", "int8,sym,tensor,minmax,scale-rule=pytorch,arithmetic=reciprocal", "PyTorch",
     "s = a / 127.5 >= 2^-23, z = 0, q = clamp(rint(x (1 / s)), -128, 127)",
     "+a clips by half a step; quotients by a reciprocal", TORCH "/observer.py"},
    {"pytorch-quint8", "uint8,asym,tensor,minmax,scale-rule=pytorch,arithmetic=reciprocal",
     "PyTorch", "s = (max - min) / 255 >= 2^-23, z = clamp(0 - rint(min / s)), 0 in the range",
     "asymmetric; quotients by a reciprocal", TORCH "/observer.py"},
};
const size_t preset_table_length = sizeof preset_table / sizeof *preset_table;

const struct preset *preset_find(const char *name)
{
  for (size_t i = 0; i < preset_table_length; i++)
    if (strcasecmp(preset_table[i].name, name) == 0)
      return &preset_table[i];
  return NULL;
}
