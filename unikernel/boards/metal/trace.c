/*
 * trace.c: the trace, one JSON object a line on the serial line, exactly as unikernel/trace.ts describes it. Texts of a peer are printable
 * ASCII of bounded length; no key material, no plaintext.
 */
#include "board.h"

enum { HELLO = 1, STATE = 2, ALERT_SENT = 3, ALERT_RECEIVED = 4, NEGOTIATED = 5, CANDY = 6, FAILED = 7 };
enum { LAST_STATE = 8, LAST_FAILURE = 121, FAILURE_INTERNAL = 114, LIST_MOST = 64, FINGERPRINT_MOST = 64, IMAGE_DIGITS = 64, TOKEN_LENGTH = 32 };

static const char *const doors[] = {"server", "dialback", "client"};
static uint64_t boot_id;
static uint8_t image[IMAGE_DIGITS];

void trace_init(const char *command_line) {
  entropy_fill((uint8_t *)&boot_id, sizeof boot_id);
  const char *given = find_word(command_line, "image=");
  unsigned digits = 0;
  while (given && digits < IMAGE_DIGITS && ((given[digits] >= '0' && given[digits] <= '9') || (given[digits] >= 'a' && given[digits] <= 'f'))) digits++;
  for (unsigned i = 0; i < IMAGE_DIGITS; i++) image[i] = digits == IMAGE_DIGITS ? given[i] : '0';
}

static void text(const char *key, const char *value) { print(",\""), print(key), print("\":\""), print(value), print("\""); }

static void number(const char *key, uint64_t value) { print(",\""), print(key), print("\":"), print_number(value); }

static void escaped(const char *key, struct bytes value) {
  print(",\""), print(key), print("\":\""), print_escaped(value.at, value.length), print("\"");
}

static void begin(const char *event, uint32_t conn) {
  print("{\"v\":1,\"time\":"), print_number(wall_millis());
  print(",\"boot\":\""), print_hex(boot_id, 16), print("\"");
  text("event", event);
  if (conn) number("conn", conn);
}

static void finish(void) { print("}"), print_line_end(); }

void trace_boot(void) {
  begin("boot", 0);
  text("board", "metal");
  escaped("image", (struct bytes){image, IMAGE_DIGITS});
  print(",\"doors\":{\"server\":"), print_number(net_port(0));
  number("dialback", net_port(1)), number("client", net_port(2)), print("}"), finish();
}

static void begin_peer(const char *event, uint32_t conn, struct peer peer) {
  begin(event, conn);
  text("door", doors[peer.door]);
  print(",\"peer\":{\"address\":\"");
  for (int shift = 24; shift >= 0; shift -= 8) print_number(peer.address >> shift & 255), print(shift ? "." : "\"");
  number("port", peer.port), print("}");
}

void trace_accepted(uint32_t conn, struct peer peer) { begin_peer("accepted", conn, peer), finish(); }

void trace_refused(uint32_t conn, struct peer peer, uint32_t reason) {
  begin_peer("refused", conn, peer);
  text("reason", reason == 1 ? "too-many-connections" : reason == 2 ? "too-many-from-peer" : "dial-failed"), finish();
}

void trace_certificate(uint32_t conn, struct bytes subject, uint32_t verdict) {
  begin("certificate", conn);
  escaped("subject", subject), number("verdict", verdict), finish();
}

/* The next `length` bytes of a summary; traps when they are not there. */
static struct bytes take(struct bytes *bytes, uint32_t length) {
  if (length > bytes->length) trap();
  struct bytes taken = {bytes->at, length};
  bytes->at += length, bytes->length -= length;
  return taken;
}

static struct bytes take_counted(struct bytes *bytes, uint32_t most, uint32_t size) {
  uint32_t count = *take(bytes, 1).at;
  if (count > most) trap();
  return take(bytes, count * size);
}

static void list(const char *key, struct bytes list) {
  print(",\""), print(key), print("\":[");
  for (uint32_t i = 0; i < list.length; i += 2) {
    if (i) print(",");
    print_number(list.at[i] << 8 | list.at[i + 1]);
  }
  print("]");
}

/* The encoding is defined in unikernel/guest/tls/fingerprint.ts. All of it is checked before anything is printed. */
static void hello(uint32_t conn, struct bytes bytes) {
  struct bytes suites = take_counted(&bytes, LIST_MOST, 2), groups = take_counted(&bytes, LIST_MOST, 2);
  struct bytes name = take_counted(&bytes, 255, 1), fingerprint = take_counted(&bytes, FINGERPRINT_MOST, 1), token = take(&bytes, TOKEN_LENGTH);
  if (bytes.length) trap();
  begin("hello", conn), escaped("fingerprint", fingerprint), list("suites", suites), list("groups", groups), print(",\"token\":\"");
  for (uint32_t i = 0; i < TOKEN_LENGTH; i++) print_hex(token.at[i], 2);
  print("\"");
  if (name.length) escaped("serverName", name);
}

void trace_door(uint32_t conn, uint32_t code, uint32_t a, uint32_t b, struct bytes bytes) {
  if (code == HELLO) {
    hello(conn, bytes);
  } else if (code == STATE && a <= LAST_STATE) {
    begin("state", conn), number("state", a);
  } else if (code == ALERT_SENT || code == ALERT_RECEIVED) {
    begin("alert", conn), text("direction", code == ALERT_SENT ? "sent" : "received");
    number("alert", a & 255);
    if (code == ALERT_SENT) number("failure", b <= LAST_FAILURE ? b : FAILURE_INTERNAL);
  } else if (code == NEGOTIATED) {
    begin("negotiated", conn), number("suite", a & 65535), number("group", b & 65535);
  } else if (code == CANDY) {
    begin("opened", conn);
  } else if (code == FAILED) {
    begin("failed", conn), number("failure", a <= LAST_FAILURE ? a : FAILURE_INTERNAL);
  } else {
    return;
  }
  finish();
}

void trace_trap(uint32_t conn, const char *compartment) { begin("trap", conn), text("compartment", compartment), finish(); }

void trace_closed(uint32_t conn, struct closed closed) {
  begin("closed", conn), text("by", closed.by);
  number("bytesIn", closed.bytes_in), number("bytesOut", closed.bytes_out);
  number("millis", closed.millis), number("cpuMicros", closed.micros), finish();
}
