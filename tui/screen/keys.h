/* Keys as numbers, and their names as people write them.
 *
 * A key is its character (a code point, control characters included) or one of the codes below.
 * The terminal translates what it reads into these; nothing else knows the terminal's codes. */
#ifndef QSCOPE_TUI_SCREEN_KEY_CODE_H
#define QSCOPE_TUI_SCREEN_KEY_CODE_H

#include <stddef.h>
#include <stdint.h>

enum key {
  KEY_CODE_ESCAPE = 27,
  KEY_CODE_TAB = '\t',
  KEY_CODE_RETURN = '\r',
  KEY_CODE_LETTERS_END = 0x110000, /* above every code point */
  KEY_CODE_UP,
  KEY_CODE_DOWN,
  KEY_CODE_LEFT,
  KEY_CODE_RIGHT,
  KEY_CODE_PAGE_UP,
  KEY_CODE_PAGE_DOWN,
  KEY_CODE_HOME,
  KEY_CODE_END,
  KEY_CODE_BACKSPACE,
  KEY_CODE_BACK_TAB,
  KEY_CODE_DELETE,
  KEY_CODE_F1,
  KEY_CODE_F2,
  KEY_CODE_F3,
  KEY_CODE_F4,
  KEY_CODE_F5,
  KEY_CODE_F6,
  KEY_CODE_F7,
  KEY_CODE_F8,
  KEY_CODE_F9,
  KEY_CODE_F10,
  KEY_CODE_F11,
  KEY_CODE_F12,
  KEY_CODE_MOUSE,   /* something of the mouse: terminal_mouse tells */
  KEY_CODE_UNKNOWN, /* a key that no command has */
};

/* Reads the key list of a command ("f", "Right", "z +"): words separated by blanks, each one
 * character or a name. Writes at most MOST keys; returns how many. */
size_t keys_parse(const char *list, uint32_t *keys, size_t most);

/* The name of KEY into TEXT; returns TEXT. */
char *key_text(uint32_t key, char *text, size_t size);

#endif
