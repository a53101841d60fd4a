/* Experiments: small floats. */
#include "analysis/experiments.h"

/* Each source: its peak over RMS, int8 by minmax, the rule for it, e4m3. */
#define DUEL(name, source, papr, papr_off, int8, int8_off, e4m3)                                   \
  {name ": peak / RMS", source, "int8", "papr", NEAR(papr, papr_off), 0, 0},                       \
      {name ": int8", NULL, NULL, "sqnr_db", NEAR(int8, int8_off), 0, 0},                          \
      {name ": 52.87 - 20 log10(peak / RMS)",                                                      \
       NULL,                                                                                       \
       NULL,                                                                                       \
       "papr_rule_db",                                                                             \
       NEAR(int8, int8_off),                                                                       \
       0,                                                                                          \
       0},                                                                                         \
      {name ": e4m3", NULL, "e4m3", "sqnr_db", NEAR(e4m3, 0.4), 0, 0},                             \
  {                                                                                                \
    name ": e5m2", NULL, "e5m2", "sqnr_db", NEAR(25.6, 0.3), 0, 0                                  \
  }

static const struct experiment_row fp8_or_int8[] = {
    DUEL("uniform", "synth:uniform", 1.73, 0.01, 48.1, 0.1, 31.9),
    DUEL("Gaussian", "synth:gaussian", 5.0, 0.5, 39.0, 0.9, 31.6),
    DUEL("Laplace", "synth:laplace", 10.0, 1.5, 32.9, 1.3, 31.5),
    {"Student t, 5: peak / RMS", "synth:student-t,nu=5", "int8", "papr", AT_LEAST(11.7), 0, 0},
    {"Student t, 5: int8", NULL, NULL, "sqnr_db", AT_MOST(31), 0, 0},
    {"Student t, 5: e4m3", NULL, "e4m3", "sqnr_db", NEAR(31.5, 0.4), 0, 0},
    LESS("int8 over e4m3, uniform", 1, 3, AT_LEAST(15)),
    LESS("int8 over e4m3, Gaussian", 6, 8, AT_LEAST(5)),
    LESS("e4m3 over int8, Student t", 17, 16, AT_LEAST(1)),
    LESS("rule and int8, Gaussian", 7, 6, NEAR(0, 0.3)),
    LESS("rule and int8, Laplace", 12, 11, NEAR(0, 0.3)),
    {"e4m3 is finer below the largest over", "synth:uniform", "e4m3", "finer_than_int8",
     NEAR(14, 0.001), 0, 0},
    {"e5m2 is finer below the largest over", NULL, "e5m2", "finer_than_int8", NEAR(28, 0.001), 0,
     0},
};
const struct experiment exp_fp8_or_int8 = {
    .name = "fp8-or-int8",
    .title = "fp8 or int8",
    .claim = "fp8 is always better than int8, e4m3 first and plain int8 last.",
    .question = "From which peak / RMS on does e4m3 beat int8?",
    .recipe = "synth:laplace -q e5m2 -q e4m3 -q int8,mse -q int8 --view sweep --over distribution",
    .see =
        "The plot has what each format keeps of distributions with longer and longer tails, "
        "against their peak / RMS, and this tensor among them: the floats are level, int8 falls "
        "along the dotted line, mse holds it up for a while. w goes on to other sweeps. K shows "
        "why: how far apart the numbers of the formats are, and below which share of the largest "
        "those of a float are closer.",
    .answer =
        "int8 by minmax has 52.87 dB - 20 log10(peak / RMS); e4m3 has 31.5 dB and e5m2 25.6 "
        "dB, whatever the distribution. They cross at a peak of 11.7 times the RMS: flat and "
        "normal data are int8's by 16 and 7 dB, heavy tails are e4m3's. Its steps are smaller than "
        "int8's only below a fourteenth of the largest value, those of e5m2 below a 28th.",
    ROWS(fp8_or_int8)};

#define CAST "e4m3,scale=1"
static const struct experiment_row fp8_scale[] = {
    {"largest number of e4m3", "synth:uniform,low=10.75,high=10.75,shape=64", CAST,
     "largest_number", NEAR(448, 0), 0, 0},
    {"10.75 becomes 11: error", NULL, NULL, "max_abs_error", NEAR(0.25, 0), 0, 0},
    {"300 becomes 288: error", "synth:uniform,low=300,high=300,shape=64", CAST, "max_abs_error",
     NEAR(12, 0), 0, 0},
    {"largest number of e5m2", NULL, "e5m2,scale=1", "largest_number", NEAR(57344, 0), 0, 0},
    {"mean relative error of e4m3", "synth:uniform,low=1,high=2", CAST, "mean_relative_error",
     NEAR(0.0216, 0.002), 0, 0},
    {"raw cast, sigma 1", "synth:gaussian,shape=512x1024", CAST, "sqnr_db", NEAR(31.5, 0.15), 0, 0},
    {"raw cast, sigma 0.02", "synth:gaussian,shape=512x1024,scale=0.02", CAST, "sqnr_db",
     NEAR(29.6, 0.15), 0, 0},
    {"raw cast, sigma 0.005", "synth:gaussian,shape=512x1024,scale=0.005", CAST, "sqnr_db",
     NEAR(19.0, 0.15), 0, 0},
    {"raw cast, sigma 0.001", "synth:gaussian,shape=512x1024,scale=0.001", CAST, "sqnr_db",
     NEAR(5.0, 0.15), 0, 0},
    {"scaled, sigma 0.001", NULL, "e4m3", "sqnr_db", NEAR(31.6, 0.15), 0, 0},
    {"raw e5m2, sigma 0.001", NULL, "e5m2,scale=1", "sqnr_db", NEAR(25.5, 0.2), 0, 0},
    {"int8, rows of 4096", "synth:weight-gaussian,shape=256x4096", "int8,channel",
     "channel_sqnr_median", NEAR(41.2, 0.2), 0, 0},
    {"the same, powers of two", NULL, "int8,channel,pow2", "channel_sqnr_median", NEAR(37.9, 0.7),
     0, 0},
    {"e4m3, rows of 4096", NULL, "e4m3,channel", "channel_sqnr_median", NEAR(31.5, 0.15), 0, 0},
    {"the same, powers of two", NULL, "e4m3,channel,pow2", "channel_sqnr_median", NEAR(31.5, 0.15),
     0, 0},
    LESS("powers of two cost int8", 11, 12, AT_LEAST(2.5)),
    LESS("and e4m3", 13, 14, NEAR(0, 0.1)),
};
const struct experiment exp_fp8_scale = {
    .name = "fp8-scale",
    .title = "fp8 needs a scale, too",
    .claim = "e4m3 reaches only from -10.75 to 10.75, is exact to half a percent, and needs no "
             "scale for small values.",
    .question = "How large are the numbers of e4m3, and how small may values become before a raw "
                "cast loses them?",
    .recipe = "synth:gaussian,shape=512x1024,scale=0.005 -q e4m3,scale=1",
    .see =
        "Take the scale by hand away (minmax), and the levels come back to where the values are.",
    .answer = "Its largest number is 448, with the same relative step as at 10.75; on average that "
              "rounds by 2.2 %. Cast without a scale, values of 0.005 lose 12 dB to subnormals and "
              "values of 0.001 nearly everything; scaled, nothing. A power of two is a good enough "
              "scale for a float, and costs an integer 3 dB.",
    ROWS(fp8_scale)};

static const struct experiment_row which_error[] = {
    {"Gaussian, int8: SQNR", "synth:gaussian", "int8", "sqnr_db", NEAR(39.0, 0.9), 0, 0},
    {"mean relative error", NULL, NULL, "mean_relative_error", NEAR(0.045, 0.006), 0, 0},
    {"median relative error", NULL, NULL, "relative_error_p50", NEAR(0.013, 0.002), 0, 0},
    {"Gaussian, e4m3: SQNR", NULL, "e4m3", "sqnr_db", NEAR(31.6, 0.4), 0, 0},
    {"mean relative error", NULL, NULL, "mean_relative_error", NEAR(0.0225, 0.002), 0, 0},
    {"median relative error", NULL, NULL, "relative_error_p50", NEAR(0.0216, 0.002), 0, 0},
    LESS("int8 ahead in SQNR", 0, 3, AT_LEAST(5)),
    LESS("e4m3 ahead in mean relative error", 1, 4, AT_LEAST(0.015)),
    LESS("int8 ahead in median relative error", 5, 2, AT_LEAST(0.005)),
    {"gradients, int8: within an eighth", "synth:gradient", "int8", "within_an_eighth",
     AT_MOST(0.04), 0, 0},
    {"gradients, e4m3: within an eighth", NULL, "e4m3", "within_an_eighth", NEAR(0.86, 0.16), 0, 0},
    {"gradients, e5m2: within an eighth", NULL, "e5m2", "within_an_eighth", AT_LEAST(0.99), 0, 0},
    {"gradients, e4m3: SQNR", NULL, "e4m3", "sqnr_db", AT_LEAST(30), 0, 0},
    {"gradients, e5m2: SQNR", NULL, "e5m2", "sqnr_db", AT_LEAST(24), 0, 0},
    LESS("e4m3 ahead in SQNR", 12, 13, AT_LEAST(3)),
};
const struct experiment exp_which_error = {
    .name = "which-error",
    .title = "Which error do you mean",
    .claim = "fp8 is the more robust one where values are small.",
    .question = "Is int8 or e4m3 better on a Gaussian: by SQNR, by the mean and by the median of "
                "the relative error?",
    .recipe = "synth:gaussian -q int8",
    .see = "SQNR and the percentiles of the relative error stand side by side: switch between int8 "
           "and e4m3.",
    .answer = "By SQNR int8, by 7 dB; by the mean relative error e4m3, 2.3 % against 4.5 %; by its "
              "median int8 again, 1.3 % against 2.2 %. Of gradients over many decades e5m2 keeps "
              "all within an eighth, int8 hardly any; their SQNR still prefers e4m3.",
    ROWS(which_error)};
