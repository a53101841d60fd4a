/* Formulas as CONVENTIONS of the field: each row names whose it is. Unless said otherwise float32,
 * rounding half to even, and zero forced into the range. */
#include "quant/scale_rule.h"

#include <float.h>
#include <math.h>
#include <strings.h>

/* --- pieces --------------------------------------------------------------------------------- */

static float absmax(const struct scale_input *in)
{
  return fmaxf(fabsf(in->lo), fabsf(in->hi));
}

static float low(const struct scale_input *in)
{
  return fminf(in->lo, 0);
}

static float high(const struct scale_input *in)
{
  return fmaxf(in->hi, 0);
}

/* A zero point; ranges too narrow for a scale give no number. */
static long code_of(const struct scale_input *in, double code)
{
  return lrint(fmin(fmax(code, in->qmin), in->qmax));
}

static void symmetric(const struct scale_input *in, float scale, struct scaling *out)
{
  *out = (struct scaling){.scale = fmaxf(scale, in->eps), .zero = lrint(in->middle)};
}

/* --- generic: symmetric ---------------------------------------------------------------------- */

static void make_qmax(const struct scale_input *in, struct scaling *out)
{
  float a = absmax(in), max = (float)(in->qmax - in->middle);
  symmetric(in, a / max, out);
  if (a / max >= in->eps && isfinite(max / a))
    out->multiplier = max / a;
}

static void make_half_range(const struct scale_input *in, struct scaling *out)
{
  symmetric(in, absmax(in) / (float)((in->qmax - in->qmin) / 2), out);
}

static void make_no_clip(const struct scale_input *in, struct scaling *out)
{
  float negative = -low(in) / (float)(in->middle - in->qmin);
  symmetric(in, fmaxf(negative, high(in) / (float)(in->qmax - in->middle)), out);
}

static void make_qmin(const struct scale_input *in, struct scaling *out)
{
  symmetric(in, absmax(in) / (float)(in->middle - in->qmin), out);
}

/* The heavier side lands on the lowest code; the scale is negative when that is the positive one.
 */
static void make_signed(const struct scale_input *in, struct scaling *out)
{
  float steps = (float)(in->middle - in->qmin), negative = -low(in), positive = high(in);
  symmetric(in, fmaxf(negative, positive) / steps, out);
  if (positive > negative)
    out->scale = -out->scale;
}

/* --- generic: asymmetric --------------------------------------------------------------------- */

/* The width of -FLT_MAX..FLT_MAX is no float32. */
static float width_scale(const struct scale_input *in, float lo, float hi)
{
  float steps = (float)(in->qmax - in->qmin), scale = (hi - lo) / steps;
  return isinf(scale) ? hi / steps - lo / steps : scale;
}

static void make_affine(const struct scale_input *in, struct scaling *out)
{
  float scale = fmaxf(width_scale(in, low(in), high(in)), in->eps);
  double zero = in->qmin - (double)rintf(low(in) / scale);
  *out = (struct scaling){.scale = scale, .zero = code_of(in, zero)};
}

/* y = code * scale + minimum. */
static void make_free_minimum(const struct scale_input *in, struct scaling *out)
{
  float scale = width_scale(in, in->lo, in->hi);
  *out = (struct scaling){.scale = scale > in->eps ? scale : 1, .offset = in->lo};
}

static void make_unforced(const struct scale_input *in, struct scaling *out)
{
  float steps = (float)(in->qmax - in->qmin);
  float scale = fmaxf(width_scale(in, in->lo, in->hi), in->eps / steps);
  double zero = in->qmin - (double)rintf(in->lo / scale);
  *out = (struct scaling){.scale = scale, .zero = code_of(in, zero)};
}

/* --- systems --------------------------------------------------------------------------------- */

static void make_pytorch(const struct scale_input *in, struct scaling *out)
{
  float a = fmaxf(-low(in), high(in)), half = (float)((in->qmax - in->qmin) / 2);
  if (in->asymmetric) {
    make_affine(in, out);
    return;
  }
  symmetric(in, a / half, out);
  if (in->limited && in->middle > 0) /* a range of one's own: its middle, rounded down */
    out->zero = lrint(floor((in->qmin + in->qmax) / 2));
}

/* The scale is made in float64 of a float32 width, the zero point of the float64 scale. */
static void make_onnxruntime(const struct scale_input *in, struct scaling *out)
{
  float lo = low(in), hi = high(in);
  double qmin = in->qmin, qmax = in->qmax;
  if (!in->asymmetric) {
    float a = fmaxf(-lo, hi);
    lo = -a;
    hi = a;
  }
  float width = hi - lo;
  double scale = (isinf(width) ? (double)hi - (double)lo : (double)width) / (qmax - qmin);
  if (scale < (double)in->eps) {
    *out = (struct scaling){.scale = 1, .zero = 0};
    return;
  }
  double zero = in->asymmetric ? rint(qmin - (double)lo / scale) : rint((qmin + qmax) / 2);
  *out = (struct scaling){.scale = (float)scale, .zero = lrint(zero)};
}

static void make_compressed_tensors(const struct scale_input *in, struct scaling *out)
{
  if (!in->asymmetric) {
    make_half_range(
        &(struct scale_input){
            .lo = in->lo, .hi = in->hi, .qmin = in->qmin, .qmax = in->qmax, .middle = in->middle},
        out);
    out->scale = out->scale == 0 ? in->eps : out->scale;
    return;
  }
  float scale = width_scale(in, low(in), high(in));
  if (scale == 0) { /* the reference divides 0 by 0 */
    *out = (struct scaling){.scale = in->eps, .zero = 0};
    return;
  }
  float zero = (float)in->qmin - low(in) / scale;
  *out = (struct scaling){.scale = scale, .zero = code_of(in, (double)zero)};
}

/* Values at or below 2^-24 become 0. */
static void make_nvidia(const struct scale_input *in, struct scaling *out)
{
  float a = absmax(in), max = (float)in->qmax;
  *out = (struct scaling){.scale = a / max, .multiplier = max / a};
  if (a <= 0x1p-24f)
    *out = (struct scaling){.scale = 1 / FLT_MIN, .multiplier = FLT_MIN};
}

/* 2^b - 1 steps; symmetric: the lowest code lies one step beyond -a. The scale is made in float64,
 * the range moved so that zero is on the grid. */
static void make_aimet(const struct scale_input *in, struct scaling *out)
{
  double lo = (double)low(in), hi = (double)high(in), steps = in->qmax - in->qmin;
  if (!in->asymmetric) {
    bool one_sided = in->middle > 0 && in->lo >= 0; /* symmetric unsigned */
    double below = one_sided ? 0 : ceil(steps / 2), above = one_sided ? steps : floor(steps / 2);
    double scale = fmax(-lo, hi) / above;
    *out = (struct scaling){.scale = (float)scale, .zero = lrint(in->qmin + below)};
    return;
  }
  double scale = (hi - lo) / steps, zero = round(-lo / scale);
  *out = (struct scaling){.scale = (float)scale, .zero = code_of(in, in->qmin + zero)};
}

/* Without negative values the range stays one-sided, and half of the codes are never used. */
static void make_gptq(const struct scale_input *in, struct scaling *out)
{
  float lo = low(in), hi = high(in);
  if (!in->asymmetric) {
    hi = fmaxf(fabsf(lo), hi);
    lo = lo < 0 ? -hi : lo;
  }
  if (lo == 0 && hi == 0) {
    lo = -1;
    hi = 1;
  }
  float scale = width_scale(in, lo, hi);
  double zero = in->asymmetric ? in->qmin + (double)rintf(-lo / scale) : in->middle;
  *out = (struct scaling){.scale = scale, .zero = code_of(in, zero)};
}

static void make_floored_absmax(const struct scale_input *in, struct scaling *out)
{
  float a = fmaxf(absmax(in), in->eps);
  *out = (struct scaling){.scale = a / (float)(in->qmax - in->middle), .zero = lrint(in->middle)};
}

/* The threshold is a little larger than the largest magnitude. */
static void make_llm_qat(const struct scale_input *in, struct scaling *out)
{
  float max = (float)(in->qmax - in->middle), a = absmax(in) + in->eps;
  *out = (struct scaling){.scale = a / max, .zero = lrint(in->middle), .multiplier = max / a};
}

/* The range is widened on one side until zero is a whole number of steps from the end. */
static void make_nncf(const struct scale_input *in, struct scaling *out)
{
  if (!in->asymmetric) {
    make_qmax(in, out);
    return;
  }
  double lo = (double)low(in), hi = (double)high(in), steps = in->qmax - in->qmin;
  if (hi - lo < (double)in->eps) {
    make_affine(in, out);
    return;
  }
  double zero = rint(-lo * steps / (hi - lo)), scale = (hi - lo) / steps;
  if (zero > 0 && zero < steps)
    scale = fmax(-lo / zero, hi / (steps - zero));
  *out = (struct scaling){.scale = (float)scale, .zero = code_of(in, in->qmin + zero)};
}

/* The end with the larger magnitude is a whole number of steps from zero, the scale negative when
 * that is the upper one; the minimum is free. */
static void make_mlx(const struct scale_input *in, struct scaling *out)
{
  bool lower = fabsf(in->lo) > fabsf(in->hi);
  float scale = fmaxf(width_scale(in, in->lo, in->hi), in->eps);
  float edge = lower ? in->lo : in->hi;
  scale = lower ? scale : -scale;
  float whole = roundf(edge / scale);
  *out =
      (struct scaling){.scale = whole != 0 ? edge / whole : scale, .offset = whole != 0 ? edge : 0};
}

#define EPS_PYTORCH 0x1p-23

const struct scale_rule scale_rule_table[] = {
    {.name = "qmax",
     .formula = "a / 127: the largest code is a; -128 stays unused",
     .symmetric = true,
     .make = make_qmax},
    {.name = "half-range",
     .formula = "a / 127.5: half of all steps; +a clips by half a step",
     .symmetric = true,
     .make = make_half_range},
    {.name = "no-clip",
     .formula = "max(-min / 128, max / 127): as fine as nothing clips",
     .symmetric = true,
     .make = make_no_clip},
    {.name = "signed",
     .formula = "a / -128 on the heavier side: the scale may be negative",
     .symmetric = true,
     .integers = true,
     .make = make_signed,
     .reference = "openvinotoolkit/nncf (weight compression)"},
    {.name = "qmin",
     .formula = "a / 128: the lowest code is -a; +a clips by a step",
     .symmetric = true,
     .make = make_qmin},
    {.name = "affine",
     .formula = "(max - min) / 255, zero point rounded: zero is on the grid",
     .asymmetric = true,
     .integers = true,
     .make = make_affine},
    {.name = "free-minimum",
     .formula = "(max - min) / 255 + min: zero need not be on the grid",
     .asymmetric = true,
     .integers = true,
     .offset = true,
     .make = make_free_minimum,
     .reference = "pytorch/ao (tinygemm), per_channel_affine_float_qparams"},
    {.name = "pytorch",
     .formula = "a / 127.5; (max - min) / 255; at least 2^-23",
     .symmetric = true,
     .asymmetric = true,
     .eps = EPS_PYTORCH,
     .make = make_pytorch,
     .reference = "pytorch/pytorch:torch/ao/quantization/observer.py"},
    {.name = "onnxruntime",
     .formula = "2 a / 254 or (max - min) / 255 in float64; below 2^-126: 1",
     .symmetric = true,
     .asymmetric = true,
     .integers = true,
     .clamps_whole_type = true,
     .spares_a_code = true,
     .eps = (double)FLT_MIN,
     .make = make_onnxruntime,
     .reference = "microsoft/onnxruntime:onnxruntime/python/tools/quantization/quant_utils.py"},
    {.name = "compressed-tensors",
     .formula = "a / 127.5; zero point clamped, then rounded; 0: 2^-23",
     .symmetric = true,
     .asymmetric = true,
     .eps = EPS_PYTORCH,
     .make = make_compressed_tensors,
     .reference = "vllm-project/compressed-tensors"},
    {.name = "nvidia",
     .formula = "a / 127; a <= 2^-24 makes zeros",
     .symmetric = true,
     .make = make_nvidia,
     .reference = "NVIDIA/Model-Optimizer:modelopt/torch/quantization/tensor_quant.py"},
    {.name = "aimet",
     .formula = "a / 127 with 255 steps, -128 a step beyond -a; zero nudged",
     .symmetric = true,
     .asymmetric = true,
     .integers = true,
     .make = make_aimet,
     .reference = "quic/aimet:ModelOptimizations/DlQuantization"},
    {.name = "aimet-v2",
     .formula = "max(-min / 128, max / 127); at least 2^-23",
     .symmetric = true,
     .integers = true,
     .eps = EPS_PYTORCH,
     .make = make_no_clip,
     .reference = "quic/aimet (aimet_torch v2)"},
    {.name = "gptq",
     .formula = "2 a / 255 or (max - min) / 255; without negative values max / 255",
     .symmetric = true,
     .asymmetric = true,
     .integers = true,
     .make = make_gptq,
     .reference = "IST-DASLab/gptq:quant.py"},
    {.name = "awq",
     .formula = "max(max - min, 1e-5) / 255, zero not forced into the range",
     .asymmetric = true,
     .integers = true,
     .eps = 1e-5,
     .make = make_unforced,
     .reference = "mit-han-lab/llm-awq:awq/quantize/quantizer.py"},
    {.name = "floored-absmax",
     .formula = "max(a, 1e-5) / 127",
     .symmetric = true,
     .eps = 1e-5,
     .make = make_floored_absmax,
     .reference = "mit-han-lab/smoothquant, casper-hansen/AutoAWQ"},
    {.name = "llm-qat",
     .formula = "(a + 1e-6) / 127",
     .symmetric = true,
     .eps = 1e-6,
     .make = make_llm_qat,
     .reference = "facebookresearch/LLM-QAT:models/utils_quant.py"},
    {.name = "nncf",
     .formula = "a / 127; the range widened on one side until zero is on the grid",
     .symmetric = true,
     .asymmetric = true,
     .integers = true,
     .eps = EPS_PYTORCH,
     .make = make_nncf,
     .reference = "openvinotoolkit/nncf (activations)"},
    {.name = "ppq",
     .formula = "2 a / 255; (max - min) / 255; at least 1e-8",
     .symmetric = true,
     .asymmetric = true,
     .eps = 1e-8,
     .make = make_pytorch,
     .reference = "OpenPPL/ppq:ppq/quantization/observer/range.py"},
    {.name = "mlx",
     .formula = "(max - min) / 15, the heavier end a whole number of steps from zero",
     .asymmetric = true,
     .integers = true,
     .offset = true,
     .eps = 1e-7,
     .make = make_mlx,
     .reference = "ml-explore/mlx (affine mode)"},
};
const size_t scale_rule_table_length = sizeof scale_rule_table / sizeof *scale_rule_table;
_Static_assert(sizeof scale_rule_table / sizeof *scale_rule_table <= SCALE_RULES_MOST,
               "room for all names");

const struct scale_rule *scale_rule_find(const char *name)
{
  for (size_t i = 0; i < scale_rule_table_length; i++)
    if (strcasecmp(scale_rule_table[i].name, name) == 0)
      return &scale_rule_table[i];
  return NULL;
}

/* --- applied --------------------------------------------------------------------------------- */

static void number_codes(const struct calibration *calibration, struct scale_input *in)
{
  long half = 1L << (calibration->format->bits - 1);
  if (!calibration->format->family->has_zero_point) {
    in->qmax = format_max(calibration->format);
    in->qmin = -in->qmax;
    return;
  }
  bool from_zero =
      calibration->asymmetric ? !calibration->signed_codes : calibration->unsigned_codes;
  bool narrow = calibration->narrow && !calibration->asymmetric;
  long lowest = from_zero ? 0 : -half + narrow;
  in->qmin = (double)(calibration->limited ? calibration->code_lo : lowest);
  in->qmax = (double)(calibration->limited ? calibration->code_hi : lowest + 2 * half - 1 - narrow);
  in->middle = calibration->unsigned_codes ? (double)(half - narrow) : 0;
}

void scale_rule_apply(const struct scale_rule *rule, const struct calibration *calibration,
                      float lo, float hi, struct scaling *out)
{
  double eps = calibration->eps > 0 ? calibration->eps : rule->eps;
  struct scale_input in = {.lo = lo,
                           .hi = hi,
                           .eps = (float)eps,
                           .asymmetric = calibration->asymmetric,
                           .limited = calibration->limited,
                           .bits = calibration->format->bits};
  number_codes(calibration, &in);
  if (rule->spares_a_code && !in.asymmetric && !in.limited && !calibration->narrow && in.bits > 4)
    *(in.middle > 0 ? &in.qmax : &in.qmin) += in.middle > 0 ? -1 : 1;
  rule->make(&in, out);
  if (calibration->signed_codes && !rule->offset)
    out->zero += 1L << (in.bits - 1);
  /* A range of nothing has no scale of its own; x / scale has to mean something. */
  if (!(fabsf(out->scale) > 0))
    out->scale = 1;
  out->scale = copysignf(fminf(fmaxf(fabsf(out->scale), FLT_TRUE_MIN), FLT_MAX), out->scale);
}
