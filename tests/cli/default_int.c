/* default_int PROGRAM ARGUMENT...: runs PROGRAM with the signals that stop it as a terminal would
 * leave them; a shell script's background jobs ignore SIGINT, and a detached session SIGHUP. */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

int main(int argc, char **argv)
{
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    signal(signals[i], SIG_DFL);
  if (argc > 1)
    execv(argv[1], argv + 1);
  return 127;
}
