/* Experiments: how a range is chosen. */
#include "analysis/experiments.h"

static const struct experiment_row one_outlier[] = {
    {"one in a million: minmax", "synth:outliers", "int8", "sqnr_db", NEAR(8.9, 0.3), 0, 0},
    {"its bulk", NULL, NULL, "bulk_sqnr_db", NEAR(8.8, 0.3), 0, 0},
    {"codes in use (one for the outlier)", NULL, NULL, "levels_used", NEAR(4, 0), 0, 0},
    {"percentile 99.9", NULL, "int8,percentile=99.9", "sqnr_db", NEAR(15.4, 0.3), 0, 0},
    {"its bulk", NULL, NULL, "bulk_sqnr_db", NEAR(48.1, 0.3), 0, 0},
    {"least squared error", NULL, "int8,mse", "sqnr_db", NEAR(16.1, 0.3), 0, 0},
    {"e4m3", NULL, "e4m3", "sqnr_db", NEAR(31.4, 0.3), 0, 0},
    {"its bulk", NULL, NULL, "bulk_sqnr_db", NEAR(31.3, 0.3), 0, 0},
    {"one in ten thousand: percentile 99.9", "synth:outliers,share=1e-4", "int8,percentile=99.9",
     "sqnr_db", NEAR(1.4, 0.3), 0, 0},
    {"its bulk", NULL, NULL, "bulk_sqnr_db", NEAR(48.1, 0.3), 0, 0},
    {"two in a thousand: percentile 99.9", "synth:outliers,share=2e-3", "int8,percentile=99.9",
     "bulk_sqnr_db", NEAR(8.8, 0.3), 0, 0},
};
const struct experiment exp_one_outlier = {
    .name = "one-outlier",
    .title = "One value out of a million",
    .claim = "A percentile cures outliers.",
    .question = "Who pays when one value of 100 stands among values up to 1, and how many such "
                "values may there be?",
    .recipe = "synth:outliers -q int8 --log",
    .see = "The scale is made for the outlier, and the body falls on three codes. Switch the "
           "calibrator: the bulk recovers while the total hardly moves.",
    .answer =
        "One outlier leaves three codes to the body (8.8 dB). The 99.9th percentile gives the "
        "body its 48 dB back, but cutting the outlier is all of the error that is left, 15 dB "
        "in total; where outliers are more than one in a thousand it keeps them, and nothing "
        "is gained. e4m3 has 31 dB for both.",
    ROWS(one_outlier)};

static const struct experiment_row percentile[] = {
    {"8 bits: minmax", "synth:gaussian", "int8", "sqnr_db", NEAR(39.0, 0.9), 0, 0},
    {"8 bits: 99", NULL, "int8,narrow,percentile=99", "sqnr_db", NEAR(27.2, 0.2), 0, 0},
    {"8 bits: 99.9", NULL, "int8,narrow,percentile=99.9", "sqnr_db", NEAR(37.3, 0.6), 0, 0},
    {"8 bits: 99.99", NULL, "int8,narrow,percentile=99.99", "sqnr_db", NEAR(40.54, 0.4), 0, 0},
    LESS("99.99 over 99.9", 3, 2, AT_LEAST(2.5)),
    LESS("minmax over 99.9", 0, 2, AT_LEAST(0.5)),
    {"6 bits: 99.9", NULL, "int6,narrow,percentile=99.9", "sqnr_db", NEAR(29.7, 0.2), 0, 0},
    {"6 bits: 99.99", NULL, "int6,narrow,percentile=99.99", "sqnr_db", AT_MOST(29.5), 0, 0},
    {"4 bits: 99", NULL, "int4,narrow,percentile=99", "sqnr_db", NEAR(18.85, 0.2), 0, 0},
    {"4 bits: 99.9", NULL, "int4,narrow,percentile=99.9", "sqnr_db", NEAR(17.3, 0.2), 0, 0},
    {"4 bits: 99.99", NULL, "int4,narrow,percentile=99.99", "sqnr_db", NEAR(15.9, 0.2), 0, 0},
    LESS("99 over 99.99", 8, 10, AT_LEAST(2.5)),
    {"Laplace, 8 bits: 99.9", "synth:laplace", "int8,narrow,percentile=99.9", "sqnr_db",
     NEAR(29.8, 0.6), 0, 0},
    {"Laplace, 8 bits: 99.99", NULL, "int8,narrow,percentile=99.99", "sqnr_db", NEAR(35.3, 0.5), 0,
     0},
};
const struct experiment exp_percentile = {
    .name = "percentile",
    .title = "The right percentile is a matter of bits",
    .claim = "The 99.9th percentile is a good default and usually beats minmax.",
    .question = "Which percentile of a Gaussian is best at 8, at 6 and at 4 bits?",
    .recipe = "synth:gaussian -q int8,percentile=99.9 --view board",
    .see = "On the board the percentiles wander over the top of the curve as the bits change.",
    .answer = "At 8 bits it is 99.99: 99.9 clips ten times too much and loses 3 dB to it, and even "
              "to minmax. At 6 bits 99.9 is right, at 4 bits 99.",
    ROWS(percentile)};

/* Each source in a pair of rows, the divergence first, then the squared error. */
#define RACE(name, source, divergence, error, off)                                                 \
  {name ", divergence", source, "int8,entropy", "sqnr_db", NEAR(divergence, off), 0, 0},           \
  {                                                                                                \
    name ", squared error", NULL, "int8,mse", "sqnr_db", NEAR(error, off), 0, 0                    \
  }

/* Where the rule as it is often written ends, over the largest value. */
#define AS_WRITTEN(name, source)                                                                   \
  {                                                                                                \
    name ", as written: share of max", source, "int8", "written_threshold", NEAR(0.91, 0.07), 0, 0 \
  }

static const struct experiment_row calibrators[] = {
    RACE("Gaussian", "synth:gaussian", 39.3, 40.7, 0.6),
    LESS("squared error ahead by", 1, 0, AT_LEAST(0)),
    RACE("Laplace", "synth:laplace", 34.6, 35.1, 0.6),
    LESS("squared error ahead by", 4, 3, AT_LEAST(0)),
    RACE("after a ReLU", "synth:relu", 40.2, 40.7, 1),
    LESS("squared error ahead by", 7, 6, AT_LEAST(0)),
    RACE("after a gated layer", "synth:swiglu", 26.0, 29.9, 12),
    LESS("squared error ahead by", 10, 9, AT_LEAST(0)),
    RACE("outlier channels", "synth:outlier-channels", 14.7, 23.1, 4),
    LESS("squared error ahead by", 13, 12, AT_LEAST(2)),
    RACE("attention after softmax", "synth:attention-softmax", 5.8, 23.0, 4),
    LESS("squared error ahead by", 16, 15, AT_LEAST(8)),
    {"two humps, minmax", "synth:bimodal", "int8", "sqnr_db", NEAR(48.4, 0.5), 0, 0},
    {"after a ReLU, zeros as they are", "synth:relu", "int8,entropy", "entropy_naive_sqnr_db",
     NEAR(20.0, 1.5), 0, 0},
    {"after a ReLU, zeros left out", NULL, NULL, "entropy_fixed_sqnr_db", NEAR(40.2, 1), 0, 0},
    LESS("which is what the calibrator does", 20, 6, NEAR(0, 0.05)),
    AS_WRITTEN("Gaussian", "synth:gaussian"),
    AS_WRITTEN("Laplace", "synth:laplace"),
    AS_WRITTEN("Student t, 5", "synth:student-t,nu=5"),
    AS_WRITTEN("after a ReLU", "synth:relu"),
    AS_WRITTEN("after a GELU", "synth:gelu"),
    {"Gaussian, minmax", "synth:gaussian", "int8", "sqnr_db", NEAR(39.0, 0.9), 0, 0},
    {"Gaussian, as written", NULL, NULL, "written_sqnr_db", NEAR(39.0, 1.2), 0, 0},
    LESS("as written over minmax", 28, 27, NEAR(0.25, 0.5)),
    {"flat from -100 to 1, as written: share", "synth:skewed,low=-100,high=1", "int8",
     "written_threshold", NEAR(0.91, 0.07), 0, 0},
    {"flat from -100 to 1, as written: SQNR", NULL, NULL, "written_sqnr_db", AT_MOST(1), 0, 0},
};
const struct experiment exp_calibrators = {
    .name = "calibrators",
    .title = "Which calibrator wins",
    .claim = "The threshold of least divergence is the most accurate one.",
    .question = "On which of these tensors is divergence ahead of the squared error, and by which "
                "metric?",
    .recipe = "synth:outlier-channels -q int8,entropy --view board",
    .see = "Rank the board by the total, then by the bulk: the order turns over where a few values "
           "are large.",
    .answer =
        "In SQNR nowhere: the least squared error has the best SQNR by definition, by half a "
        "dB on a Gaussian and by many where a tail is heavy. Divergence cares for the shape of "
        "the many small values and often has the better bulk, but takes a heap of zeros for the "
        "shape: without care for them it loses 20 dB. The code for it that is passed around "
        "searches the uppermost tenth of the signed values alone and merges nothing into levels: "
        "it ends a little below the largest value, is minmax in disguise, and cuts off whatever "
        "is longer below zero. Two humps are as easy as a flat distribution; only long tails are "
        "hard.",
    ROWS(calibrators)};

#define LLAMA "synth:llama-activation"
static const struct experiment_row two_metrics[] = {
    {"minmax: total", LLAMA, "int8", "sqnr_db", NEAR(15.3, 0.5), 0, 0},
    {"minmax: bulk", NULL, NULL, "bulk_sqnr_db", NEAR(14.2, 0.8), 0, 0},
    {"clip at 8.2: total", NULL, "int8,narrow,range=-8.2:8.2", "sqnr_db", NEAR(8.2, 1.2), 0, 0},
    {"clip at 8.2: bulk", NULL, NULL, "bulk_sqnr_db", NEAR(39.7, 0.6), 0, 0},
    {"least squared error: total", NULL, "int8,narrow,mse", "sqnr_db", NEAR(17.5, 1), 0, 0},
    {"least squared error: bulk", NULL, NULL, "bulk_sqnr_db", NEAR(17.5, 1.5), 0, 0},
    {"least divergence: total", NULL, "int8,narrow,entropy", "sqnr_db", NEAR(8.7, 1.2), 0, 0},
    {"least divergence: bulk", NULL, NULL, "bulk_sqnr_db", NEAR(36.0, 1.5), 0, 0},
    {"e4m3: total", NULL, "e4m3", "sqnr_db", NEAR(31.6, 0.5), 0, 0},
    {"e4m3: bulk", NULL, NULL, "bulk_sqnr_db", NEAR(31.5, 0.5), 0, 0},
    LESS("clipping loses in total", 4, 2, AT_LEAST(5)),
    LESS("and wins in the bulk", 3, 5, AT_LEAST(15)),
};
const struct experiment exp_two_metrics = {
    .name = "two-metrics",
    .title = "Total or bulk",
    .claim = "A calibrator can be chosen without saying what is to be kept.",
    .question =
        "Which calibrator is best for an activation that reaches 156.3 while 999 in 1000 of "
        "its values stay below 8.2?",
    .recipe = "synth:llama-activation -q int8 --log --view board",
    .see = "Rank by the total, then by the bulk: first and last change places.",
    .answer = "By the total the least squared error (17.5 dB against 8.2), by the bulk a clip at "
              "8.2 (39.7 dB against 17.5). There is no neutral calibrator: the metric comes first. "
              "e4m3 has 31.5 dB by both.",
    ROWS(two_metrics)};

static const struct experiment_row utilisation[] = {
    {"uniform: |code| above 100", "synth:uniform", "int8,narrow", "high_code_rate",
     NEAR(0.209, 0.002), 0, 0},
    {"uniform: on the end codes", NULL, NULL, "rail_rate", AT_LEAST(0.003), 0, 0},
    {"uniform: truly clipped", NULL, NULL, "clip_rate", NEAR(0, 0), 0, 0},
    {"Gaussian, minmax: above 100", "synth:gaussian", "int8", "high_code_rate", AT_MOST(0.0005), 0,
     0},
    {"Gaussian, best scale: above 100", NULL, "int8,narrow,mse", "high_code_rate",
     NEAR(0.002, 0.001), 0, 0},
    {"its SQNR", NULL, NULL, "sqnr_db", NEAR(40.54, 0.4), 0, 0},
    {"Gaussian, clipped at 1.62: above 100", NULL, "int8,narrow,range=-1.62:1.62", "high_code_rate",
     NEAR(0.2, 0.005), 0, 0},
    {"its clipped values", NULL, NULL, "clip_rate", NEAR(0.104, 0.002), 0, 0},
    {"its SQNR", NULL, NULL, "sqnr_db", NEAR(14.8, 0.15), 0, 0},
    LESS("what the target costs", 5, 8, AT_LEAST(25)),
};
const struct experiment exp_utilisation = {
    .name = "utilisation",
    .title = "The utilisation gauge",
    .claim = "A good scale puts 20 to 40 % of the codes above 100 and less than 0.1 % on the end "
             "codes.",
    .question = "Can a Gaussian meet that target, and what happens to its SQNR?",
    .recipe = "synth:gaussian -q int8,mse",
    .see =
        "High codes, rail rate and clip rate stand among the metrics: narrow the range and watch "
        "SQNR.",
    .answer =
        "Only flat data can. A Gaussian has to be clipped at 1.6 standard deviations, loses a "
        "tenth of its values to the clip and 25 dB. And end codes are no sign of clipping: "
        "flat data use them and clip nothing.",
    ROWS(utilisation)};

#define STATIONARY "synth:step,to=1,shape=400x4096"
#define STEP       "synth:step,to=3,shape=400x4096"
#define LONG_STEP  "synth:step,to=3,shape=800x4096"
#define SPIKES     "synth:spikes,shape=400x4096"
#define DRIFT      "synth:drift,to=3,shape=400x4096"
static const struct experiment_row moving_targets[] = {
    {"steady, dynamic", STATIONARY, "int8,token", "sqnr_db", NEAR(41.2, 0.5), 0, 0},
    {"steady, average 0.9", NULL, NULL, "ema_0.9_sqnr_db", NEAR(40.6, 0.5), 0, 0},
    {"a step to 3, dynamic", STEP, "int8,token", "sqnr_db", NEAR(41.2, 0.5), 0, 0},
    {"a step to 3, average 0.9", NULL, NULL, "ema_0.9_sqnr_db", NEAR(32.6, 1), 0, 0},
    {"a step to 3, average 0.99", NULL, NULL, "ema_0.99_sqnr_db", NEAR(22.0, 1), 0, 0},
    {"a step to 3, average 0.5", NULL, NULL, "ema_0.5_sqnr_db", NEAR(40.4, 0.5), 0, 0},
    {"2 % ten times larger, dynamic", SPIKES, "int8,token", "sqnr_db", NEAR(41.0, 0.5), 0, 0},
    {"2 % ten times larger, average 0.9", NULL, NULL, "ema_0.9_sqnr_db", NEAR(8.1, 2), 0, 0},
    {"2 % ten times larger, average 0.99", NULL, NULL, "ema_0.99_sqnr_db", NEAR(5.0, 2), 0, 0},
    {"drift to 3, first 32 batches", DRIFT, "int8,token", "static_32_sqnr_db", NEAR(18.1, 0.8), 0,
     0},
    {"drift to 3, average 0.99", NULL, NULL, "ema_0.99_sqnr_db", NEAR(34.5, 0.8), 0, 0},
    {"drift to 3, average 0.9", NULL, NULL, "ema_0.9_sqnr_db", NEAR(40.4, 0.5), 0, 0},
    LESS("spikes: dynamic over an average", 6, 7, AT_LEAST(25)),
    {"half of a step, average 0.5", LONG_STEP, "int8,token", "half_0.5", NEAR(1.5, 0.5), 0, 0},
    {"half of a step, average 0.9", NULL, NULL, "half_0.9", NEAR(7, 1.5), 0, 0},
    {"half of a step, average 0.99", NULL, NULL, "half_0.99", NEAR(69, 7), 0, 0},
    {"nine tenths of it, average 0.9", NULL, NULL, "most_0.9", NEAR(22, 6), 0, 0},
    {"nine tenths of it, average 0.99", NULL, NULL, "most_0.99", NEAR(229, 35), 0, 0},
};
const struct experiment exp_moving_targets = {
    .name = "moving-targets",
    .title = "Batches that move",
    .claim = "A moving average of the range is robust.",
    .question = "What does a running range lose when batches jump, spike or drift?",
    .recipe = "synth:spikes,shape=400x4096 -q int8,ema=0.1 --batches 0",
    .see =
        "Compare ema=0.1, ema=0.01 and token: rows are batches, and the channel view shows each.",
    .answer = "It is as good as its data are steady. It follows a drift, answers a step late (with "
              "0.99 it takes 229 batches for nine tenths of it), and one batch in fifty ten times "
              "as large costs more than 30 dB, because it is clipped. A range for each batch loses "
              "nothing.",
    ROWS(moving_targets)};
