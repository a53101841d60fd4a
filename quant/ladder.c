#include "quant/ladder.h"

#include "quant/base/ascending.h"
#include "quant/base/size.h"

void ladder_finish(struct ladder *ladder)
{
  for (size_t k = 0; k < ladder->steps; k++) {
    double a = ladder->value[k], b = ladder->value[k + 1];
    ladder->middle[k] = (a + b) / 2;
    ladder->rise[k] = b - a;
    ladder->rise2[k] = b * b - a * a;
  }
}

size_t ladder_passed(const struct ladder *ladder, size_t steps, double scale, double size)
{
  size_t k = first_above(ladder->middle, 0, steps, size / scale);
  /* The quotient may be rounded past a middle; products are what searches compare with. */
  while (k > 0 && ladder->middle[k - 1] * scale > size)
    k--;
  while (k < steps && ladder->middle[k] * scale <= size)
    k++;
  return k;
}

long ladders_first_zero(const struct calibration *calibration)
{
  return calibration->limited && calibration->asymmetric ? calibration->code_lo : 0;
}

void ladders_steps(const struct calibration *calibration, long zero, size_t steps[2])
{
  const struct format *format = calibration->format;
  struct grid grid = calibration_grid(calibration);
  struct unit unit = format->family->unit(&grid, 1, zero);
  steps[1] = format->family->zero_level(&grid, &unit);
  steps[0] = grid_levels(&grid) - 1 - steps[1];
}

static void fill_ladder(const struct grid *grid, const struct unit *unit, size_t zero, bool down,
                        struct ladder *ladder)
{
  const struct family *family = grid->format->family;
  ladder->even = family->even;
  ladder->doubles = family->doubles;
  ladder->steps = down ? zero : grid_levels(grid) - 1 - zero;
  for (size_t k = 0; k <= ladder->steps; k++)
    ladder->value[k] = down ? -(double)family->level(grid, unit, zero - k)
                            : (double)family->level(grid, unit, zero + k);
  ladder_finish(ladder);
}

/* Those of integers and small floats are the same as far as both sides go, wherever the zero point
 * is. */
void ladders_make(const struct calibration *calibration, struct ladders *ladders)
{
  struct grid grid = calibration_grid(calibration);
  struct unit unit = grid.format->family->unit(&grid, 1, ladders_first_zero(calibration));
  size_t zero = grid.format->family->zero_level(&grid, &unit);
  bool same = grid.format->family->doubles, down = zero > grid_levels(&grid) - 1 - zero;
  if (!same || !down)
    fill_ladder(&grid, &unit, zero, false, &ladders->ladder[0]);
  if (!same || down)
    fill_ladder(&grid, &unit, zero, true, &ladders->ladder[1]);
  ladders->side[0] = &ladders->ladder[same && down];
  ladders->side[1] = &ladders->ladder[!same || down];
}
