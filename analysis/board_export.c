/* Boards as JSON and as comma-separated values. */
#include "analysis/board.h"
#include "analysis/export.h"

#include <math.h>

static void set_loss(json_t *object, const struct board_loss *loss)
{
  json_object_set_new(object, "mse", export_number(loss->mse));
  json_object_set_new(object, "rounding_mse", export_number(loss->rounding_mse));
  json_object_set_new(object, "clipping_mse", export_number(loss->clipping_mse));
  json_object_set_new(object, "sqnr_db", export_number(loss->sqnr_db));
  json_object_set_new(object, "clip_rate", export_number(loss->clip_rate));
}

static json_t *loss_json(const struct board_loss *loss)
{
  json_t *object = json_object();
  set_loss(object, loss);
  return object;
}

static json_t *point_json(const struct board_point *point)
{
  json_t *object = json_object();
  json_object_set_new(object, "threshold", export_number(point->threshold));
  set_loss(object, &point->loss);
  return object;
}

static json_t *choice_json(const struct board *board, const struct board_row *row)
{
  json_t *object = json_object(), *range = json_array();
  json_object_set_new(object, "threshold", export_number(row->threshold));
  json_object_set_new(object, "share_of_absmax", export_number(board_share(board, row)));
  json_array_append_new(range, export_number(row->lo));
  json_array_append_new(range, export_number(row->hi));
  json_object_set_new(object, "range", range);
  json_object_set_new(object, "scale", export_number(row->scale));
  json_object_set_new(object, "zero_point", json_integer(row->zero));
  return object;
}

static json_t *row_json(const struct board *board, const struct board_row *row)
{
  char text[QUANTIZER_TEXT];
  json_t *object = json_object();
  json_object_set_new(object, "name", export_text(board_name(row, text, sizeof text)));
  json_object_set_new(object, "spec", export_text(quantizer_print(&row->quantizer, text)));
  if (row->state != BOARD_DONE) {
    json_object_set_new(object, "refused", export_text(row->reason));
    return object;
  }
  json_t *choice = choice_json(board, row);
  json_object_update(object, choice);
  json_decref(choice);
  json_object_set_new(object, "metrics", loss_json(&row->whole));
  json_object_set_new(object, "bulk_sqnr_db", export_number(row->bulk_sqnr_db));
  json_object_set_new(object, "channel_sqnr_db",
                      json_pack("{s:o, s:o}", "median", export_number(row->channel_sqnr_db),
                                "worst", export_number(row->worst_channel_db)));
  json_object_set_new(object, "unit_metrics", loss_json(&row->unit));
  json_object_set_new(object, "distance_db", export_number(row->distance_db));
  json_object_set_new(object, "same_as_minmax", json_boolean(row->inert));
  json_object_set_new(object, "at_end_of_search", json_boolean(row->at_end));
  json_object_set_new(object, "note", *row->said ? json_string(row->said) : json_null());
  json_object_set_new(object, "seconds", export_number(row->seconds));
  return object;
}

static json_t *line_json(const struct board_line *line)
{
  json_t *object = json_object(), *points = json_array();
  for (size_t i = 0; i < line->points; i++) {
    json_t *point = json_object();
    json_object_set_new(point, "threshold", export_number(line->threshold[i]));
    json_object_set_new(point, "sqnr_db", export_number(line->sqnr_db[i]));
    json_array_append_new(points, point);
  }
  json_object_set_new(object, "name", export_text(line->name));
  json_object_set_new(object, "points", points);
  return object;
}

static json_t *board_json(const struct board *board, const char *source,
                          const struct tensor *tensor)
{
  char spec[QUANTIZER_TEXT];
  json_t *root = json_object(), *curve = json_array(), *rows = json_array(), *lines = json_array();
  for (size_t i = 0; i < board->points; i++)
    json_array_append_new(curve, point_json(&board->point[i]));
  for (size_t i = 0; i < board->rows && !*board->empty; i++)
    json_array_append_new(rows, row_json(board, &board->row[board->rank[i]]));
  for (size_t i = 0; i < board->lines; i++)
    json_array_append_new(lines, line_json(&board->line[i]));
  json_object_set_new(root, "source", export_text(source));
  json_object_set_new(root, "tensor", export_text(tensor->name));
  json_object_set_new(root, "transform", export_transform(tensor)); /* not there without one */
  json_object_set_new(root, "spec", export_text(quantizer_print(&board->quantizer, spec)));
  json_object_set_new(root, "calibrated_on",
                      *board->calibration ? export_text(board->calibration) : json_null());
  json_object_set_new(root, "unit", json_integer((json_int_t)board->unit));
  json_object_set_new(root, "units", json_integer((json_int_t)board->units));
  json_object_set_new(root, "finite", json_integer((json_int_t)board->finite));
  json_object_set_new(root, "ranked_by", json_string(board_ranking_names[board->by]));
  json_object_set_new(root, "papr",
                      export_number(board->absmax / sqrt(board->signal2 / (double)board->finite)));
  json_object_set_new(root, "absmax", export_number(board->absmax));
  json_object_set_new(root, "note", *board->empty ? json_string(board->empty) : json_null());
  json_object_set_new(root, "optimum", board->points ? point_json(&board->best) : json_null());
  json_object_set_new(root, "rows", rows);
  json_object_set_new(root, "curve", curve);
  json_object_set_new(root, "lines", lines);
  json_object_set_new(root, "exact", json_true());
  return root;
}

void boards_json(struct board *const *boards, size_t count, const char *source,
                 const struct tensor *tensor, FILE *out)
{
  json_t *root = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(root, board_json(boards[i], source, tensor));
  export_json(root, out);
}

static void row_csv(const struct board *board, size_t place, const char *source,
                    const struct tensor *tensor, FILE *out)
{
  const struct board_row *row = &board->row[board->rank[place]];
  char text[QUANTIZER_TEXT + BOARD_REASON];
  export_csv_text(out, source);
  fputc(',', out);
  export_csv_text(out, tensor->name);
  fprintf(out, ",%zu,%zu,", board->unit, place + 1);
  export_csv_text(out, board_name(row, text, sizeof text));
  fputc(',', out);
  export_csv_text(out, quantizer_print(&row->quantizer, text));
  const double numbers[] = {row->threshold,
                            board_share(board, row),
                            row->lo,
                            row->hi,
                            row->scale,
                            (double)row->zero,
                            row->whole.sqnr_db,
                            row->whole.mse,
                            row->whole.rounding_mse,
                            row->whole.clipping_mse,
                            row->whole.clip_rate,
                            row->distance_db,
                            row->bulk_sqnr_db,
                            row->channel_sqnr_db,
                            row->worst_channel_db,
                            row->seconds};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    fputc(',', out);
    if (row->state == BOARD_DONE)
      export_csv_number(out, numbers[i]);
  }
  fputc(',', out);
  export_csv_text(out, board_note(row, text, sizeof text));
  export_csv_transform(out, tensor, false);
  fputc('\n', out);
}

void boards_csv(struct board *const *boards, size_t count, const char *source,
                const struct tensor *tensor, FILE *out)
{
  fputs("source,tensor,unit,rank,name,spec,threshold,share_of_absmax,lo,hi,scale,zero_point,"
        "sqnr_db,mse,rounding_mse,clipping_mse,clip_rate,distance_db,bulk_sqnr_db,channel_sqnr_db,"
        "worst_channel_db,seconds,note",
        out);
  export_csv_transform(out, tensor, true);
  fputc('\n', out);
  for (size_t b = 0; b < count; b++)
    for (size_t i = 0; i < boards[b]->rows && !*boards[b]->empty; i++)
      row_csv(boards[b], i, source, tensor, out);
}
