# Injected faults. The linker's --wrap (GNU ld, lld, mold) puts our calls in place of the system's.

if HAVE_CMOCKA
if HAVE_LD_WRAP
FAULT_TESTS = tests/faults/test_faults
check_PROGRAMS += $(FAULT_TESTS) tests/faults/faulty
TESTS += $(FAULT_TESTS)

fault_cppflags = $(qscope_CPPFLAGS)
fault_ldflags = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free \
	-Wl,--wrap=strdup,--wrap=strndup,--wrap=realpath \
	-Wl,--wrap=open,--wrap=read,--wrap=pread,--wrap=fstat,--wrap=stat,--wrap=opendir \
	-Wl,--wrap=mmap,--wrap=pthread_create,--wrap=pipe \
	-Wl,--wrap=mkstemp,--wrap=fopen,--wrap=fdopen,--wrap=fwrite,--wrap=fflush,--wrap=fclose \
	-Wl,--wrap=fsync,--wrap=fchmod,--wrap=rename
tests_faults_test_faults_SOURCES = tests/faults/test_faults.c tests/faults/program.c \
	tests/faults/inject.c tests/faults/inject.h tests/faults/names.c
tests_faults_test_faults_CPPFLAGS = $(fault_cppflags)
tests_faults_test_faults_LDFLAGS = $(fault_ldflags)
tests_faults_test_faults_LDADD = libdatatest.a $(qscope_LDADD) $(CMOCKA_LIBS)

# The program, for tests in a terminal.
tests_faults_faulty_SOURCES = tests/faults/environment.c tui/cli/main.c \
	tests/faults/inject.c tests/faults/inject.h tests/faults/names.c
tests_faults_faulty_CPPFLAGS = $(fault_cppflags)
tests_faults_faulty_LDFLAGS = $(fault_ldflags)
tests_faults_faulty_LDADD = $(qscope_LDADD)

if HAVE_VTERM
check_PROGRAMS += tests/faults/test_terminal
TESTS += tests/faults/test_terminal
tests_faults_test_terminal_SOURCES = tests/faults/test_terminal.c tests/faults/inject.h \
	tests/faults/names.c tests/screen/fixture.c tests/screen/fixture.h
tests_faults_test_terminal_LDADD = libharness.a $(VTERM_LIBS) $(CMOCKA_LIBS)
endif
endif
endif
