# data/: where numbers come from. May use quant/.

noinst_LIBRARIES += libdata.a
libdata_a_SOURCES = \
	data/batches.c data/batches.h \
	data/child.c data/child.h \
	data/complex.c data/complex.h \
	data/escape.c \
	data/fingerprint.c data/fingerprint.h \
	data/folder.c data/folder.h \
	data/gguf.c data/gguf.h data/gguf_split.c data/gguf_value.c \
	data/hdf5.c data/hdf5_tensor.c data/hdf5.h data/hdf5_calls.def \
	data/imatrix.c data/imatrix.h \
	data/json_members.c data/json_members.h \
	data/map.c data/map.h \
	data/matlab.c \
	data/numbers.c data/numbers.h \
	data/metadata.c \
	data/name_index.c data/name_index.h \
	data/npy.c data/npy.h \
	data/npy_write.c data/npy_write.h \
	data/onnx.c data/onnx.h data/onnx_external.c data/onnx_scale.c data/onnx_tensor.c \
	data/outfile.c data/outfile.h \
	data/pack.c data/pack.h \
	data/pack_config.c data/pack_config.h \
	data/pickle.c data/pickle.h \
	data/plain_entry.c data/plain_entry.h \
	data/protobuf.c data/protobuf.h \
	data/pytorch.c data/pytorch.h data/pytorch_tree.c \
	data/raw.c \
	data/rename.c data/rename.h \
	data/safetensors.c data/safetensors.h \
	data/shards.c \
	data/slice.c data/slice.h \
	data/source.c data/source.h data/source_types.h \
	data/spill.c data/spill.h \
	data/straight.c \
	data/stdin.c data/stdin.h \
	data/synth.c data/synth.h data/synth_table.c \
	data/temporary.c data/temporary.h \
	data/tensor_hash.c data/tensor_hash.h \
	data/transform.c data/transform.h data/transformed.c data/transformed.h \
	data/text.c data/text.h data/text_number.c data/text_table.c \
	data/zip_members.c data/zip_members.h \
	data/zip_npz.c
libdata_a_CPPFLAGS = $(AM_CPPFLAGS) $(GSL_CFLAGS) $(JANSSON_CFLAGS) $(ZIP_CFLAGS) \
	$(MATIO_CFLAGS) $(HDF5_CFLAGS)

# Decoding runs over every element: optimised like the kernels.
noinst_LIBRARIES += libstored.a
libstored_a_SOURCES = \
	data/map_range.c data/map_range.h \
	data/pack_affine.c data/pack_affine.h \
	data/pack_awq.c \
	data/pack_bnb.c \
	data/pack_compressed.c \
	data/pack_fp4.c \
	data/pack_gptq.c \
	data/pack_mlx.c \
	data/pack_scaled.c \
	data/stored.c \
	data/strided.c data/strided.h \
	data/tensor.c data/tensor.h \
	data/tensor_digest.c data/tensor_digest.h
libstored_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
libstored_a_CFLAGS = $(AM_CFLAGS) $(QS_KERNEL_CFLAGS)

DATA_LIBS = libdata.a libstored.a $(QUANT_LIBS) $(JANSSON_LIBS) $(ZIP_LIBS)
