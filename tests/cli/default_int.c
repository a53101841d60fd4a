/* default_int PROGRAM ARGUMENT...: runs PROGRAM with SIGINT as a terminal would leave it; a shell
 * script's background jobs ignore it. */
#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv)
{
  signal(SIGINT, SIG_DFL);
  if (argc > 1)
    execv(argv[1], argv + 1);
  return 127;
}
