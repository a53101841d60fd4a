/* Experiments: what a grid of integers does. */
#include "analysis/experiments.h"

#define BODY "synth:gaussian,shape=512x1024"

static const struct experiment_row rulers[] = {
    {"8 bits, absmax/127", BODY, "int8,group=32,narrow", "sqnr_db", NEAR(45.44, 0.1), 0, 0},
    {"8 bits, absmax/128", BODY, "int8,group=32,scale-rule=qmin", "sqnr_db", NEAR(44.74, 0.1), 0,
     0},
    LESS("what /128 costs at 8 bits", 0, 1, NEAR(0.7, 0.1)),
    {"4 bits, absmax/7", BODY, "int4,group=32,narrow", "sqnr_db", NEAR(20.27, 0.1), 0, 0},
    {"4 bits, absmax/8", BODY, "int4,group=32,scale-rule=qmin", "sqnr_db", NEAR(20.57, 0.1), 0, 0},
    {"4 bits, absmax/7.5", BODY, "int4,group=32,scale-rule=half-range", "sqnr_db", NEAR(20.46, 0.1),
     0, 0},
    {"4 bits, largest value on code -8", BODY, "int4,group=32,scale-rule=signed", "sqnr_db",
     NEAR(21.32, 0.1), 0, 0},
    {"4 bits, rounded zero point", BODY, "int4,asym,group=32", "sqnr_db", NEAR(21.85, 0.1), 0, 0},
    {"4 bits, minimum stored as a float", BODY, "int4,asym,group=32,scale-rule=free-minimum",
     "sqnr_db", NEAR(22.13, 0.1), 0, 0},
    {"2 bits, absmax/1", BODY, "int2,group=32,narrow", "sqnr_db", NEAR(3.64, 0.1), 0, 0},
    {"2 bits, absmax/2", BODY, "int2,group=32,scale-rule=qmin", "sqnr_db", NEAR(8.15, 0.1), 0, 0},
    LESS("what /2 gains at 2 bits", 10, 9, NEAR(4.5, 0.15)),
};
const struct experiment exp_rulers = {
    .name = "rulers",
    .title = "One format, six rulers",
    .claim = "Whether the largest magnitude is divided by 127 or by 128 is a detail.",
    .question = "Which scale rule keeps most of groups of 32 at 8, at 4 and at 2 bits?",
    .recipe = "synth:gaussian,shape=512x1024 -q int4,group=32",
    .see = "Turn the scale rule and the bits, and watch the SQNR: the order of the rules changes.",
    .answer = "At 8 bits /128 clips the largest value of each group and costs 0.7 dB; at 2 bits a "
              "quarter of the codes would stay unused, and /2 gains 4.5 dB. At 4 bits the best "
              "symmetric rule lays the largest value on the lowest code.",
    ROWS(rulers)};

static const struct experiment_row clipping[] = {
    {"2.0 on a step of 0.01: largest error", "synth:uniform,low=2,high=2,shape=64",
     "int8,scale=0.01", "max_abs_error", NEAR(0.73, 1e-5), 0, 0},
    {"Gaussian, 8 bits, minmax", "synth:gaussian", "int8", "sqnr_db", NEAR(39.0, 0.9), 0, 0},
    {"Gaussian, 8 bits, best", NULL, "int8,narrow,mse", "sqnr_db", NEAR(40.54, 0.4), 0, 0},
    {"its threshold, standard deviations", NULL, NULL, "threshold_sigma", NEAR(3.92, 0.1), 0, 0},
    {"Gaussian, 4 bits, minmax", NULL, "int4", "sqnr_db", NEAR(13.8, 0.9), 0, 0},
    {"Gaussian, 4 bits, best", NULL, "int4,narrow,mse", "sqnr_db", NEAR(18.9, 0.15), 0, 0},
    {"its threshold, standard deviations", NULL, NULL, "threshold_sigma", NEAR(2.474, 0.1), 0, 0},
    LESS("what clipping gains at 4 bits", 5, 4, AT_LEAST(4)),
    {"Gaussian, 6 bits, best", NULL, "int6,narrow,mse", "sqnr_db", NEAR(29.71, 0.15), 0, 0},
    {"Laplace, 8 bits, best", "synth:laplace", "int8,narrow,mse", "sqnr_db", NEAR(35.18, 0.3), 0,
     0},
    {"Laplace, 4 bits, best", NULL, "int4,narrow,mse", "sqnr_db", NEAR(15.62, 0.45), 0, 0},
    LESS("two bits from 4 to 6, Gaussian", 8, 5, NEAR(10.8, 0.2)),
};
const struct experiment exp_clipping = {
    .name = "clipping",
    .title = "The scale's two errors",
    .claim = "A quantizer's error is at most half a step, every bit is worth 6 dB, and clipping "
             "is to be avoided.",
    .question = "Where does the sum of rounding and clipping error have its least value, at 8 bits "
                "and at 4?",
    .recipe = "synth:gaussian -q int4,narrow --view board",
    .see = "The board's curve has a top where rounding and clipping balance; with fewer bits it "
           "lies further inside.",
    .answer =
        "Half a step bounds the error only of what is not clipped: 2.0 on a grid that ends at "
        "1.27 loses 0.73. The best threshold of a Gaussian is 3.9 standard deviations at 8 "
        "bits and 2.5 at 4, where clipping gains 5 dB; with it a bit is worth 5.4 dB.",
    ROWS(clipping)};

#define WEIGHTS "synth:weight-gaussian,shape=512x1024"
#define HEAVY   "synth:weight-t5,shape=512x1024"

static const struct experiment_row group_size[] = {
    {"groups of 16", WEIGHTS, "int4,asym,group=16,scale-type=float16", "sqnr_db", NEAR(23.2, 0.15),
     0, 0},
    {"their bits", NULL, NULL, "bits_per_element", NEAR(5.25, 1e-9), 0, 0},
    {"groups of 32", NULL, "int4,asym,group=32,scale-type=float16", "sqnr_db", NEAR(21.9, 0.15), 0,
     0},
    {"groups of 128", NULL, "int4,asym,group=128,scale-type=float16", "sqnr_db", NEAR(20.0, 0.15),
     0, 0},
    {"their bits", NULL, NULL, "bits_per_element", NEAR(4.15625, 1e-9), 0, 0},
    {"groups of 128, no zero point", NULL, "int4,group=128,scale-type=float16", "sqnr_db",
     NEAR(18.6, 0.15), 0, 0},
    {"one scale for all", NULL, "int4", "sqnr_db", AT_MOST(15), 0, 0},
    LESS("what groups of 128 gain", 5, 6, AT_LEAST(4)),
    {"heavy tails, groups of 128", HEAVY, "int4,group=128,scale-type=float16", "sqnr_db",
     NEAR(15.3, 0.25), 0, 0},
    {"heavy tails, zero point", NULL, "int4,asym,group=128,scale-type=float16", "sqnr_db",
     NEAR(17.5, 0.25), 0, 0},
    LESS("what the zero point gains there", 9, 8, NEAR(2.2, 0.2)),
};
const struct experiment exp_group_size = {
    .name = "group-size",
    .title = "What a group costs and buys",
    .claim = "Groups of 128 are precise but heavy; groups of 16 are compact.",
    .question = "How many dB does a bit of scales buy, from groups of 16 to one scale for all?",
    .recipe = "synth:weight-gaussian,shape=512x1024 -q int4,asym,group=128,scale-type=float16",
    .see = "Sweep the group size: SQNR against stored bits per element.",
    .answer = "It is the other way round: the smaller the group, the more precise and the heavier. "
              "Groups of 16 keep 3 dB more than groups of 128 and cost 1.1 bits more. At 4 bits "
              "groups are indispensable.",
    ROWS(group_size)};

static const struct experiment_row ggml_blocks[] = {
    {"q4_0", WEIGHTS, "q4_0", "sqnr_db", NEAR(21.3, 0.15), 0, 0},
    {"its bits", NULL, NULL, "bits_per_element", NEAR(4.5, 1e-9), 0, 0},
    {"q4_1", NULL, "q4_1", "sqnr_db", NEAR(22.1, 0.15), 0, 0},
    {"q4_k", NULL, "q4_k", "sqnr_db", NEAR(22.9, 0.15), 0, 0},
    {"its bits", NULL, NULL, "bits_per_element", NEAR(4.5, 1e-9), 0, 0},
    LESS("q4_k over q4_0, at the same bits", 3, 0, NEAR(1.6, 0.15)),
    {"q5_0", NULL, "q5_0", "sqnr_db", NEAR(27.4, 0.15), 0, 0},
    {"q5_k", NULL, "q5_k", "sqnr_db", NEAR(28.8, 0.15), 0, 0},
    {"q6_k", NULL, "q6_k", "sqnr_db", NEAR(35.0, 0.15), 0, 0},
    {"q8_0", NULL, "q8_0", "sqnr_db", NEAR(45.4, 0.15), 0, 0},
    {"its bits", NULL, NULL, "bits_per_element", NEAR(8.5, 1e-9), 0, 0},
    {"plain int4, groups of 32", NULL, "int4,group=32,scale-type=float16", "sqnr_db",
     NEAR(20.3, 0.15), 0, 0},
    {"e4m3, one scale", NULL, "e4m3", "sqnr_db", NEAR(31.5, 0.3), 0, 0},
    LESS("q6_k over e4m3, with fewer bits", 8, 12, AT_LEAST(3)),
    {"heavy tails: q4_0", HEAVY, "q4_0", "sqnr_db", NEAR(19.3, 0.25), 0, 0},
    {"heavy tails: q4_k", NULL, "q4_k", "sqnr_db", NEAR(21.6, 0.25), 0, 0},
};
const struct experiment exp_ggml_blocks = {
    .name = "ggml-blocks",
    .title = "What a block of ggml stores",
    .claim = "q4_0 and q8_0 have no scales to store, and k-quants share theirs among 64 to 128.",
    .question = "What do a scale, a minimum and a search for both buy at the same bits?",
    .recipe = "synth:weight-gaussian,shape=512x1024 -q q4_k --view inspector",
    .see = "The inspector takes a block apart: its float16 scales, the 6-bit scales and minima of "
           "its eight parts, its codes.",
    .answer =
        "A float16 scale for 32 codes makes 4.5 and 8.5 bits. q4_k has parts of 32, too, with "
        "scales and minima of 6 bits that are searched: 1.6 dB more than q4_0 at the same "
        "4.5 bits.",
    ROWS(ggml_blocks)};
