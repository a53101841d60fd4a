/* The spec: canonical forms, errors that point, and parse(print(q)) == q for every q. */
#include "quant/block.h"
#include "quant/quantizer.h"
#include "quant/scale_rule.h"
#include "quant/spec_list.h"

#include "tests/support/portable.h"

#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_canonical(void **state)
{
  (void)state;
  static const char *const forms[][2] = {
      {"int8", "int8,sym,tensor,minmax"},
      {"int4,asym,group=128,mse", "int4,asym,group=128,mse"},
      {"int8,percentile=99.9,channel=1,narrow", "int8,sym,narrow,channel=1,percentile=99.9"},
      {"e4m3", "float8_e4m3fn,tensor,minmax"},
      {"e4m3,sym,full,channel=0", "float8_e4m3fn,channel,minmax"},
      {"e4m3,channel,percentile=99.9", "float8_e4m3fn,channel,percentile=99.9"},
      {"int8,tensor,entropy", "int8,sym,tensor,entropy"},
      {"uint8", "int8,asym,tensor,minmax"},
      {"UINT4 , Group=32", "int4,asym,group=32,minmax"},
      {"uint8,asym", "int8,asym,tensor,minmax"},
      {"uint16,token", "int16,asym,token,minmax"},
      {"int8,full", "int8,sym,tensor,minmax"},
      {"int8,channel=-1", "int8,sym,channel=-1,minmax"},
      /* percentile alone: the right one depends on the bits */
      {"int16,percentile", "int16,sym,tensor,percentile=99.99"},
      {"int8,percentile", "int8,sym,tensor,percentile=99.99"},
      {"int7,percentile", "int7,sym,tensor,percentile=99.9"},
      {"int6,percentile", "int6,sym,tensor,percentile=99.9"},
      {"int5,percentile", "int5,sym,tensor,percentile=99"},
      {"int2,percentile", "int2,sym,tensor,percentile=99"},
      /* by hand */
      {"int8,scale=0.05", "int8,sym,tensor,scale=0.05"},
      {"int8,scale=1e-3,asym,zero=7", "int8,asym,tensor,scale=0.001,zero=7"},
      {"int8,asym,scale=2", "int8,asym,tensor,scale=2,zero=0"},
      {"int8,range=-1.5:100", "int8,sym,tensor,range=-1.5:100"},
      /* the plain cast, unless a calibrator is named */
      {"fp16", "float16,tensor,scale=1"},
      {"bf16,channel", "bfloat16,channel,scale=1"},
      {"fp16,minmax", "float16,tensor,minmax"},
      {"tf32", "tf32,tensor,scale=1"},
      {"e8m0", "float8_e8m0fnu,tensor,scale=1"},
      {"lloyd=16", "lloyd=16,tensor,scale=1"},
      /* blocks of their own */
      {"nf4", "nf4,block=64,minmax"},
      {"NF4,tensor,mse", "nf4,tensor,mse"},
      {"bnb_fp4,group=128", "bnb_fp4,block=128,minmax"},
      {"int4,block=32", "int4,sym,group=32,minmax"},
      /* made to order */
      {"float7_e3m3", "e3m3,tensor,minmax"},
      {"e4m3all", "e4m3all,tensor,minmax"},
      {"uint1", "int1,asym,tensor,minmax"},
      /* overflow and stored scales */
      {"e5m2,overflow=nonfinite", "float8_e5m2,tensor,minmax,overflow=nonfinite"},
      {"e5m2,overflow=Saturate", "float8_e5m2,tensor,minmax"},
      {"int8,pow2", "int8,sym,tensor,minmax,pow2"},
      {"int8,scale-type=fp16,token", "int8,sym,token,minmax,scale-type=float16"},
      {"int8,scale-type=float32", "int8,sym,tensor,minmax"},
      /* rounding */
      {"int8,round=even", "int8,sym,tensor,minmax"},
      {"int8,round=away", "int8,sym,tensor,minmax,round=away"},
      {"e5m2,round=zero", "float8_e5m2,tensor,minmax,round=zero"},
      {"int8,round=stochastic", "int8,sym,tensor,minmax,round=stochastic"},
      {"int8,round=stochastic=18446744073709551615",
       "int8,sym,tensor,minmax,round=stochastic=18446744073709551615"},
  };
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    struct quantizer quantizer;
    struct error error;
    char text[QUANTIZER_TEXT];
    if (quantizer_parse(forms[i][0], &quantizer, &error) != STATUS_OK)
      fail_msg("%s", error.text);
    assert_string_equal(quantizer_print(&quantizer, text), forms[i][1]);
  }
}

/* Each message holds the listed parts: the word, its position, what is wrong, the nearest word. */
static void test_errors(void **state)
{
  (void)state;
  static const char *const cases[][4] = {
      {"int8,chanel", "spec \"int8,chanel\"", "word 2 \"chanel\"", "did you mean \"channel\"?"},
      {"int17", "word 1 \"int17\"", "not a format", "did you mean \"int"},
      {"e4x3", "word 1 \"e4x3\"", "not a format", "did you mean \"e4m3\"?"},
      {"unt8", "word 1 \"unt8\"", "not a format", "did you mean \""},
      {"sym,int8", "word 1 \"sym\"", "not a format", "a spec begins"},
      {"int8,gruop=3", "word 2 \"gruop=3\"", "not known", "did you mean \"group\"?"},
      {"int8,perc=99", "word 2", "not known", "did you mean \"percentile\"?"},
      {"int8,sym,entrpy", "word 3 \"entrpy\"", "not known", "did you mean \"entropy\"?"},
      {"int8,xyzzy", "word 2 \"xyzzy\"", "not known", ""},
      {"int8,sym,sym", "word 3 \"sym\"", "repeats word 2", "\"sym\""},
      {"int8,sym,asym", "word 3 \"asym\"", "contradicts word 2", "\"sym\""},
      {"uint8,sym,asym", "word 3 \"asym\"", "contradicts word 2", "\"sym\""},
      {"int8,signed", "word 2", "\"signed\" belongs to the asymmetric", ""},
      {"uint8,sym,signed", "word 3", "\"signed\" belongs to the asymmetric", ""},
      {"int8,codes=3", "word 2 \"codes=3\"", "two codes", ""},
      {"int8,codes=3:-3", "word 2 \"codes=3:-3\"", "lower one first", ""},
      {"int8,codes=-200:3", "word 2", "the codes are -128 to 127", ""},
      {"int8,codes=1:3", "word 2", "both sides of 0", ""},
      {"uint8,codes=-1:3", "word 2", "the codes are 0 to 255", ""},
      {"e4m3,codes=0:3", "word 2", "\"codes\" contradicts", "only integers"},
      {"int8,narrow,codes=-4:4", "word 2", "\"narrow\" contradicts \"codes\"", ""},
      {"int8,eps=0", "word 2 \"eps=0\"", "above 0", ""},
      {"q4_0,eps=1", "word 2", "\"eps\" needs a scale", ""},
      {"int8,scale-rule=pytorc", "word 2", "no scale rule", "\"scale-rule=pytorch\""},
      {"int8,scale-rule=affine", "word 2", "has no symmetric scheme", ""},
      {"int8,asym,scale-rule=qmax", "word 3", "has no asymmetric scheme", ""},
      {"e4m3,scale-rule=signed", "word 2", "it speaks of codes", ""},
      {"int8,scale=1,scale-rule=qmax", "word 3", "contradicts \"scale\"", ""},
      {"int8,arithmetic=odd", "word 2", "divide, reciprocal", ""},
      {"e4m3,arithmetic=reciprocal", "word 2", "contradicts \"float8_e4m3fn\"", ""},
      {"int8,arithmetic=reciprocal,round=away", "word 2", "contradicts \"round\"", ""},
      {"int8,asym,scale-rule=mlx,arithmetic=reciprocal", "word 3", "free minimum", ""},
      {"int8,norm=2", "word 2 \"norm=2\"", "is no option of \"minmax\"", ""},
      {"int8,scale=1,norm=2", "word 3 \"norm=2\"", "there is none", ""},
      {"int8,norm=x,gptq-mse", "word 2 \"norm=x\"", "a number from", ""},
      {"int8,gptq-mse,norm=2,norm=3", "word 4 \"norm=3\"", "says again", ""},
      {"pytorch-qint", "word 1", "did you mean \"pytorch-qint8\"?", ""},
      {"pytorch-qint8,gruop=3", "word 2", "did you mean \"group\"?", ""},
      {"int8,int4", "word 2 \"int4\"", "contradicts word 1", "\"int8\""},
      {"int8,tensor,group=3", "word 3 \"group=3\"", "contradicts word 2", "\"tensor\""},
      {"int8,minmax,mse", "word 3 \"mse\"", "contradicts word 2", "\"minmax\""},
      {"int8,scale=1,range=0:1", "word 3 \"range=0:1\"", "contradicts word 2", "\"scale=1\""},
      {"int8,mse,scale=1", "word 3 \"scale=1\"", "contradicts word 2", "\"mse\""},
      {"int8,full,narrow", "word 3 \"narrow\"", "contradicts word 2", "\"full\""},
      {"int8,round=even,round=zero", "word 3", "contradicts word 2", "\"round=even\""},
      {"int8,narrow,asym", "word 2", "\"narrow\" contradicts", "\"asym\""},
      {"e4m3,asym", "word 2", "\"asym\" contradicts", "\"float8_e4m3fn\""},
      {"e4m3,narrow", "word 2", "\"narrow\" contradicts", "\"float8_e4m3fn\""},
      {"e4m3,entropy", "word 2", "\"entropy\" contradicts", "\"float8_e4m3fn\""},
      {"int1", "word 1", "no symmetric scheme", "uint1"},
      {"int8,overflow=nonfinite", "word 2", "\"overflow=nonfinite\" contradicts", "\"int8\""},
      {"e2m1,overflow=nonfinite", "word 2", "no infinity", "\"float4_e2m1fn\""},
      {"e4m3,overflow=inf", "word 2 \"overflow=inf\"", "overflow=saturate", ""},
      {"int8,scale-type=int8", "word 2 \"scale-type=int8\"", "float16 or bfloat16", ""},
      {"int8,scale-type=xyz", "word 2 \"scale-type=xyz\"", "float16 or bfloat16", ""},
      {"int8,pow2,scale-type=fp16", "word 3", "contradicts \"pow2\"", ""},
      {"q4_0,pow2", "word 2", "\"pow2\" contradicts \"q4_0\"", ""},
      {"mxfp4,scale-type=fp16", "word 2", "\"scale-type\" contradicts \"mxfp4\"", ""},
      {"lloyd=1", "word 1", "\"lloyd=1\"", "from 2 to 65536"},
      {"lloyd=x", "word 1", "\"lloyd=x\"", "from 2 to 65536"},
      {"lloyd=8,group=4", "word 2", "\"lloyd=8\"", "whole tensor"},
      {"lloyd=8,mse", "word 2", "\"lloyd=8\"", "no scale"},
      {"nf4,asym", "word 2", "\"asym\" contradicts", "\"nf4\""},
      {"nf4,entropy", "word 2", "\"entropy\" contradicts", "\"nf4\""},
      {"codebook=x.npy", "word 1", "codebook=x.npy", "reads no codebooks"},
      {"int8,group=0", "word 2 \"group=0\"", "1 or more", ""},
      {"int8,group=-4", "word 2 \"group=-4\"", "1 or more", ""},
      {"int8,group=1.5", "word 2 \"group=1.5\"", "1 or more", ""},
      {"int8,group=18446744073709551616", "word 2", "1 or more", ""},
      {"int8,group", "word 2 \"group\"", "lacks its value", ""},
      {"int8,group=", "word 2 \"group=\"", "lacks its value", ""},
      {"int8,channel=8", "word 2 \"channel=8\"", "from -8 to 7", ""},
      {"int8,channel=-9", "word 2 \"channel=-9\"", "from -8 to 7", ""},
      {"int8,channel=x", "word 2 \"channel=x\"", "from -8 to 7", ""},
      {"int8,tensor=1", "word 2 \"tensor=1\"", "none belongs", ""},
      {"int8,minmax=1", "word 2 \"minmax=1\"", "none belongs", ""},
      {"int8,percentile=120", "word 2 \"percentile=120\"", "from 50 to 100", ""},
      {"int8,percentile=49.9", "word 2 \"percentile=49.9\"", "from 50 to 100", ""},
      {"int8,percentile=nan", "word 2 \"percentile=nan\"", "from 50 to 100", ""},
      {"int8,percentile=99x", "word 2 \"percentile=99x\"", "from 50 to 100", ""},
      {"int8,scale=0", "word 2", "\"scale=0\"", "above 0"},
      {"int8,scale=-2", "word 2", "\"scale=-2\"", "above 0"},
      {"int8,scale=nan", "word 2 \"scale=nan\"", "above 0", ""},
      {"int8,scale=inf", "word 2 \"scale=inf\"", "above 0", ""},
      {"int8,scale=1e-60", "word 2", "\"scale=1e-60\"", "float32"},
      {"int8,scale=1e60", "word 2", "\"scale=1e+60\"", "float32"},
      {"int8,range=1:-1", "word 2", "\"range=1:-1\"", "lower one first"},
      {"int8,range=1:1", "word 2", "\"range=1:1\"", "lower one first"},
      {"int8,range=1", "word 2 \"range=1\"", "two numbers", ""},
      {"int8,range=:", "word 2 \"range=:\"", "two numbers", ""},
      {"int8,range=-inf:1", "word 2 \"range=-inf:1\"", "two numbers", ""},
      {"int8,zero=3", "word 2 \"zero=3\"", "needs a scale", ""},
      {"int8,scale=1,zero=3", "word 3", "\"zero=3\" contradicts", "\"sym\""},
      {"int4,asym,scale=1,zero=16", "word 4", "\"zero=16\"", "from 0 to 15"},
      {"int4,asym,scale=1,zero=0.5", "word 4", "\"zero=0.5\"", "whole number"},
      {"int8,round=evn", "word 2 \"round=evn\"", "even, away, zero",
       "did you mean \"round=even\"?"},
      {"int8,round=even=1", "word 2 \"round=even=1\"", "stochastic only", ""},
      {"int8,round=stochastic=x", "word 2", "whole number", ""},
      {"", "spec \"\"", "word 1 is empty", ""},
      {",", "spec \",\"", "word 1 is empty", ""},
      {"int8,", "spec \"int8,\"", "word 2 is empty", ""},
      {"int8, ,sym", "word 2 is empty", "", ""},
      {"int8,\x1b[31m", "word 2 \"\\x1b[31m\"", "not known", ""},
      {"int8,caf\xc3\xa9", "word 2 \"caf\\xc3\\xa9\"", "not known", ""},
      {"int8\n", "word 1 \"int8\\x0a\"", "did you mean \"int8\"?", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct quantizer quantizer = {.seed = 4711};
    struct error error = {.text = ""};
    size_t wrong, said = 0;
    assert_int_equal(quantizer_parse_word(cases[i][0], &quantizer, &wrong, &error), STATUS_USAGE);
    assert_int_equal(error.status, STATUS_USAGE);
    assert_int_equal(quantizer.seed, 4711); /* untouched */
    sscanf(strstr(error.text, "word "), "word %zu", &said);
    if (wrong != said)
      fail_msg("word %zu is to blame: %s", wrong, error.text);
    for (size_t part = 1; part < 4; part++)
      if (!strstr(error.text, cases[i][part]))
        fail_msg("no '%s' in: %s", cases[i][part], error.text);
  }
}

/* What can be written at a place: it begins so, and it fits. */
static bool offers(const char *spec, size_t at, const char *word)
{
  struct spec_word found[SPEC_WORDS];
  size_t count = spec_complete(spec, at, found, SPEC_WORDS);
  for (size_t i = 0; i < count; i++)
    if (strcmp(found[i].text, word) == 0)
      return true;
  return false;
}

static void test_completion(void **state)
{
  (void)state;
  assert_true(offers("", 0, "int4") && offers("", 0, "q4_k") && offers("", 0, "pytorch-qint8"));
  assert_true(offers("nf", 2, "nf4") && !offers("nf", 2, "int4"));
  assert_true(offers("INT", 3, "int4"));
  assert_true(offers("int8,", 5, "asym") && offers("int8,", 5, "mse") &&
              offers("int8,", 5, "group"));
  assert_false(offers("int8,", 5, "int4")); /* a format comes first */
  assert_false(offers("e4m3,", 5, "asym")); /* only integers have a zero point */
  assert_true(offers("e4m3,", 5, "channel"));
  assert_false(offers("int8,sym,", 9, "asym")); /* contradicts */
  assert_true(offers("int8,as,mse", 7, "asym"));
  assert_false(offers("int8,en,mse", 7, "entropy")); /* two calibrators */
  assert_true(offers("q4_0,", 5, "pad") && !offers("q4_0,", 5, "mse"));
  struct spec_word few[3];
  assert_int_equal(spec_complete("", 0, few, 3), 3);
}

static bool offers_all(const char *spec, const char *const *words)
{
  for (size_t i = 0; words[i]; i++)
    if (!offers(spec, strlen(spec), words[i])) {
      print_message("%s does not go on with %s\n", spec, words[i]);
      return false;
    }
  return true;
}

/* Behind a "=" come values: all of them where they are words. */
static void test_value_completion(void **state)
{
  (void)state;
  static const char *const rounds[] = {"round=even", "round=away", "round=zero", "round=stochastic",
                                       NULL};
  static const char *const groups[] = {"group=32", "group=128", NULL};
  static const char *const nines[] = {"percentile=99", "percentile=99.9", "percentile=99.99", NULL};
  static const char *const types[] = {"scale-type=float32", "scale-type=float16",
                                      "scale-type=bfloat16", NULL};
  static const char *const rules[] = {"scale-rule=floor", "scale-rule=ceil", "scale-rule=rceil",
                                      "scale-rule=even", NULL};
  assert_true(offers_all("int8,round=", rounds));
  assert_true(offers_all("int4,asym,group=", groups));
  assert_true(offers_all("e4m3,channel,percentile=", nines));
  assert_true(offers_all("int8,percentile=99.9", nines + 1)); /* and those that begin so */
  assert_true(offers_all("int8,scale-type=", types));
  assert_true(offers_all("mxfp4,scale-rule=", rules));
  assert_false(offers("int8,scale-rule=", 16, "scale-rule=rceil")); /* that is for blocks */
  assert_false(offers("mxfp4,round=", 12, "round=stochastic"));
  assert_false(offers("int8,tensor,group=", 18, "group=32")); /* contradicts */
  assert_false(offers("int8,round=", 11, "asym"));
  assert_false(offers("int8,nonsense=", 14, "group=32"));
  struct spec_word few[2];
  assert_int_equal(spec_values("group", few, 2), 2);
  assert_int_equal(spec_values("sym", few, 2), 0);
}

static bool makes(const char *head, const char *calibrator, const char *word)
{
  char spec[QUANTIZER_TEXT];
  struct quantizer quantizer;
  struct error error;
  snprintf(spec, sizeof spec, "%s%s%s,%.60s", head, *calibrator ? "," : "", calibrator, word);
  return quantizer_parse(spec, &quantizer, &error) == STATUS_OK;
}

/* Options need the calibrator whose they are. */
static bool some_quantizer_has(const char *word)
{
  static const char *const heads[] = {"int8",  "int8,asym", "int8,scale=0.1", "int8,asym,scale=0.1",
                                      "e4m3",  "mxfp4",     "nvfp4",          "q4_0",
                                      "iq4_nl"};
  for (size_t h = 0; h < sizeof heads / sizeof *heads; h++) {
    if (makes(heads[h], "", word))
      return true;
    for (size_t c = 0; c < calibrator_table_length; c++)
      if (makes(heads[h], calibrator_table[c].name, word))
        return true;
  }
  return false;
}

static void test_listed_values(void **state)
{
  (void)state;
  struct spec_word words[SPEC_WORDS], values[SPEC_WORDS];
  size_t count = spec_words(false, words, SPEC_WORDS);
  for (size_t i = 0; i < count; i++) {
    size_t listed = spec_values(words[i].text, values, SPEC_WORDS);
    if (words[i].needs_value && listed == 0 && strcmp(words[i].text, "importance") != 0)
      fail_msg("%s= has nothing to offer", words[i].text); /* that needs a file */
    for (size_t k = 0; k < listed; k++)
      if (!some_quantizer_has(values[k].text))
        fail_msg("no quantizer has %s", values[k].text);
  }
}

static void test_places(void **state)
{
  (void)state;
  static const char spec[] = "int8, asym ,mse";
  static const struct {
    size_t at, position, start, end;
  } places[] = {{0, 1, 0, 4},  {4, 1, 0, 4},    {5, 2, 6, 10},
                {8, 2, 6, 10}, {12, 3, 12, 15}, {99, 3, 12, 15}};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    struct spec_place place = spec_place_at(spec, places[i].at);
    assert_int_equal(place.position, places[i].position);
    assert_int_equal(place.start, places[i].start);
    assert_int_equal(place.end, places[i].end);
    struct spec_place same = spec_place_of(spec, place.position);
    assert_int_equal(same.start, place.start);
    assert_int_equal(same.end, place.end);
  }
  assert_int_equal(spec_place_of(spec, 9).position, 3);
  assert_int_equal(spec_place_of("a,", 2).start, 2);
}

/* Every word of the lists is understood by the reader: it never calls it unknown. */
static void test_listed_words(void **state)
{
  (void)state;
  struct spec_word word[SPEC_WORDS];
  char spec[128];
  size_t first = spec_words(true, word, SPEC_WORDS);
  for (int other = 0; other < 2; other++) {
    size_t count = other ? spec_words(false, word, SPEC_WORDS) : first;
    assert_true(count > 20 && count < SPEC_WORDS);
    for (size_t i = 0; i < count; i++) {
      struct quantizer quantizer;
      struct error error = {.text = ""};
      snprintf(spec, sizeof spec, "%s%.39s%s", other ? "int8," : "", word[i].text,
               word[i].needs_value ? "=1" : "");
      quantizer_parse(spec, &quantizer, &error);
      if (strstr(error.text, "not known") || strstr(error.text, "not a format"))
        fail_msg("%s", error.text);
    }
  }
}

static void test_long_specs(void **state)
{
  (void)state;
  char spec[2000];
  struct quantizer quantizer;
  struct error error;
  memset(spec, 'x', sizeof spec - 1);
  spec[sizeof spec - 1] = 0;
  assert_int_equal(quantizer_parse(spec, &quantizer, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "1999 characters are too long"));
  assert_true(strlen(error.text) < 300);
  spec[QUANTIZER_TEXT - 1] = 0; /* the longest that fits */
  assert_int_equal(quantizer_parse(spec, &quantizer, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "word 1"));
  for (size_t i = 0; i + 1 < QUANTIZER_TEXT; i++)
    spec[i] = i % 2 ? ',' : 'a';
  assert_int_equal(quantizer_parse(spec, &quantizer, &error), STATUS_USAGE);
  assert_int_equal(quantizer_parse("int8,frobnicate", &quantizer, NULL), STATUS_USAGE);
}

/* --- round trips ---------------------------------------------------------------------------- */

static void check_round_trip(const struct quantizer *quantizer)
{
  struct quantizer again;
  struct error error;
  char text[QUANTIZER_TEXT], text2[QUANTIZER_TEXT];
  quantizer_print(quantizer, text);
  if (quantizer_parse(text, &again, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  if (!quantizer_equal(quantizer, &again))
    fail_msg("%s is not the same again", text);
  assert_string_equal(quantizer_print(&again, text2), text);
}

static double any_double(uint64_t *state)
{
  return ldexp(portable_uniform(state) + 0.5, (int)(portable_next(state) % 200) - 100);
}

static void random_range(struct quantizer *quantizer, uint64_t *state)
{
  quantizer->calibrator = NULL;
  switch (portable_next(state) % 3) {
  case 0:
    quantizer->by = BY_SCALE;
    quantizer->scale = any_double(state);
    quantizer->zero = quantizer->asymmetric ? (double)(portable_next(state) % 4) : 0;
    break;
  case 1:
    quantizer->by = BY_RANGE;
    quantizer->hi = any_double(state);
    quantizer->lo = -any_double(state);
    break;
  default:
    quantizer->by = BY_CALIBRATOR;
    quantizer->calibrator = &calibrator_table[portable_next(state) % calibrator_table_length];
    if (quantizer->calibrator->parameter)
      quantizer->parameter = 50 + 50 * portable_uniform(state);
    calibrator_options(quantizer->calibrator, quantizer->option);
    const struct calibrator_option *first = &quantizer->calibrator->option[0];
    if (first->word && portable_next(state) % 2)
      quantizer->option[0] = portable_next(state) % 2 ? first->least : first->most;
  }
}

/* Conventions, impossible ones among them. */
static void random_conventions(struct quantizer *quantizer, uint64_t *state)
{
  quantizer->signed_codes = portable_next(state) % 4 == 0;
  quantizer->unsigned_codes = portable_next(state) % 4 == 0;
  quantizer->arithmetic = (enum arithmetic)(portable_next(state) % ARITHMETIC_OFFSET);
  quantizer->rule = &scale_rule_table[portable_next(state) % scale_rule_table_length];
  quantizer->eps = portable_next(state) % 2 ? any_double(state) : 0;
  quantizer->limited = portable_next(state) % 2;
  if (quantizer->limited) {
    quantizer->code_lo = (long)(portable_next(state) % 8) - 4;
    quantizer->code_hi = quantizer->code_lo + 1 + (long)(portable_next(state) % 8);
  }
}

/* The number of one of WORDS; 0 where there are none. */
static int any_word(const char *const *words, uint64_t *state)
{
  size_t count = 0;
  while (words && words[count])
    count++;
  return count ? (int)(portable_next(state) % count) : 0;
}

/* Block formats are their own scheme, with a few choices; impossible ones among them. */
static void random_block(struct quantizer *quantizer, uint64_t *state)
{
  static const char *const files[] = {"", "weights.npy"};
  const struct block_codec *codec = block_codec_find(quantizer->format->name);
  *quantizer = (struct quantizer){
      .format = quantizer->format, .by = BY_FORMAT, .rounding = quantizer->rounding};
  quantizer->block.length = portable_next(state) % 3 ? 0 : portable_next(state) % 80 * 4;
  if (quantizer->block.length == codec->length)
    quantizer->block.length = 0;
  quantizer->block.rule = any_word(codec->rules, state);
  quantizer->block.variant = any_word(codec->variants, state);
  quantizer->block.four_over_six = portable_next(state) % 4 == 0;
  quantizer->block.pad = !codec->pads && portable_next(state) % 2;
  strcpy(quantizer->block.importance, files[portable_next(state) % 2]);
}

static struct quantizer random_quantizer(uint64_t *state)
{
  struct quantizer quantizer = {.format = &format_table[portable_next(state) % format_table_length],
                                .asymmetric = portable_next(state) % 2,
                                .narrow = portable_next(state) % 4 == 0,
                                .rounding = (enum rounding)(portable_next(state) % 4)};
  quantizer.granularity.kind = (enum grain_kind)(portable_next(state) % 4);
  if (quantizer.granularity.kind == GRAIN_CHANNEL)
    quantizer.granularity.axis = (int)(portable_next(state) % 16) - 8;
  if (quantizer.granularity.kind == GRAIN_GROUP)
    quantizer.granularity.group = portable_next(state) >> portable_next(state) % 63 | 1;
  if (quantizer.rounding == ROUND_STOCHASTIC && portable_next(state) % 2)
    quantizer.seed = portable_next(state);
  random_range(&quantizer, state);
  if (portable_next(state) % 4 == 0)
    random_conventions(&quantizer, state);
  if (format_is_block(quantizer.format))
    random_block(&quantizer, state);
  return quantizer;
}

static void test_round_trips(void **state)
{
  (void)state;
  uint64_t stream = 1;
  size_t valid = 0;
  for (int i = 0; i < 20000; i++) {
    struct quantizer quantizer = random_quantizer(&stream);
    if (quantizer_check(&quantizer, NULL) != STATUS_OK)
      continue;
    check_round_trip(&quantizer);
    valid++;
  }
  assert_in_range(valid, 5000, 20000);
}

/* Every single change makes another quantizer. */
static void test_equal(void **state)
{
  (void)state;
  static const char *const specs[] = {
      "int8",
      "int4",
      "int8,asym",
      "int8,narrow",
      "int8,channel",
      "int8,channel=1",
      "int8,group=2",
      "int8,group=3",
      "int8,token",
      "int8,mse",
      "int8,percentile",
      "int8,percentile=99",
      "int8,scale=1",
      "int8,scale=2",
      "int8,range=0:1",
      "int8,range=0:2",
      "int8,round=away",
      "int8,round=stochastic",
      "int8,round=stochastic=1",
      "int8,asym,scale=1",
      "int8,asym,scale=1,zero=1",
  };
  enum { SPECS = sizeof specs / sizeof *specs };
  struct quantizer quantizers[SPECS];
  for (int i = 0; i < SPECS; i++)
    assert_int_equal(quantizer_parse(specs[i], &quantizers[i], NULL), STATUS_OK);
  for (int i = 0; i < SPECS; i++)
    for (int j = 0; j < SPECS; j++)
      assert_int_equal(quantizer_equal(&quantizers[i], &quantizers[j]), i == j);
}

/* What the explorer's knobs may build by hand. */
static void test_check(void **state)
{
  (void)state;
  struct quantizer quantizer;
  struct error error;
  assert_int_equal(quantizer_parse("int8", &quantizer, NULL), STATUS_OK);
  assert_int_equal(quantizer_check(&quantizer, &error), STATUS_OK);
  struct quantizer broken = quantizer;
  broken.granularity = (struct granularity){.kind = GRAIN_GROUP, .group = 0};
  assert_int_equal(quantizer_check(&broken, &error), STATUS_USAGE);
  broken = quantizer;
  broken.granularity = (struct granularity){.kind = GRAIN_CHANNEL, .axis = 8};
  assert_int_equal(quantizer_check(&broken, &error), STATUS_USAGE);
  broken = quantizer;
  broken.calibrator = NULL;
  assert_int_equal(quantizer_check(&broken, &error), STATUS_USAGE);
  broken = quantizer;
  broken.calibrator = calibrator_find("percentile");
  broken.parameter = (double)NAN;
  assert_int_equal(quantizer_check(&broken, &error), STATUS_USAGE);
  broken = quantizer;
  broken.by = BY_SCALE;
  broken.scale = (double)NAN;
  assert_int_equal(quantizer_check(&broken, &error), STATUS_USAGE);
  broken.by = BY_RANGE;
  broken.lo = -1;
  broken.hi = (double)INFINITY;
  assert_int_equal(quantizer_check(&broken, &error), STATUS_USAGE);
}

static void test_code_range(void **state)
{
  (void)state;
  static const struct {
    const char *spec;
    long lowest, highest;
  } ranges[] = {
      {"int8", -128, 127},      {"int8,narrow", -127, 127}, {"int8,asym", 0, 255},
      {"int2", -2, 1},          {"int2,narrow", -1, 1},     {"int4,asym", 0, 15},
      {"int16", -32768, 32767}, {"uint16", 0, 65535},       {"e4m3", -448, 448},
      {"e5m2", -57344, 57344},  {"fp16", -65504, 65504},    {"bf16", -LONG_MAX, LONG_MAX},
  };
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    struct quantizer quantizer;
    long lowest, highest;
    assert_int_equal(quantizer_parse(ranges[i].spec, &quantizer, NULL), STATUS_OK);
    quantizer_code_range(&quantizer, &lowest, &highest);
    assert_true(lowest == ranges[i].lowest && highest == ranges[i].highest);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_canonical),     cmocka_unit_test(test_errors),
      cmocka_unit_test(test_completion),    cmocka_unit_test(test_value_completion),
      cmocka_unit_test(test_listed_values), cmocka_unit_test(test_places),
      cmocka_unit_test(test_listed_words),  cmocka_unit_test(test_long_specs),
      cmocka_unit_test(test_round_trips),   cmocka_unit_test(test_equal),
      cmocka_unit_test(test_check),         cmocka_unit_test(test_code_range),
  };
  return cmocka_run_group_tests_name("quantizer", tests, NULL, NULL);
}
