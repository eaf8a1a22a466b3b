/*
 * print.c: the serial line (16550 at 0x3f8), out only: nothing is ever read from it. A line is gathered and sent whole. When
 * the other end takes nothing for a second or so, lines are lost and the piñata goes on; a line that was cut by that is
 * ended before the next, so that no two ever run together.
 */
#include "board.h"

enum { DATA = 0x3f8, FIFO = 0x3fa, LINE_STATUS = 0x3fd, EMPTY = 0x20, FIFO_LENGTH = 16 };
#define PATIENCE 3000000000ul /* cycles */

static uint8_t line[4096];
static uint32_t length;
/* The other end takes nothing: it is not waited for again. */
static bool lost;

static void put(uint8_t byte) { if (length < sizeof line - 1) line[length++] = byte; }

void print(const char *text) { while (*text) put(*text++); }

void print_number(uint64_t number) {
  char digits[21];
  unsigned at = sizeof digits - 1;
  digits[at] = 0;
  do digits[--at] = '0' + number % 10;
  while (number /= 10);
  print(&digits[at]);
}

void print_hex(uint64_t number, unsigned digits) { while (digits--) put("0123456789abcdef"[number >> (4 * digits) & 15]); }

void print_escaped(const uint8_t *text, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    uint8_t byte = text[i];
    if (byte == '"' || byte == '\\') put('\\');
    put(byte >= 0x20 && byte < 0x7f ? byte : '?');
  }
}

static bool wait_empty(void) {
  uint64_t start = cycles();
  do {
    if (in8(LINE_STATUS) & EMPTY) return true;
  } while (!lost && cycles() - start < PATIENCE);
  return false;
}

static bool send(const uint8_t *bytes, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (i % FIFO_LENGTH == 0 && !wait_empty()) return false;
    out8(DATA, bytes[i]);
  }
  return true;
}

void print_line_end(void) {
  static const uint8_t end = '\n';
  line[length++] = end;
  out8(FIFO, 1);
  if (lost && send(&end, 1)) lost = false;
  if (!lost) lost = !send(line, length);
  length = 0;
}
