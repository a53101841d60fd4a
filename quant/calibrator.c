#include "quant/calibrator.h"

#include "quant/aimet_histogram.h"
#include "quant/calibrators.h"
#include "quant/scale_rule.h"

#include <float.h>
#include <math.h>
#include <strings.h>

const struct calibrator calibrator_table[] = {
    {.name = "minmax",
     .summary = "the smallest and the largest value",
     .explanation =
         "Takes the smallest and the largest value, so that nothing is clipped. Best for "
         "data without outliers, and for formats with many levels. A single outlier "
         "makes every step coarse.",
     .reference = "pytorch/pytorch (MinMaxObserver)"},
    {.name = "percentile",
     .parameter = "P",
     .default_value = 99.99,
     .least = 50,
     .most = 100,
     .summary = "P percent of the values: of |x| when symmetric, cut on both sides when asymmetric",
     .explanation =
         "Clips what lies beyond P percent in ascending order, interpolated as numpy does. A good "
         "and cheap guard against rare outliers, if P suits the bits: 99.99 at 8, 99.9 at 6, 99 at "
         "4, which is the default. It clips that share even of data that has no outliers.",
     .choose = percentile_choose},
    {.name = "entropy",
     .option = {{"bins", 2048, 2, 32768, true, "of the first batch"},
                {"numpy", 0, 0, 1, true, "1: bins from min |x| on, as its numpy path has them"},
                {"start-bin", 128, 1, 32768, true, "least number of bins kept"},
                {"stride", 1, 1, 32768, true, "bins from candidate to candidate"},
                {"quantized-bins", 0, 0, 65536, true, "0: 2^(bits - 1), one-sided 2^bits"}},
     .integers_only = true,
     .running = true,
     .summary = "the threshold that keeps the distribution: NVIDIA's rule on 2048 bins of |x|",
     .explanation =
         "Counts |x| in 2048 bins and keeps as many as leave the distribution most alike, by the "
         "Kullback-Leibler divergence of the clipped and requantized bins. A little below mse on "
         "Gaussian and Laplace data, often kinder to the bulk. On heavy tails it clips far too "
         "much, and data far from zero are badly served.",
     .reference = "NVIDIA/Model-Optimizer",
     .choose = entropy_choose},
    {.name = "nvidia-max",
     .summary = "the largest |x| of all batches",
     .explanation =
         "Takes the largest magnitude as the threshold on both sides. Nothing is clipped: best for "
         "weights per channel. A single outlier makes every step coarse.",
     .reference = "NVIDIA/Model-Optimizer (calib/max.py)",
     .choose = nvidia_max_choose},
    {.name = "nvidia-percentile",
     .parameter = "P",
     .default_value = 99.99,
     .least = 0,
     .most = 100,
     .option = {{"bins", 2048, 2, 32768, true, "of the first batch"},
                {"numpy", 0, 0, 1, true, "1: bins from min |x| on, as its numpy path has them"}},
     .running = true,
     .summary = "the left edge of the bin of |x| at which P percent of the values are reached",
     .explanation =
         "Counts |x| in 2048 bins and takes the left edge of the bin at which P percent are "
         "reached. Quick, and sound on activations with rare outliers. The edge is a whole bin "
         "coarse, so P = 100 still clips the largest value, and the first batch decides how wide "
         "the bins are.",
     .reference = "NVIDIA/TensorRT (pytorch-quantization), NVIDIA/Model-Optimizer",
     .choose = nvidia_percentile_choose},
    {.name = "nvidia-entropy",
     .option = {{"bins", 2048, 2, 32768, true, "of the first batch"},
                {"numpy", 0, 0, 1, true, "1: bins from min |x| on, as its numpy path has them"},
                {"start-bin", 128, 1, 32768, true, "least number of bins kept"},
                {"stride", 1, 1, 32768, true, "bins from candidate to candidate"},
                {"quantized-bins", 0, 0, 65536, true, "0: 2^(bits - 1), one-sided 2^bits"}},
     .integers_only = true,
     .running = true,
     .summary = "the bins of |x| kept whose distribution is nearest to the whole (= entropy)",
     .explanation =
         "Keeps the bins of |x| whose distribution, merged to as many bins as there are levels, "
         "has the least Kullback-Leibler divergence from the whole. Good on activations with long "
         "tails. It knows nothing of the error, cuts heavy tails too far, and fails on data with "
         "no values near zero.",
     .reference = "NVIDIA/TensorRT (pytorch-quantization), NVIDIA/Model-Optimizer",
     .choose = entropy_choose},
    {.name = "nvidia-mse",
     .option = {{"bins", 2048, 2, 32768, true, "of the first batch"},
                {"numpy", 0, 0, 1, true, "1: bins from min |x| on, as its numpy path has them"},
                {"start-bin", 128, 0, 32768, true, "first candidate"},
                {"stride", 1, 1, 32768, true, "bins from candidate to candidate"}},
     .running = true,
     .summary = "the bin centre of |x| with the least squared error of all bin centres",
     .explanation =
         "Tries every bin centre of |x| as the threshold and keeps the least squared error of the "
         "centres, weighted with their counts. Close to the true minimum at 8 bits. At few bits "
         "the search may end at its first bin, and fine structure inside a bin is not seen.",
     .reference = "NVIDIA/TensorRT (pytorch-quantization), NVIDIA/Model-Optimizer",
     .choose = nvidia_mse_choose},
    {.name = "modelopt-mse",
     .option = {{"start", 0.25, 0.001, 1000, false, "least multiplier"},
                {"stop", 4, 0.001, 1000, false, "largest multiplier"},
                {"steps", 39, 1, 10000, true, "number of multipliers"}},
     .summary = "the largest |x| times the best of 39 multipliers from 0.25 to 4",
     .explanation =
         "Multiplies the largest magnitude by 39 factors, evenly from 0.25 to 4.0, and keeps the "
         "least squared error of the values. Safe, since it sees all data. Its steps of a tenth "
         "are coarse, 1.0 itself is not among them, and it never clips below a quarter.",
     .reference = "NVIDIA/Model-Optimizer (calib/mse.py)",
     .choose = modelopt_mse_choose},
    {.name = "onnxruntime-percentile",
     .parameter = "P",
     .default_value = 99.999,
     .least = 0,
     .most = 100,
     .option = {{"bins", 2048, 2, 32768, true, "of the first batch"}},
     .running = true,
     .summary = "P percent of |x|, asymmetric cut by half on each side, within the extremes",
     .explanation =
         "Symmetric: the left edge of the bin of |x| at which P percent are reached; asymmetric: "
         "half of the rest is cut on each side; both stay within the extremes. Mild at 99.999, so "
         "it removes only the rarest outliers. The two ends may differ even when symmetric, and "
         "few values make it minmax.",
     .reference = "microsoft/onnxruntime (calibrate.py)",
     .choose = onnxruntime_percentile_choose},
    {.name = "onnxruntime-entropy",
     .option = {{"bins", 128, 2, 32768, true, "of the first batch"},
                {"quantized-bins", 128, 1, 32768, true, "bins of the candidate"}},
     .running = true,
     .summary = "the window around zero whose distribution survives merging (128 bins: minmax)",
     .explanation =
         "Tries windows of growing width around the middle of a signed histogram and keeps the "
         "least Kullback-Leibler divergence, empty bins smoothed by 1e-4. Needs bins=2048 to do "
         "anything. The stock 128 bins leave a single candidate, so that one batch gives minmax.",
     .reference = "microsoft/onnxruntime (calibrate.py)",
     .choose = onnxruntime_entropy_choose},
    {.name = "distribution",
     .option = {{"bins", 2048, 512, 32768, true, "of the first batch"},
                {"p3", 0, 0, 1, true, "1: of the cube roots of the values"}},
     .running = true,
     .summary = "the scale that gives the codes of a small float the values' standard deviation",
     .explanation =
         "Divides the standard deviation of the values by that of all codes of the format. Meant "
         "for fp8, whose precision hardly depends on the scale. It does not look at the extremes, "
         "so it clips whatever lies beyond a few standard deviations, and outliers widen it.",
     .reference = "microsoft/onnxruntime (calibrate.py, quant_utils.py)",
     .refuse = distribution_refuse,
     .choose = distribution_choose},
    {.name = "mse",
     .summary = "the least mean squared error over all scales and zero points (16-bit formats: the "
                "best of 64 scales, refined)",
     .explanation =
         "Finds the scale and zero point with the least squared error: exactly for integers and "
         "small floats up to 8 bits, by the chain of parabolas that the error is. No other rule "
         "has a higher SQNR. With outliers that means serving the few largest values, and the bulk "
         "may fare worse.",
     .choose = mse_choose},
    {.name = "lp",
     .parameter = "P",
     .default_value = 2.4,
     .least = 0.5,
     .most = 10,
     .summary = "the least sum of |x - y|^P over all scales and zero points (2: mse)",
     .explanation =
         "Finds the scale and zero point with the least sum of |x - y|^P. Above 2, large errors "
         "weigh more and less is clipped; below 2, the many small values win and more is clipped. "
         "The least Lp error is not the least mean squared error: what a layer loses is nearer to "
         "that.",
     .choose = lp_choose},
    {.name = "sigma",
     .parameter = "K",
     .default_value = 4,
     .least = 0.1,
     .most = 100,
     .summary = "the mean and K standard deviations on both sides of it",
     .explanation =
         "The range is the mean plus and minus K standard deviations, no further than the values "
         "reach. For a Gaussian, K = 3.9 is best at 8 bits and 2.5 at 4. Heavy tails and outliers "
         "widen the standard deviation itself, so the rule follows what it should cut.",
     .choose = sigma_choose},
    {.name = "exclude",
     .parameter = "K",
     .default_value = 6,
     .least = 0.1,
     .most = 100,
     .summary = "the smallest and the largest value within K standard deviations of the mean",
     .explanation =
         "Values further than K standard deviations from the mean are left out, and the extremes "
         "of the rest are the range. It finds rare outliers, one in a thousand or less. Outliers "
         "that are more than 1 / K^2 of the values (2.8 percent for K = 6) widen the standard "
         "deviation so far that they hide themselves.",
     .choose = exclude_choose},
    {.name = "aciq-gaussian",
     .integers_only = true,
     .option = {{"variant", 1, 1, 2, true, "which of the two published tables"}},
     .summary = "the best clip of a Gaussian: a factor for the bits times the standard deviation",
     .explanation =
         "The standard deviation times the factor at which clipping and rounding errors of a "
         "Gaussian balance: 2.55 at 4 bits, 3.92 at 8. Right for values that are bell-shaped "
         "around 0, and as fast as taking a mean. On heavier tails it clips too much, and one "
         "outlier that widens the deviation makes it clip too little.",
     .reference = "submission2019/cnn-quantization",
     .choose = aciq_gaussian_choose},
    {.name = "aciq-laplace",
     .integers_only = true,
     .option = {{"variant", 1, 1, 2, true, "which of the two published tables"}},
     .summary = "the best clip of a Laplace distribution: a factor times the mean |x - mean|",
     .explanation =
         "The mean distance from the mean times the factor at which clipping and rounding errors "
         "of a Laplace distribution balance: 5.03 at 4 bits, 9.89 at 8. Right for values with "
         "exponential tails, as many weights and activations have. On a Gaussian it clips too "
         "little, on heavier tails too much.",
     .reference = "submission2019/cnn-quantization",
     .choose = aciq_laplace_choose},
    {.name = "alternate",
     .parameter = "ROUNDS",
     .default_value = 20,
     .least = 0,
     .most = 1000,
     .summary = "minmax, then scale and zero point solved for and codes rounded in turn",
     .explanation =
         "Starts from minmax; each round solves for the scale and zero point that are best for the "
         "codes, then rounds the values again. The error falls from round to round and stops at a "
         "local minimum: three rounds bring most of the gain in small groups. Long rows need 40 "
         "rounds and more, and mse, which finds the best of all, is the better choice.",
     .choose = alternate_choose},
    {.name = "llmcompressor-mse",
     .option = {{"norm", 2.4, 0.1, 10, false, "the power of the error"},
                {"maxshrink", 0.2, 0.001, 1, false, "how far the range shrinks"},
                {"grid", 100, 1, 10000, true, "steps of a whole range"},
                {"patience", 5, 1, 10000, true, "factors without improvement before it stops"}},
     .summary = "the range times 1.00 to 0.81, both ends together, by |x - y|^2.4",
     .explanation =
         "Shrinks both ends of the range together in steps of 1 percent and keeps the least sum of "
         "|x - y|^2.4, stopping after 5 steps without improvement. Good on weights in groups or "
         "channels. It never clips below 0.81 of the range, so heavy tails need far more than it "
         "can give.",
     .reference = "vllm-project/llm-compressor",
     .choose = llmcompressor_mse_choose},
    {.name = "gptq-mse",
     .option = {{"norm", 2.4, 0.1, 10, false, "the power of the error"},
                {"maxshrink", 0.8, 0.001, 1, false, "how far the range shrinks"},
                {"grid", 100, 1, 10000, true, "steps of a whole range"}},
     .summary = "the range times 1.00 to 0.21, both ends together, by |x - y|^2.4",
     .explanation =
         "Shrinks both ends of the range together in 80 steps of 1 percent and keeps the least sum "
         "of |x - y|^2.4, the widest of equals. Good on weights of few bits, for which the best "
         "range is far below the extremes. Both ends shrink alike, so one far outlier on one side "
         "costs the other.",
     .reference = "IST-DASLab/gptq",
     .choose = gptq_mse_choose},
    {.name = "awq-clip",
     .summary = "|x| clipped at 1.00 to 0.55 of the largest in steps of 0.05, by the squared error",
     .explanation =
         "Clips the magnitudes at ten factors from 1.00 down to 0.55 and keeps the least squared "
         "error. Meant for groups of 4-bit weights. AWQ itself measures the output of the layer, "
         "for which it needs activations; here it is the error of the weights alone.",
     .reference = "mit-han-lab/llm-awq",
     .choose = awq_clip_choose},
    {.name = "ppq-percentile",
     .parameter = "P",
     .default_value = 99.99,
     .least = 50,
     .most = 100,
     .running = true,
     .summary = "the values at P and at 100 - P percent, averaged over the batches",
     .explanation =
         "Takes the values that stand at P and at 100 - P percent in ascending order, nothing "
         "interpolated, and averages them over the batches. Exact, and a fair choice for "
         "activations with rare outliers. It cuts on both sides even where one has no tail, and "
         "one batch unlike the others moves it by its share only.",
     .reference = "OpenPPL/ppq",
     .choose = ppq_percentile_choose},
    {.name = "absmax",
     .summary = "the largest magnitude, on both sides of zero",
     .explanation =
         "Takes the largest magnitude as the range on both sides, also where the scheme "
         "has a zero point. It equals minmax for symmetric quantizers. With a zero point "
         "it wastes the levels of the lighter side.",
     .reference = "microsoft/onnxruntime (calibrate.py, symmetric)",
     .magnitude = true,
     .choose = absmax_choose},
    {.name = "clip",
     .parameter = "R",
     .default_value = 0.8,
     .least = 0.001,
     .most = 16,
     .summary = "the extremes times R: cut at that share of the largest value",
     .explanation =
         "Multiplies the smallest and the largest value of each unit by R, as clip ratios and "
         "clipping factors of weights are meant. Below 1 the tails are clipped and the steps get "
         "finer; above 1 codes lie idle. Which R is best depends on data and bits: sweep it.",
     .choose = clip_choose},
    {.name = "ema",
     .parameter = "M",
     .default_value = 0.01,
     .most = 1,
     .option = {{.word = "magnitude",
                 .most = 1,
                 .whole = true,
                 .summary = "1: of each batch's largest magnitude, on both sides"}},
     .summary = "moving average of the batches' extremes: old + M * (new - old)",
     .explanation = "Takes the extremes of the first batch as they are and moves them by M of the "
                    "way to those of each batch that follows. It forgets outliers of single "
                    "batches. With few batches it hardly leaves the first, and with one it is "
                    "minmax.",
     .reference = "pytorch/pytorch (MovingAverageMinMaxObserver)",
     .running = true,
     .choose = ema_choose},
    {.name = "sample-mean",
     .summary = "mean of the batches' smallest and of their largest values",
     .explanation =
         "Averages the smallest and the largest values of all batches with equal weight. "
         "It clips the extremes of unusual batches, wherever they stand in the order. "
         "With one batch it is minmax.",
     .reference = "openvinotoolkit/nncf (mean of per-sample extremes)",
     .running = true,
     .choose = sample_mean_choose},
    {.name = "aimet-tf",
     .summary = "the smallest and the largest value, widened to 0.01",
     .explanation =
         "Takes the smallest and the largest value with 0, at least 0.01 apart. Like minmax for "
         "data of ordinary size, without clipping. Tensors whose values are all much smaller than "
         "0.01 lose everything to one step.",
     .reference = "quic/aimet (TfEncodingAnalyzer)",
     .choose = aimet_tf_choose},
    {.name = "aimet-tf-enhanced",
     .integers_only = true,
     .option = {{"bins", AIMET_BINS, 16, AIMET_BINS_MOST, true, "of the histogram"},
                {"gamma", 3, 0, 1000, false, "the weight of clipping errors"}},
     .summary = "the least squared error in a histogram, clipped values weighing three times",
     .explanation =
         "Tries scales and zero points on a histogram and keeps the least squared error, that of "
         "clipped values times gamma. Good where outliers matter, for it clips less than mse. The "
         "histogram spans three times the first batch's range: what later batches hold beyond it "
         "is "
         "not seen.",
     .reference = "quic/aimet (TfEnhancedEncodingAnalyzer)",
     .running = true,
     .choose = aimet_tf_enhanced_choose},
    {.name = "aimet-percentile",
     .parameter = "P",
     .default_value = 99.99,
     .least = 50,
     .most = 100,
     .option = {{"bins", AIMET_BINS, 16, AIMET_BINS_MOST, true, "of the histogram"}},
     .summary = "100 - P percent cut on each side of a histogram",
     .explanation = "Cuts 100 - P percent of the values on each side, at the edges of a "
                    "histogram's bins. Good "
                    "for activations with rare outliers on both sides. About 171 of its 512 bins "
                    "hold data, so "
                    "the cut is coarse where outliers stretch the range.",
     .reference = "quic/aimet (PercentileEncodingAnalyzer)",
     .running = true,
     .choose = aimet_percentile_choose},
    {.name = "aimet-mse",
     .integers_only = true,
     .option = {{"bins", AIMET_BINS, 16, AIMET_BINS_MOST, true, "of the histogram"}},
     .summary = "of all pairs of a histogram's edges, the one with the least squared error",
     .explanation =
         "Tries every pair of a negative and a positive edge of the histogram and keeps the least "
         "squared error of its bins. Good for skewed data, as both ends move on their own. It sees "
         "only the middles of bins, so at 8 bits it finds next to no rounding error to trade, and "
         "mse is exact.",
     .reference = "quic/aimet (MseEncodingAnalyzer)",
     .running = true,
     .choose = aimet_mse_choose},
    {.name = "torch-histogram",
     .option = {{"bins", 2048, 16, 16384, true, "of the histogram"},
                {"truncate", 0, 0, 1, true,
                 "1: the whole parts of the ends, as 1.13.1 shipped it"}},
     .summary = "PyTorch's HistogramObserver: cuts while a modelled squared error does not rise",
     .explanation =
         "Walks both ends of a histogram inwards, a hundred thousandth of the values at a time, "
         "and "
         "stops at the first step that raises the modelled error. It lands within a decibel of the "
         "best threshold on smooth data, and it clips little. Its model has 256 levels at any "
         "width, "
         "so at 4 bits it cuts far too little.",
     .reference = "pytorch/pytorch (HistogramObserver, 1.13.1)",
     .running = true,
     .choose = torch_histogram_choose},
    {.name = "torchao-histogram",
     .option = {{"bins", 2048, 16, 16384, true, "of the histogram"}},
     .summary = "torchao's HistogramObserver: as torch-histogram, another way to join batches",
     .explanation = "The same walk as torch-histogram. When a batch reaches further, the counts so "
                    "far are laid "
                    "over the wider bins by the middles of sixteen parts of each. On one batch "
                    "both choose the "
                    "same range.",
     .reference = "pytorch/ao (torchao/quantization/pt2e/observer.py)",
     .running = true,
     .choose = torchao_histogram_choose},
    {.name = "aimet-entropy",
     .integers_only = true,
     .summary = "AIMET's divergence over 512 bins; other widths than 8 bits: the whole range",
     .explanation =
         "Shrinks a window of the histogram step by step and keeps the one whose 255 merged bins "
         "diverge least from it. With a zero point each end moves on its own, so skewed data are "
         "served. Only 8 bits are searched: every other width gets the whole range, and half of "
         "the bins always stay inside.",
     .reference = "quic/aimet (EntropyEncodingAnalyzer)",
     .running = true,
     .choose = aimet_entropy_choose},
};
const size_t calibrator_table_length = sizeof calibrator_table / sizeof *calibrator_table;

bool calibrator_by_extremes(const struct calibrator *calibrator)
{
  return !calibrator->choose || calibrator->magnitude;
}

const struct calibrator *calibrator_find(const char *word)
{
  for (size_t i = 0; i < calibrator_table_length; i++)
    if (strcasecmp(word, calibrator_table[i].name) == 0)
      return &calibrator_table[i];
  return NULL;
}

/* The fewer the codes, the more clipping pays: the best percentile of a Gaussian is 99.992 at 8
 * bits, 99.91 at 6 and 99.2 at 4. */
double calibrator_default(const struct calibrator *calibrator, const struct format *format)
{
  if (calibrator->choose != percentile_choose)
    return calibrator->default_value;
  return format->bits >= 8 ? calibrator->default_value : format->bits >= 6 ? 99.9 : 99;
}

void calibrator_options(const struct calibrator *calibrator, double *option)
{
  for (size_t i = 0; i < CALIBRATOR_OPTIONS; i++)
    option[i] = calibrator->option[i].value;
}

/* A zero range has no scale of its own; a range of denormals must not divide by zero, and one bit
 * for all of float32 must not overflow. */
static float usable(float scale)
{
  return fminf(fmaxf(scale, FLT_TRUE_MIN), FLT_MAX);
}

float calibration_stored_scale(const struct calibration *calibration, float scale)
{
  const struct format *type = calibration->scale_type;
  int exponent;
  if (calibration->pow2 && frexpf(scale, &exponent) != 0.5f)
    scale = exponent > FLT_MAX_EXP - 1 ? 0x1p127f : ldexpf(1, exponent);
  if (type)
    scale =
        fmaxf(format_decode(type, format_encode(type, scale)), (float)format_min_subnormal(type));
  return scale;
}

static void symmetric_scale(const struct calibration *calibration, float threshold, float *scale,
                            long *zero)
{
  float max = (float)format_max(calibration->format);
  *scale = threshold > 0 ? usable(threshold / max) : 1;
  *scale = calibration_stored_scale(calibration, *scale);
  *zero = 0;
}

static void asymmetric_scale(const struct calibration *calibration, float lo, float hi,
                             float *scale, long *zero)
{
  float steps = (float)(format_levels(calibration->format, true, false) - 1);
  *scale = 1;
  *zero = 0;
  if (lo == hi)
    return;
  *scale = (hi - lo) / steps;
  if (isinf(*scale)) /* the width of -FLT_MAX..FLT_MAX is no float32 */
    *scale = hi / steps - lo / steps;
  *scale = usable(*scale);
  *scale = calibration_stored_scale(calibration, *scale);
  *zero = lrintf(fminf(-lo / *scale, steps));
}

/* The largest magnitude, at scale 1, that a float32 can be rounded to. */
static float reach(const struct grid *grid, const struct scaling *scaling)
{
  if (!grid->format->family->has_zero_point)
    return (float)format_max(grid->format);
  struct unit unit = grid->format->family->unit(grid, scaling->scale, scaling->zero);
  float most =
      grid->arithmetic == ARITHMETIC_OFFSET ? INFINITY : rintf(FLT_MAX / fabsf(scaling->scale));
  return fminf(most, fmaxf(-unit.lo, unit.hi));
}

/* The next smaller scale that can be stored. */
static float scale_below(const struct calibration *calibration, float scale)
{
  const struct format *type = calibration->scale_type;
  if (calibration->pow2)
    return calibration_stored_scale(calibration, scale / 2);
  return type ? format_decode(type, format_encode(type, scale) - 1) : nextafterf(scale, 0);
}

/* Ranges near the ends of float32: an end that is rounded outwards must not become infinite. The
 * scale shrinks as far as that needs, and the other end clips instead. */
static void keep_finite(const struct calibration *calibration, struct scaling *scaling)
{
  const struct format *format = calibration->format;
  float widest =
      format->family->has_zero_point ? (float)(1UL << format->bits) : (float)format_max(format);
  if (isfinite(widest * scaling->scale))
    return;
  const struct grid grid = calibration_grid(calibration);
  for (float most; isinf((most = reach(&grid, scaling)) * scaling->scale);) {
    float scale = fabsf(scaling->scale);
    float less = calibration_stored_scale(calibration, fminf(FLT_MAX / most, scale));
    scaling->scale =
        copysignf(less < scale ? less : scale_below(calibration, scale), scaling->scale);
    scaling->multiplier = 0;
  }
}

/* The rule of a spec that names none but changes which codes there are. */
static const struct scale_rule *default_rule(const struct calibration *calibration)
{
  bool plain = !calibration->limited && !calibration->unsigned_codes &&
               !calibration->signed_codes && calibration->eps == 0;
  return plain ? NULL : scale_rule_find(calibration->asymmetric ? "affine" : "qmax");
}

bool calibration_is_plain(const struct calibration *calibration)
{
  return !calibration->rule && !default_rule(calibration) && !calibration->pow2 &&
         !calibration->scale_type;
}

void calibration_scale(const struct calibration *calibration, const struct choice *choice,
                       struct scaling *scaling)
{
  float lo = (float)choice->lo, hi = (float)choice->hi;
  const struct scale_rule *rule = calibration->rule ? calibration->rule : default_rule(calibration);
  *scaling = (struct scaling){.zero = choice->zero};
  if (choice->has_scale) {
    scaling->scale = calibration_stored_scale(calibration, choice->scale);
    scaling->offset = choice->offset;
  } else if (rule) {
    scale_rule_apply(rule, calibration, lo, hi, scaling);
    float made = scaling->scale, stored = calibration_stored_scale(calibration, fabsf(made));
    scaling->scale = copysignf(stored, made);
    if (scaling->scale != made) /* what divides is what is stored */
      scaling->multiplier = 0;
  } else if (calibration->asymmetric) {
    asymmetric_scale(calibration, fminf(lo, 0), fmaxf(hi, 0), &scaling->scale, &scaling->zero);
  } else {
    symmetric_scale(calibration, fmaxf(fabsf(lo), fabsf(hi)), &scaling->scale, &scaling->zero);
  }
  keep_finite(calibration, scaling);
}

struct unit calibration_unit(const struct grid *grid, const struct scaling *scaling)
{
  struct unit unit = grid->format->family->unit(grid, scaling->scale, scaling->zero);
  if (grid->arithmetic == ARITHMETIC_OFFSET)
    unit.offset = scaling->offset;
  else if (grid->arithmetic == ARITHMETIC_MULTIPLY)
    unit.multiplier =
        fminf(scaling->multiplier > 0 ? scaling->multiplier : 1 / scaling->scale, FLT_MAX);
  else if (grid->arithmetic == ARITHMETIC_ZERO_FIRST)
    unit.zero = (float)scaling->zero;
  return unit;
}

struct grid calibration_grid(const struct calibration *calibration)
{
  const struct calibration *c = calibration;
  bool from_zero = c->asymmetric || c->unsigned_codes;
  long half = 1L << (c->format->bits - 1), shift = c->signed_codes ? half : 0;
  struct grid grid = grid_make(c->format, from_zero, c->narrow && !from_zero, false);
  grid.arithmetic = c->rule && c->rule->offset ? ARITHMETIC_OFFSET : c->arithmetic;
  grid.limited = c->limited && !(c->rule && c->rule->clamps_whole_type);
  grid.code_lo = c->code_lo + shift;
  grid.code_hi = c->code_hi + shift;
  if (c->unsigned_codes && c->narrow) { /* one code less, as many on both sides */
    grid.limited = true;
    grid.code_lo = 0;
    grid.code_hi = 2 * half - 2;
  }
  return grid;
}
