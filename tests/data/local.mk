# Unit tests of data/. One cmocka group per program.

EXTRA_DIST += tests/data/optional tests/data/good tests/data/bad tests/data/expected

if HAVE_CMOCKA
DATA_TESTS = \
	tests/data/test_bad \
	tests/data/test_batches \
	tests/data/test_derived \
	tests/data/test_escape \
	tests/data/test_folder \
	tests/data/test_gguf \
	tests/data/test_gguf_split \
	tests/data/test_imatrix \
	tests/data/test_libraries \
	tests/data/test_fingerprint \
	tests/data/test_map \
	tests/data/test_metadata \
	tests/data/test_name_index \
	tests/data/test_memory \
	tests/data/test_mutations \
	tests/data/test_npy \
	tests/data/test_npz \
	tests/data/test_onnx \
	tests/data/test_pack_fixtures \
	tests/data/test_pack_floats \
	tests/data/test_pack_integers \
	tests/data/test_pack_misfit \
	tests/data/test_pytorch \
	tests/data/test_raw \
	tests/data/test_rename \
	tests/data/test_safetensors \
	tests/data/test_shards \
	tests/data/test_slice \
	tests/data/test_source \
	tests/data/test_stored \
	tests/data/test_strided \
	tests/data/test_synth \
	tests/data/test_tensor_digest \
	tests/data/test_tensor_hash \
	tests/data/test_text \
	tests/data/test_transform
check_PROGRAMS += $(DATA_TESTS)
TESTS += $(DATA_TESTS)

check_LIBRARIES += libdatatest.a
libdatatest_a_SOURCES = \
	tests/data/checkpoints.c tests/data/checkpoints.h \
	tests/data/files.c tests/data/files.h \
	tests/data/ggufs.c tests/data/ggufs.h
libdatatest_a_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(ZIP_CFLAGS)
DATA_TEST_LIBS = libdatatest.a $(DATA_LIBS) $(CMOCKA_LIBS)

tests_data_test_bad_SOURCES = tests/data/test_bad.c
tests_data_test_bad_LDADD = $(DATA_TEST_LIBS)
tests_data_test_batches_SOURCES = tests/data/test_batches.c
tests_data_test_batches_LDADD = $(DATA_TEST_LIBS)
tests_data_test_derived_SOURCES = tests/data/test_derived.c
tests_data_test_derived_LDADD = $(DATA_TEST_LIBS)
tests_data_test_escape_SOURCES = tests/data/test_escape.c
tests_data_test_escape_LDADD = $(DATA_TEST_LIBS)
tests_data_test_fingerprint_SOURCES = tests/data/test_fingerprint.c
tests_data_test_fingerprint_LDADD = $(DATA_TEST_LIBS)
tests_data_test_tensor_hash_SOURCES = tests/data/test_tensor_hash.c
tests_data_test_tensor_hash_LDADD = $(DATA_TEST_LIBS)
tests_data_test_folder_SOURCES = tests/data/test_folder.c
tests_data_test_folder_LDADD = $(DATA_TEST_LIBS)
tests_data_test_gguf_SOURCES = tests/data/test_gguf.c
tests_data_test_gguf_LDADD = $(DATA_TEST_LIBS)
tests_data_test_gguf_split_SOURCES = tests/data/test_gguf_split.c
tests_data_test_gguf_split_LDADD = $(DATA_TEST_LIBS)
tests_data_test_imatrix_SOURCES = tests/data/test_imatrix.c
tests_data_test_imatrix_LDADD = $(DATA_TEST_LIBS)
tests_data_test_libraries_SOURCES = tests/data/test_libraries.c
tests_data_test_libraries_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(MATIO_CFLAGS) $(HDF5_CFLAGS)
tests_data_test_libraries_LDADD = $(DATA_TEST_LIBS) $(MATIO_LIBS) $(HDF5_LIBS)
tests_data_test_map_SOURCES = tests/data/test_map.c
tests_data_test_map_LDADD = $(DATA_TEST_LIBS)
tests_data_test_metadata_SOURCES = tests/data/test_metadata.c
tests_data_test_metadata_LDADD = $(DATA_TEST_LIBS)
tests_data_test_name_index_SOURCES = tests/data/test_name_index.c
tests_data_test_name_index_LDADD = $(DATA_TEST_LIBS)
tests_data_test_memory_SOURCES = tests/data/test_memory.c
tests_data_test_memory_LDADD = $(DATA_TEST_LIBS)
tests_data_test_mutations_SOURCES = tests/data/test_mutations.c
tests_data_test_mutations_LDADD = $(DATA_TEST_LIBS)
tests_data_test_npy_SOURCES = tests/data/test_npy.c
tests_data_test_npy_LDADD = $(DATA_TEST_LIBS)
tests_data_test_pack_fixtures_SOURCES = tests/data/test_pack_fixtures.c tests/data/packs.c tests/data/packs.h
tests_data_test_pack_fixtures_LDADD = $(DATA_TEST_LIBS)
tests_data_test_pack_floats_SOURCES = tests/data/test_pack_floats.c tests/data/packs.c tests/data/packs.h
tests_data_test_pack_floats_LDADD = $(DATA_TEST_LIBS)
tests_data_test_pack_integers_SOURCES = tests/data/test_pack_integers.c tests/data/packs.c tests/data/packs.h
tests_data_test_pack_integers_LDADD = $(DATA_TEST_LIBS)
tests_data_test_pack_misfit_SOURCES = tests/data/test_pack_misfit.c
tests_data_test_pack_misfit_LDADD = $(DATA_TEST_LIBS)
tests_data_test_onnx_SOURCES = tests/data/test_onnx.c
tests_data_test_onnx_LDADD = $(DATA_TEST_LIBS)
tests_data_test_pytorch_SOURCES = tests/data/test_pytorch.c
tests_data_test_pytorch_LDADD = $(DATA_TEST_LIBS)
tests_data_test_npz_SOURCES = tests/data/test_npz.c
tests_data_test_npz_CPPFLAGS = $(AM_CPPFLAGS) $(ZIP_CFLAGS)
tests_data_test_npz_LDADD = $(DATA_TEST_LIBS)
tests_data_test_raw_SOURCES = tests/data/test_raw.c
tests_data_test_raw_LDADD = $(DATA_TEST_LIBS)
tests_data_test_rename_SOURCES = tests/data/test_rename.c
tests_data_test_rename_LDADD = $(DATA_TEST_LIBS)
tests_data_test_safetensors_SOURCES = tests/data/test_safetensors.c
tests_data_test_safetensors_LDADD = $(DATA_TEST_LIBS)
tests_data_test_shards_SOURCES = tests/data/test_shards.c
tests_data_test_shards_LDADD = $(DATA_TEST_LIBS)
tests_data_test_transform_SOURCES = tests/data/test_transform.c
tests_data_test_transform_LDADD = $(DATA_TEST_LIBS)
tests_data_test_slice_SOURCES = tests/data/test_slice.c
tests_data_test_slice_LDADD = $(DATA_TEST_LIBS)
tests_data_test_source_SOURCES = tests/data/test_source.c
tests_data_test_source_LDADD = $(DATA_TEST_LIBS)
tests_data_test_stored_SOURCES = tests/data/test_stored.c
tests_data_test_stored_LDADD = $(DATA_TEST_LIBS)
tests_data_test_strided_SOURCES = tests/data/test_strided.c
tests_data_test_strided_LDADD = $(DATA_TEST_LIBS)
tests_data_test_synth_SOURCES = tests/data/test_synth.c
tests_data_test_synth_CPPFLAGS = $(AM_CPPFLAGS) $(GSL_CFLAGS)
tests_data_test_synth_LDADD = $(DATA_TEST_LIBS)
tests_data_test_text_SOURCES = tests/data/test_text.c
tests_data_test_text_LDADD = $(DATA_TEST_LIBS)
tests_data_test_tensor_digest_SOURCES = tests/data/test_tensor_digest.c
tests_data_test_tensor_digest_LDADD = $(DATA_TEST_LIBS)
endif
