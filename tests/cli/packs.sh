#!/bin/sh
# Folders of Hugging Face models: what is packed, what it means, what the configuration says.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

good=$QSCOPE_SRCDIR/tests/data/good
mkdir model
cp "$good/pack-integers.safetensors" model/model.safetensors
cat >model/config.json <<'END'
{"model_type": "llama", "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 8}}
END
qscope list model >table 2>note
is "$(cat note)" "qscope: model: quantized: gptq, 4 bits, group 8 (config.json)" "the configuration"
is "$(grep -c '^g\.' table)" 5 "four parts and what they mean"
like "$(grep '^g.weight ' table)" \
  'gptq_int4 +8x16 +128 +168 +gptq int4, group 8, from .qweight .qzeros .scales .g_idx; 10.5 bits' \
  "the weight, outputs by rows"
like "$(grep '^i.weight' table)" 'i8 .*
i.weight:dequantized +i8_scaled .*i8 codes, a scale per row' "codes and values of one name"
is "$(qscope list model --json 2>/dev/null | get tensors.#)" 22 "as JSON"
is "$(qscope list model --json 2>/dev/null | get tensors.17.name tensors.17.derived | tr '\n' ' ')" \
  "g.weight true " "what is derived comes last, and says so"
is "$(qscope list model --metadata 2>/dev/null | grep bits)" "quantization_config.bits          4" \
  "the configuration as metadata"

qscope report model -t g.weight -q int8 --json >report
is "$(get tensor stored shape.0 shape.1 stored_bits_per_element <report | tr '\n' ' ')" \
  "g.weight gptq_int4 8 16 10.5 " "the report of a weight"
like "$(qscope report model -t g.weight -q int8)" \
  'unpacked from 4 tensors, 10.5 bits per element as they are stored' "and in words"
qscope report model -t b.weight:dequantized -q fp16 --dequantized values.npy >/dev/null
is "$(npy info values.npy)" "<f4 (4, 8)" "its values can be saved"

# An order of columns that cannot be is found when the weight is looked at.
{ printf '\310\001\0\0\0\0\0\0' && printf '%-456s' \
  '{"q.qweight":{"dtype":"I32","shape":[2,8],"data_offsets":[0,64]},"q.qzeros":{"dtype":"I32","shape":[1,1],"data_offsets":[64,68]},"q.scales":{"dtype":"F16","shape":[1,8],"data_offsets":[68,84]},"q.g_idx":{"dtype":"I32","shape":[16],"data_offsets":[84,148]}}'; } >order.safetensors
head -c 147 /dev/zero >>order.safetensors
printf '\001' >>order.safetensors
fails 3 "^qscope: order.safetensors: q.weight: q.g_idx: group 16777216 of column 15; expected 0 to 0" \
  "an order that cannot be" qscope report order.safetensors -t q.weight -q int8

# Damaged configurations are no reason not to look.
echo '{"quantization_config": ' >model/config.json
qscope list model >table 2>note
like "$(cat note)" '^qscope: model: model/config.json: not valid JSON at byte' "no JSON"
is "$(grep -c '^g\.' table)" 5 "weights are unpacked by their shapes all the same"
done_testing
