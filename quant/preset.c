#include "quant/preset.h"

#include <stddef.h>
#include <strings.h>

#define TORCH    "pytorch/pytorch:torch/ao/quantization/observer.py"
#define AO       "pytorch/ao:torchao/quantization/quant_primitives.py"
#define ORT      "microsoft/onnxruntime:onnxruntime/python/tools/quantization/quant_utils.py"
#define ORTCAL   "microsoft/onnxruntime:onnxruntime/python/tools/quantization/calibrate.py"
#define MODELOPT "NVIDIA/Model-Optimizer:modelopt/torch/quantization"
#define TRTLLM   "NVIDIA/TensorRT-LLM"
#define TENSORS                                                                                    \
  "vllm-project/compressed-tensors:src/compressed_tensors/quantization/utils/helpers.py"
#define LLMC      "vllm-project/llm-compressor"
#define AIMET     "quic/aimet:ModelOptimizations/DlQuantization"
#define AIMET2    "quic/aimet:TrainingExtensions/torch/src/python/aimet_torch/v2"
#define INC       "intel/neural-compressor"
#define NNCF      "openvinotoolkit/nncf:src/nncf/quantization"
#define GPTQ      "IST-DASLab/gptq:quant.py"
#define AWQ       "mit-han-lab/llm-awq:awq/quantize/quantizer.py"
#define SMOOTH    "mit-han-lab/smoothquant:smoothquant/fake_quant.py"
#define BNB       "bitsandbytes-foundation/bitsandbytes:bitsandbytes/functional.py"
#define DEEPSPEED "microsoft/DeepSpeed:deepspeed/compression/utils.py"
#define GGML      "ggml-org/ggml:src/ggml-quants.c"
#define MLX       "ml-explore/mlx:mlx/ops.cpp"

#define BY_RECIPROCAL ",scale-rule=pytorch,arithmetic=reciprocal"
#define BY_TENSORS    ",scale-rule=compressed-tensors,arithmetic=zero-first"
#define BY_NVIDIA     ",narrow,scale-rule=nvidia,arithmetic=multiply"
#define BY_ORT        ",scale-rule=onnxruntime"
#define BY_AIMET      ",scale-rule=aimet,arithmetic=clamp-first"

const struct preset preset_table[] = {
    /* --- PyTorch and torchao --- */
    {"pytorch-qint8", "int8,tensor,minmax" BY_RECIPROCAL, "PyTorch",
     "s = 2 a / 255, at least 2^-23; q = clamp(rint(x (1/s)), -128, 127)",
     "a / 127.5: +a clips by half a step", TORCH},
    {"pytorch-quint8", "uint8,tensor,minmax" BY_RECIPROCAL, "PyTorch",
     "s = (max - min) / 255 with 0 in the range; z = clamp(-rint(min / s)); q = rint(x (1/s)) + z",
     "asymmetric; quotients by a rounded reciprocal", TORCH},
    {"pytorch-qint8-channel", "int8,narrow,channel,minmax,eps=0.000244140625" BY_RECIPROCAL,
     "PyTorch", "weights: s = a / 127 for each channel of axis 0, codes -127..127, at least 2^-12",
     "narrow codes, a larger least scale", TORCH},
    {"pytorch-fbgemm", "uint8,codes=0:127,tensor,minmax" BY_RECIPROCAL, "PyTorch (FBGEMM)",
     "quint8 with reduce_range: 7 bits, codes 0..127",
     "half of the codes, against overflow in "
     "16-bit sums",
     TORCH},
    {"pytorch-qnnpack", "uint8,tensor,minmax" BY_RECIPROCAL, "PyTorch (QNNPACK)",
     "quint8 over all 8 bits: no reduce_range", "like pytorch-quint8", TORCH},
    {"pytorch-float-qparams", "uint8,channel,minmax,scale-rule=free-minimum,eps=1.1920929e-07",
     "PyTorch", "embeddings: a float zero point for each row, 0 not in the range; s <= 2^-23 is 1",
     "y = q s + min", TORCH},
    {"pytorch-histogram", "uint8,tensor,torch-histogram" BY_RECIPROCAL, "PyTorch",
     "HistogramObserver: 2048 bins, cut while a modelled squared error does not rise",
     "the default for activations: clips a little", TORCH},
    {"torchao-histogram-quint8", "uint8,tensor,torchao-histogram" BY_RECIPROCAL, "torchao",
     "HistogramObserver of pt2e: the same walk, batches joined in another way", "clips a little",
     AO},
    {"pytorch-moving-average", "uint8,tensor,ema=0.01" BY_RECIPROCAL, "PyTorch",
     "the first batch as it is, then min and max += 0.01 (new - old)",
     "quantization-aware training's observer; needs --batches", TORCH},
    {"torchao-int8", "int8,channel,minmax" BY_RECIPROCAL, "torchao",
     "weights: symmetric a / 127.5 for each row", "a scale for each row", AO},
    {"torchao-no-clip", "int8,channel,minmax,scale-rule=no-clip,eps=1.1920929e-07", "torchao",
     "SYMMETRIC_NO_CLIPPING_ERR: s = max(-min / 128, max / 127)", "nothing clips", AO},
    {"torchao-int4", "uint4,group=128,minmax,scale-rule=free-minimum", "torchao (tinygemm)",
     "s = (max - min) / 15 for groups of 128, a float zero; 0 need not be on the grid",
     "y = q s + min", AO},
    /* --- ONNX Runtime --- */
    {"onnxruntime-uint8", "uint8,tensor,minmax" BY_ORT, "ONNX Runtime",
     "s = (max - min) / 255 in float64, z = rint(0 - min / s) of the unrounded s; q by division",
     "float64 scale arithmetic", ORT},
    {"onnxruntime-int8", "int8,tensor,minmax" BY_ORT, "ONNX Runtime",
     "symmetric: s = 2 a / 254, z = 0, codes clamp to -128..127", "a / 127 in float64", ORT},
    {"onnxruntime-uint8-symmetric", "uint8,sym,tensor,minmax" BY_ORT, "ONNX Runtime",
     "s = 2 a / 254, z = 127, codes clamp to 0..255", "zero point 127, not 128", ORT},
    {"onnxruntime-int8-asymmetric", "int8,asym,signed,tensor,minmax" BY_ORT, "ONNX Runtime",
     "s = (max - min) / 255, z = rint(-128 - min / s)", "zero point counted from -128", ORT},
    {"onnxruntime-uint8-reduced", "uint8,codes=0:127,tensor,minmax" BY_ORT, "ONNX Runtime",
     "reduce_range: scale and zero point of 0..127, codes clamp to 0..255",
     "only the scale knows the reduced range", ORT},
    {"onnxruntime-int8-reduced", "int8,codes=-64:64,tensor,minmax" BY_ORT, "ONNX Runtime",
     "reduce_range: -64..64 (not 63): s = 2 a / 128", "only the scale knows the reduced range",
     ORT},
    {"onnxruntime-int8-channel", "int8,channel,minmax" BY_ORT, "ONNX Runtime",
     "s = 2 a / 254 for each channel of axis 0", "a scale for each channel", ORT},
    {"onnxruntime-uint4", "uint4,group=32,minmax" BY_ORT, "ONNX Runtime",
     "s = (max - min) / 15, z = rint(-min / s) for blocks of 32", "4 bits in blocks", ORT},
    {"onnxruntime-int4", "int4,group=32,minmax" BY_ORT, "ONNX Runtime",
     "s = 2 a / 15, z = rint(-0.5) = 0: no narrow range at 4 bits", "a / 7.5", ORT},
    {"onnxruntime-int8-percentile", "int8,tensor,onnxruntime-percentile" BY_ORT, "ONNX Runtime",
     "2048 bins of |x|, the left edge at 99.999 percent, within the extremes", "clips", ORTCAL},
    {"onnxruntime-uint8-entropy", "uint8,tensor,onnxruntime-entropy" BY_ORT, "ONNX Runtime",
     "128 signed bins merged to 128: one candidate, so that one batch gives min-max",
     "clips only with more bins (bins=2048)", ORTCAL},
    {"onnxruntime-fp8", "e4m3,tensor,distribution", "ONNX Runtime",
     "s = the standard deviation of x over that of all E4M3FN codes", "fp8, clips", ORTCAL},
    /* --- NVIDIA --- */
    {"tensorrt-int8", "int8,tensor,minmax" BY_NVIDIA, "TensorRT",
     "q = clamp(rint(x (127 / a)), -127, 127), y = q / (127 / a); a <= 2^-24 makes zeros",
     "narrow codes; multiplies by 127 / a and divides by it again", MODELOPT "/tensor_quant.py"},
    {"tensorrt-int8-channel", "int8,channel,minmax" BY_NVIDIA, "TensorRT",
     "weights: the same for each channel of axis 0", "a scale for each channel",
     MODELOPT "/tensor_quant.py"},
    {"tensorrt-int8-percentile", "int8,tensor,nvidia-percentile" BY_NVIDIA, "TensorRT",
     "2048 bins of |x|, the left edge of the bin that reaches 99.99 percent", "clips",
     MODELOPT "/calib/histogram.py"},
    {"tensorrt-int8-entropy", "int8,tensor,nvidia-entropy" BY_NVIDIA, "TensorRT",
     "2048 bins of |x|, the last threshold with the least KL divergence from 128 kept bins on",
     "clips", MODELOPT "/calib/histogram.py"},
    {"tensorrt-int8-mse", "int8,tensor,nvidia-mse" BY_NVIDIA, "TensorRT",
     "2048 bins of |x|, the bin centre with the least squared error of the centres", "clips",
     MODELOPT "/calib/histogram.py"},
    {"modelopt-int8-mse", "int8,channel,modelopt-mse" BY_NVIDIA, "Model-Optimizer",
     "a times the best of 39 multipliers from 0.25 to 4, by the squared error of the values",
     "clips; 1.0 is not among the multipliers", MODELOPT "/calib/mse.py"},
    {"tensorrt-fp8", "e4m3,tensor,minmax,scale-rule=nvidia", "TensorRT / Model-Optimizer",
     "s = a / 448 in E4M3FN", "fp8", MODELOPT "/tensor_quant.py"},
    {"tensorrt-nvfp4", "nvfp4", "TensorRT / Model-Optimizer",
     "blocks of 16 with E4M3 scales under one float32 scale", "fp4 in blocks",
     MODELOPT "/qtensor/nvfp4_tensor.py"},
    {"tensorrt-llm-fp8", "e4m3,tensor,minmax,scale-rule=nvidia", "TensorRT-LLM",
     "one E4M3 scale a / 448 for the tensor", "fp8", TRTLLM},
    {"tensorrt-llm-int8-smooth", "int8,channel,minmax" BY_NVIDIA, "TensorRT-LLM",
     "SmoothQuant's weights: a / 127 for each output channel", "a scale for each channel", TRTLLM},
    {"tensorrt-llm-int4-awq", "int4,group=128,minmax,scale-rule=qmax", "TensorRT-LLM",
     "symmetric groups of 128: a / 7, codes -8..7", "4 bits in groups", TRTLLM},
    /* --- vLLM --- */
    {"compressed-tensors-int8", "int8,channel,minmax" BY_TENSORS, "compressed-tensors (vLLM)",
     "s = a / 127.5, codes -128..127; 0: 2^-23", "a / 127.5", TENSORS},
    {"compressed-tensors-int8-asymmetric", "int8,asym,signed,channel,minmax" BY_TENSORS,
     "compressed-tensors (vLLM)", "z = rint(clamp(-128 - min / s)); q = rint(clamp(x / s + z))",
     "adds the zero point before it rounds: ties go with its parity", TENSORS},
    {"compressed-tensors-int4", "int4,group=128,minmax" BY_TENSORS, "compressed-tensors (vLLM)",
     "s = a / 7.5 for groups of 128", "4 bits in groups", TENSORS},
    {"compressed-tensors-fp8", "e4m3,channel,minmax,scale-rule=compressed-tensors",
     "compressed-tensors (vLLM)", "s = a / 448 for each channel", "fp8", TENSORS},
    {"llmcompressor-int4-mse", "int4,group=128,llmcompressor-mse" BY_TENSORS, "llm-compressor",
     "both ends times 1 - i/100, i < 20, the least sum |e|^2.4; stops after 5 without gain",
     "never below 0.81 of the range", LLMC},
    /* --- Qualcomm --- */
    {"aimet-int8", "int8,tensor,aimet-tf" BY_AIMET, "AIMET",
     "255 steps: s = a / 127, the range -128 s .. 127 s; x clamped first, then rounded half up",
     "halves round up", AIMET},
    {"aimet-uint8", "uint8,tensor,aimet-tf" BY_AIMET, "AIMET",
     "s = (max - min) / 255, zero moved to the nearest step; rounded half up", "halves round up",
     AIMET},
    {"aimet-int8-strict", "int8,narrow,tensor,aimet-tf" BY_AIMET, "AIMET",
     "strict symmetric: 254 steps, codes -127..127", "halves round up", AIMET},
    {"aimet-int8-tf-enhanced", "int8,tensor,aimet-tf-enhanced" BY_AIMET, "AIMET",
     "101 steps k/100 of 2 a / 255 on a histogram of 512 bins over 3 times the range; the least "
     "squared error, that of clipped values times 3",
     "clips, halves round up", AIMET},
    {"aimet-uint8-tf-enhanced", "uint8,tensor,aimet-tf-enhanced" BY_AIMET, "AIMET",
     "17 steps times 21 offsets and the observed range on the same histogram",
     "clips, halves round up", AIMET},
    {"aimet-int8-percentile", "int8,tensor,aimet-percentile" BY_AIMET, "AIMET",
     "0.01 percent cut on each side of a histogram of 512 bins", "clips, halves round up", AIMET},
    {"aimet-int8-mse", "int8,tensor,aimet-mse" BY_AIMET, "AIMET",
     "the pair of a histogram's edges with the least squared error of the bins",
     "clips, halves round up", AIMET},
    {"aimet-v2-int8", "int8,tensor,minmax,scale-rule=aimet-v2", "AIMET v2",
     "s = max(max / 127, -min / 128), at least 2^-23", "nothing clips", AIMET2},
    {"qairt-uint8", "uint8,tensor,aimet-tf" BY_AIMET, "Qualcomm AI Engine Direct",
     "activations as AIMET exports them: asymmetric, zero on the grid", "halves round up", AIMET},
    {"qairt-int8", "int8,channel,aimet-tf" BY_AIMET, "Qualcomm AI Engine Direct",
     "weights as AIMET exports them: symmetric for each channel", "halves round up", AIMET},
    /* --- Intel --- */
    {"inc-int8", "int8,channel,minmax" BY_ORT, "Intel Neural Compressor",
     "weights: symmetric a / 127 for each channel", "ONNX Runtime's arithmetic", INC},
    {"inc-uint8", "uint8,tensor,minmax" BY_ORT, "Intel Neural Compressor",
     "activations: asymmetric over min..max", "ONNX Runtime's arithmetic", INC},
    {"inc-int4", "int4,group=32,minmax,scale-rule=half-range", "Intel Neural Compressor",
     "weight only: symmetric groups of 32, a / 7.5", "4 bits in groups", INC},
    {"nncf-int8", "int8,tensor,minmax,scale-rule=nncf", "NNCF (OpenVINO)",
     "activations: high = a, low = -a 256 / 254, so s = a / 127", "-128 can be reached", NNCF},
    {"nncf-uint8", "uint8,tensor,minmax,scale-rule=nncf", "NNCF (OpenVINO)",
     "activations: the range widened until zero is on the grid", "never shrinks the range", NNCF},
    {"nncf-int8-weights", "int8,narrow,channel,minmax,scale-rule=qmax", "NNCF (OpenVINO)",
     "weights: narrow symmetric for each channel", "narrow codes", NNCF},
    {"nncf-int4", "int4,group=128,minmax,scale-rule=signed", "NNCF (OpenVINO)",
     "weight compression: the heavier side on -8, so the scale may be negative",
     "a free half bit against a / 7", NNCF},
    {"nncf-int4-asymmetric", "uint4,group=128,minmax,scale-rule=affine", "NNCF (OpenVINO)",
     "weight compression: min..max, zero point clipped", "4 bits in groups", NNCF},
    /* --- weight-only methods, their grids --- */
    {"gptq-int4", "uint4,sym,group=128,minmax,scale-rule=gptq", "GPTQ / AutoGPTQ",
     "s = 2 a / 15, z = 8; a group without negative values gets s = max / 15",
     "round to nearest on GPTQ's grid, without its updates", GPTQ},
    {"gptq-int4-asymmetric", "uint4,group=128,minmax,scale-rule=gptq", "GPTQ / AutoGPTQ",
     "s = (max - min) / 15 with 0 in the range, z = rint(-min / s)", "on GPTQ's grid", GPTQ},
    {"gptq-int4-mse", "uint4,sym,group=128,gptq-mse,scale-rule=gptq", "GPTQ",
     "both ends times 1 - i/100, i < 80, the least sum |e|^2.4", "clips", GPTQ},
    {"awq-int4", "uint4,group=128,minmax,scale-rule=awq", "llm-awq / AutoAWQ",
     "s = max(max - min, 1e-5) / 15, z = clamp(-rint(min / s)): 0 is not forced into the range",
     "a group on one side of zero saturates", AWQ},
    {"autoawq-int4-symmetric", "int4,group=128,minmax,scale-rule=floored-absmax", "AutoAWQ",
     "s = max(a, 1e-5) / 7, codes -8..7", "4 bits in groups", AWQ},
    {"smoothquant-int8", "int8,channel,minmax,scale-rule=floored-absmax", "SmoothQuant",
     "s = max(a, 1e-5) / 127 for each output channel", "no clamp is needed", SMOOTH},
    {"smoothquant-int8-token", "int8,token,minmax,scale-rule=floored-absmax", "SmoothQuant",
     "activations: the same for each token, at run time", "a scale for each token", SMOOTH},
    {"bitsandbytes-int8", "int8,channel,minmax,scale-rule=qmax,arithmetic=multiply",
     "bitsandbytes (LLM.int8)",
     "vector-wise: q = rint(x (127 / a)) for each row, y = q / (127 / a)",
     "multiplies by 127 / a; outlier columns are not split off", BNB},
    {"bitsandbytes-nf4", "nf4,block=64", "bitsandbytes", "absmax of 64, 16 quantiles of a Gaussian",
     "a codebook", BNB},
    {"bitsandbytes-fp4", "bnb_fp4,block=64", "bitsandbytes",
     "absmax of 64, levels 0 1/192 1/6 1/4 1/3 1/2 2/3 1: not E2M1", "a codebook", BNB},
    {"zeroquant-v2-int4", "int4,group=128,minmax,scale-rule=qmin", "ZeroQuant-V2",
     "weights: s = 2 a / 16 for groups of 128, codes -8..7", "a / 8: +a clips by a step",
     DEEPSPEED},
    {"zeroquant-v2-int8-token", "int8,token,minmax,scale-rule=qmin", "ZeroQuant-V2",
     "activations: s = 2 a / 256 for each token, at run time", "a / 128: +a clips by a step",
     DEEPSPEED},
    {"llm-qat-int8-token", "int8,token,minmax,scale-rule=llm-qat,arithmetic=multiply", "LLM-QAT",
     "q = rint(x (127 / (a + 1e-6))) for each token; y divides by it (the reference by 1e-6 more)",
     "multiplies and divides by 127 / (a + 1e-6)",
     "facebookresearch/LLM-QAT:models/utils_quant.py"},
    {"mlx-int4", "uint4,group=64,minmax,scale-rule=mlx", "MLX",
     "s = (max - min) / 15, the heavier end a whole number of steps from zero, y = q s + b",
     "zero is on the grid by the end that is exact", MLX},
    /* --- ggml: the format is all there is --- */
    {"gguf-q8_0", "q8_0", "GGUF", "fp16 a / 127 for 32, rounded half away", "blocks", GGML},
    {"gguf-q4_0", "q4_0", "GGUF", "fp16 signed scale for 32: the heavier end on -8", "blocks",
     GGML},
    {"gguf-q4_k", "q4_k", "GGUF", "super-blocks of 256 with 6-bit scales and minima, searched",
     "blocks", GGML},
    {"gguf-q6_k", "q6_k", "GGUF", "super-blocks of 256 with 8-bit scales, searched", "blocks",
     GGML},
};
const size_t preset_table_length = sizeof preset_table / sizeof *preset_table;

const struct preset *preset_find(const char *name)
{
  for (size_t i = 0; i < preset_table_length; i++)
    if (strcasecmp(preset_table[i].name, name) == 0)
      return &preset_table[i];
  return NULL;
}
