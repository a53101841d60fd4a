/* Experiments: zero points. */
#include "analysis/experiments.h"

/* Symmetric, asymmetric, and the gain, which is expected. */
#define TWINS(name, source, bits, first, ...)                                                      \
  {name, source, bits, "sqnr_db", ANYTHING, 0, 0},                                                 \
      {"with a zero point", NULL, bits ",asym", "sqnr_db", ANYTHING, 0, 0},                        \
      LESS("gain", first + 1, first, __VA_ARGS__)

static const struct experiment_row wasted_half[] = {
    TWINS("after a ReLU, 8 bits", "synth:relu", "int8", 0, NEAR(6.05, 0.2)),
    TWINS("after a ReLU, 4 bits", "synth:relu", "int4", 3, NEAR(6.62, 0.2)),
    TWINS("flat from -1 to 100", "synth:skewed", "int8", 6, NEAR(5.97, 0.2)),
    TWINS("after a GELU", "synth:gelu", "int8", 9, NEAR(5.6, 0.3)),
    TWINS("Gaussian", "synth:gaussian", "int8", 12, NEAR(0.3, 0.3)),
    TWINS("two humps", "synth:bimodal", "int8", 15, NEAR(0.1, 0.2)),
    TWINS("after a gated layer", "synth:swiglu", "int8", 18, NEAR(0.7, 0.9)),
};
const struct experiment exp_wasted_half = {
    .name = "wasted-half",
    .title = "The wasted half",
    .claim = "Asymmetric quantization is better.",
    .question = "For which of these tensors is a zero point worth a bit, and for which nothing?",
    .recipe = "synth:relu -q int8",
    .see = "Half of the levels lie where no values are; switch to asymmetric and they move over.",
    .answer =
        "Where values are on one side it doubles the levels: 20 log10(255/127) = 6.05 dB at 8 "
        "bits after a ReLU, 6.6 dB at 4. Where they are on both it is worth some tenths of a "
        "dB.",
    ROWS(wasted_half)};

static const struct experiment_row zero_point[] = {
    {"2 to 5, range widened to zero", "synth:uniform,low=2,high=5", "int8,asym", "sqnr_db",
     NEAR(56.1, 0.3), 0, 0},
    {"2 to 5, minimum stored as a float", NULL, "int8,asym,scale-rule=free-minimum", "sqnr_db",
     NEAR(60.5, 0.3), 0, 0},
    {"2 to 5, zero point clamped", NULL, NULL, "clamped_zero_sqnr_db", NEAR(11.7, 0.3), 0, 0},
    {"Gaussian, done right", "synth:gaussian", "int8,asym", "sqnr_db", NEAR(39.3, 0.9), 0, 0},
    {"zero point added back", NULL, NULL, "added_back_sqnr_db", NEAR(-13.6, 1.5), 0, 0},
    {"nine in ten zero, zero point rounded", NULL, NULL, "sparse_rounded_sqnr_db", NEAR(39.3, 0.9),
     0, 0},
    {"nine in ten zero, not rounded", NULL, NULL, "sparse_unrounded_sqnr_db", AT_MOST(36), 0, 0},
    LESS("what rounding the zero point gains", 5, 6, NEAR(4.5, 0.3)),
    {"4 bits, zero point from the extremes", NULL, "int4,asym", "sqnr_db", NEAR(15.0, 0.8), 0, 0},
    {"4 bits, from the fullest bin", NULL, NULL, "mode_zero_sqnr_db", NEAR(3.0, 0.6), 0, 0},
    {"codes that scale and 1/scale disagree on", NULL, NULL, "inverse_scale_mismatches", NEAR(0, 0),
     0, 0},
    {"ties that move with an odd zero point", NULL, NULL, "tie_mismatches_3", NEAR(40, 0), 0, 0},
    {"ties that move with an even zero point", NULL, NULL, "tie_mismatches_4", NEAR(0, 0), 0, 0},
};
const struct experiment exp_zero_point = {
    .name = "zero-point",
    .title = "Traps around the zero point",
    .claim = "The zero point is round(-min / scale), any way one writes it.",
    .question =
        "What happens when it is not rounded, not widened to zero, added back, or taken from "
        "the histogram's peak?",
    .recipe = "synth:uniform,low=2,high=5 -q int8,asym",
    .see = "The range is widened to 0, and the levels below 2 are wasted; a minimum stored as a "
           "float gives them back.",
    .answer =
        "Left out, each step costs dearly: a zero point clamped into the codes 44 dB, one that "
        "is not rounded makes zeros wrong, one that is added back shifts every value by it, "
        "and the fullest bin is no place for it. Multiplying by 1/scale gives the same codes; "
        "rounding before or after adding it differs only on ties, when it is odd.",
    ROWS(zero_point)};
